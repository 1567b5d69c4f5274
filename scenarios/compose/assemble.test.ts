/**
 * Several compose files as one: what is laid over what, services that extend others, files that are
 * included, services that only some profiles have, and what is wrong with them.
 */
import { expect, test } from 'vitest';
import type { ContainerRequest } from '../../node/daemon/requests.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { siblingOf } from '../load.ts';
import { loadProject } from './load.ts';

function load(
  texts: Readonly<Record<string, string>>,
  files: readonly string[] = ['a.yaml'],
  profiles: readonly string[] = [],
) {
  const environment = { TAG: '1.2', EMPTY: '', PORT: '8080' };
  const access = { read: (path: string) => texts[path], siblingOf, environment };
  const { project, issues } = loadProject({ files, profiles, name: undefined }, access, 'shop');
  const said = issues.map(({ file, line, message }) => `${file}:${line} ${message}`);
  return { project, said };
}

/** The container of a service, and what is wrong with the files. */
function containersOf(...wanted: Parameters<typeof load>): Record<string, ContainerRequest> {
  const { project, said } = load(...wanted);
  expect(said).toEqual([]);
  const all = project!.services.flatMap(({ containers }) => containers);
  return Object.fromEntries(all.map((each) => [each.name, each]));
}

test('a file laid over another: lists are joined, mappings merged, commands replaced', () => {
  const { 'shop-web-1': web } = containersOf(
    {
      'a.yaml': `
services:
  web:
    image: nginx:\${TAG}
    command: [nginx, -g]
    environment: { A: 1, B: 2 }
    ports: ["127.0.0.1:80:80", "81:81"]
    networks: [front]
    dns: 10.0.0.53
    labels: [kept=1]
networks: { front: { ipam: { config: [{ subnet: 10.9.0.0/24 }] } }, back: {} }
`,
      'b.yaml': `
services:
  web:
    command: sleep 1
    environment: [B=3]
    ports: ["81:81", { target: 82, published: "\${PORT}", host_ip: 10.1.1.1, protocol: udp }]
    networks: { back: { aliases: [own], mac_address: "02:00:00:00:00:99", gw_priority: 5 } }
    dns: [10.0.0.54]
networks: { front: { ipam: { config: [{ subnet: 10.9.0.0/24, gateway: 10.9.0.9 }] } } }
`,
    },
    ['a.yaml', 'b.yaml'],
  );
  expect(web).toMatchObject({
    image: 'nginx:1.2',
    command: ['sleep', '1'],
    environment: ['A=1', 'B=3'],
    dns: ['10.0.0.53', '10.0.0.54'],
  });
  expect(web!.labels.get('kept')).toBe('1');
  expect(
    web!.bindings.map(
      ({ hostAddress, hostPorts, port, protocol }) =>
        `${hostAddress}:${hostPorts[0]}:${port}/${protocol}`,
    ),
  ).toEqual(['127.0.0.1:80:80/tcp', ':81:81/tcp', '10.1.1.1:8080:82/udp']);
  expect([...web!.endpoints.keys()]).toEqual(['shop_back', 'shop_front']);
  expect(web!.endpoints.get('shop_back')).toMatchObject({ mac: 0x99 + 0x020000000000 });
  expect(web!.endpoints.get('shop_back')).toMatchObject({ gatewayPriority: 5 });
});

test('the configurations of one subnet are one, wherever they come from', () => {
  const front = (config: string) => `networks: { front: { ipam: { config: [${config}] } } }`;
  const { project } = load(
    {
      'a.yaml': `services: { w: { image: x, networks: [front] } }\n${front('{ subnet: 10.9.0.0/24 }')}`,
      'b.yaml': front('{ subnet: 10.9.0.0/24, gateway: 10.9.0.9 }'),
    },
    ['a.yaml', 'b.yaml'],
  );
  const [network] = project!.networks;
  expect(network!.ipam.map(({ gateway }) => formatIpv4Address(gateway!))).toEqual(['10.9.0.9']);
});

test('!reset takes away what is below, !override puts itself in its place', () => {
  const {
    'shop-web-1': web,
    'shop-twin-1': twin,
    'shop-gone-1': gone,
  } = containersOf(
    {
      'a.yaml': `
services:
  web: { image: nginx, ports: ["80:80"], expose: [81], environment: { A: 1, B: 2 }, networks: [x] }
  gone: { image: nginx }
  twin: { extends: web, expose: !reset [] }
networks: { x: , y: }
`,
      'b.yaml': `
services:
  web:
    ports: !override ["90:80"]
    environment: { A: !reset null }
    networks: !override { y: { aliases: [own] } }
  gone: !reset null
`,
    },
    ['a.yaml', 'b.yaml'],
  );
  expect(web!.bindings.map(({ hostPorts }) => hostPorts[0])).toEqual([90]);
  expect(web!.environment).toEqual(['B=2']);
  expect([...web!.endpoints.keys()]).toEqual(['shop_y']);
  expect(gone).toBeUndefined();
  expect(twin!.exposed).toEqual([]);
  expect(twin!.environment).toEqual(['A=1', 'B=2']);
});

test("a place on a network says its interface's name and its driver's options", () => {
  const sysctls = 'com.docker.network.endpoint.sysctls';
  const { project, said } = load({
    'a.yaml': `
version: "3.8"
services:
  web:
    image: x
    networks:
      n: { interface_name: lan0, driver_opts: { ${sysctls}: net.ipv4.conf.IFNAME.log_martians=1 } }
networks: { n: }
`,
  });
  const [web] = project!.services[0]!.containers;
  expect([...web!.endpoints.get('shop_n')!.driverOptions!]).toEqual([
    [sysctls, 'net.ipv4.conf.IFNAME.log_martians=1'],
    ['com.docker.network.endpoint.ifname', 'lan0'],
  ]);
  expect(said).toEqual([
    'a.yaml:2 a.yaml: the attribute `version` is obsolete, it will be ignored, please remove it to ' +
      'avoid potential confusion',
  ]);
});

test('services extend others, of the same file and of another one, each below the next', () => {
  const containers = containersOf({
    'a.yaml': `
include: [more/c.yaml]
services:
  web: { extends: { file: more/b.yaml, service: base }, environment: { OWN: 1 }, expose: [81] }
  twin: { extends: web, hostname: twin }
`,
    'more/b.yaml': `
services:
  root: { image: nginx, environment: { ROOT: 1, OWN: 0 }, restart: always }
  base: { extends: { service: root }, expose: ["80"] }
`,
    'more/c.yaml': 'services: { db: { image: redis, networks: [data] } }\nnetworks: { data: }',
  });
  expect(Object.keys(containers).sort()).toEqual(['shop-db-1', 'shop-twin-1', 'shop-web-1']);
  const { 'shop-twin-1': twin } = containers;
  expect(twin).toMatchObject({
    image: 'nginx',
    hostname: 'twin',
    environment: ['OWN=1', 'ROOT=1'],
    restartPolicy: { name: 'always' },
  });
  expect(twin!.exposed.map(({ port }) => port)).toEqual([80, 81]);
});

test('who has profiles is there when one of them is asked for', () => {
  const file = {
    'a.yaml': `
services:
  web: { image: nginx, depends_on: { debug: { condition: service_started, required: false } } }
  debug: { image: alpine, profiles: [debug, all] }
`,
  };
  expect(Object.keys(containersOf(file))).toEqual(['shop-web-1']);
  expect(Object.keys(containersOf(file, ['a.yaml'], ['all'])).sort()).toEqual([
    'shop-debug-1',
    'shop-web-1',
  ]);
});

test.each([
  [`\${TAG:+v$TAG}-\${NONE:+x}`, 'v1.2-'],
  [`\${EMPTY+set}\${EMPTY:+full}`, 'set'],
  [`\${NONE:-\${ALSO:-deep}}`, 'deep'],
  [`$$TAG \${NONE-}`, '$TAG '],
])('%s', (text, result) => {
  const { 'shop-w-1': w } = containersOf({
    'a.yaml': `services: { w: { image: x, hostname: '${text}' } }`,
  });
  expect(w!.hostname).toBe(result);
});

const ONE = (service: string) => ({ 'a.yaml': `services: { web: { image: x, ${service} } }` });

test.each([
  [
    ONE(`hostname: "\${NONE:?say it}"`),
    'error while interpolating services.web.hostname: required variable NONE is missing a value: ' +
      'say it',
  ],
  [
    ONE(`hostname: "\${"`),
    'invalid interpolation format for services.web.hostname.\nYou may need to escape any $ with ' +
      'another $.\n${',
  ],
  [ONE('extends: base'), 'cannot extend service "web" in a.yaml: service "base" not found'],
  [ONE('extends: { file: b.yaml, service: base }'), 'open b.yaml: no such file or directory'],
  [
    { ...ONE('extends: { file: b.yaml, service: base }'), 'b.yaml': 'services: { other: {} }' },
    'cannot extend service "web" in a.yaml: service "base" not found in b.yaml',
  ],
  [
    { 'a.yaml': 'services: { web: { extends: twin }, twin: { extends: web } }' },
    'Circular reference:\n  web in a.yaml\n  extends twin in a.yaml\n  extends web in a.yaml',
  ],
  [
    { 'a.yaml': 'include: [a.yaml]\nservices: { web: { image: x } }' },
    'include cycle detected:\na.yaml\n include a.yaml',
  ],
  [
    ONE('healthcheck: { test: [curl, localhost] }'),
    'healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"',
  ],
  [
    ONE('container_name: one, scale: 2'),
    "services.scale: can't set container_name and web as container name must be unique: invalid " +
      'compose project',
  ],
  [ONE('ports: ["1:80/icmp"]'), 'Invalid proto: icmp'],
])('%o', (texts, message) => {
  const { said } = load(texts as Record<string, string>);
  expect(said).toEqual([`a.yaml:1 ${message}`]);
});
