/**
 * Compose files that `docker compose up` brings up on one host: which containers and networks come of
 * them, who reaches whom, and what is wrong with a file.
 */
import { expect, test } from 'vitest';
import type { Daemon } from '../../node/daemon/daemon.ts';
import { docker } from '../../node/docker/docker.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from '../run/run-scenario.ts';

/** Runs a scenario whose timeline brings `app.yaml` up on worker-1. */
function bringUp(composeFile: string, steps: readonly string[] = [], expectations: string[] = []) {
  const scenario = `
name: compose
cluster: { docker: "20.10", workers: 1 }
timeline:
  - { at: 5s, compose: { worker-1: app.yaml } }
${steps.map((step) => `  - ${step}\n`).join('')}
until: 20s
expect: [${['checkers hold at end', ...expectations].map((e) => JSON.stringify(e)).join(', ')}]
`;
  const files: Readonly<Record<string, string>> = { 'x.yaml': scenario, 'app.yaml': composeFile };
  const { loaded, issues } = loadScenario('x.yaml', (path) => files[path]);
  const messages = issues.map(({ file, line, message }) => `${file}:${line} ${message}`);
  if (loaded === undefined) return { messages };
  const { cluster, result } = runScenario(loaded);
  return { messages, result, daemon: cluster.machines[1]!.host!.daemon };
}

const printed = (daemon: Daemon, line: string) => docker(daemon, line).stdout;

const SHOP = `
services:
  web:
    image: nginx
    ports: ["127.0.0.1:8080:80", { target: 81, published: 8081 }]
    depends_on: [api]
    networks: [front]
  api:
    image: nginx
    depends_on: { db: { condition: service_started } }
    networks: { front: { aliases: [backend] }, back: { ipv4_address: 10.77.0.9 } }
  db: { image: redis, networks: [back], container_name: the-db }
  probe: { image: redis, network_mode: "service:web" }
  agent: { image: alpine, network_mode: host }
  lonely: { image: alpine, network_mode: none }
networks:
  front:
  back: { internal: true, ipam: { config: [{ subnet: 10.77.0.0/24 }] } }
  unused:
`;

test('services become containers on the networks of their project', () => {
  const nc = (container: string, target: string) =>
    `{ on: worker-1, container: ${container}, run: "nc -zv -w 1 ${target}" }`;
  const { messages, result, daemon } = bringUp(
    SHOP,
    [
      `{ at: 8s, as: names, exec: ${nc('app-web-1', 'backend 80')} }`,
      `{ at: 9s, as: database, exec: ${nc('app-api-1', 'the-db 6379')} }`,
      `{ at: 10s, as: apart, exec: ${nc('app-web-1', '10.77.0.2 6379')} }`,
      `{ at: 13s, as: shared, exec: ${nc('app-web-1', '127.0.0.1 6379')} }`,
      '{ at: 14s, as: published, exec: { on: worker-1, run: "nc -zv 127.0.0.1 8080" } }',
    ],
    [
      'exec names exits with 0',
      'exec database exits with 0',
      'exec apart exits with 1',
      'exec shared exits with 0',
      'exec published exits with 0',
    ],
  );
  expect(messages).toEqual([]);
  expect(result!.expectations.filter(({ met }) => !met)).toEqual([]);
  const names = daemon!.list().map(({ name, state }) => `${name} ${state}`);
  expect(names).toEqual([
    'app-agent-1 running',
    'the-db running',
    'app-api-1 running',
    'app-lonely-1 running',
    'app-web-1 running',
    'app-probe-1 running',
  ]);
  const networks = printed(daemon!, 'network ls').split('\n').slice(1);
  expect(networks.map((line) => line.split(/ +/)[1])).toEqual([
    'app_back',
    'app_front',
    'bridge',
    'docker_gwbridge',
    'host',
    'none',
    undefined,
  ]);
  const [web] = JSON.parse(printed(daemon!, 'inspect app-web-1'));
  expect(web.NetworkSettings.Networks.app_front.Aliases.slice(0, 2)).toEqual(['app-web-1', 'web']);
  expect(web.NetworkSettings.Ports).toEqual({
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
    '81/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8081' },
      { HostIp: '::', HostPort: '8081' },
    ],
  });
});

test('what the daemon refuses is told in the timeline', () => {
  const { result } = bringUp(`
services:
  a: { image: nginx, ports: ["8080:80"] }
  b: { image: nginx, ports: ["8080:80"] }
`);
  const told = result!.timeline.filter(({ topic }) => topic === 'docker');
  expect(told).toHaveLength(1);
  expect(told[0]!.text).toMatch(
    /Error response from daemon: driver failed .* app-b-1 .*: Bind for 0.0.0.0:8080 failed: port is/,
  );
});

test.each([
  ['services: { a: { image: x, networks: [n] } }', 'service "a" refers to undefined network n'],
  [
    'services: { a: { image: x, depends_on: [b] } }',
    'service "a" depends on undefined service "b"',
  ],
  ['services: { a: { command: x } }', 'service "a" has neither an image nor a build context'],
  ['services: { a: { image: x, ports: ["80:x"] } }', 'Invalid containerPort: x'],
  [
    'services: { a: { image: x, network_mode: host, networks: [default] } }',
    'service a declares mutually exclusive `network_mode` and `networks`',
  ],
  [
    'services: { a: { image: x, depends_on: [b] }, b: { image: x, links: [a] } }',
    'dependency cycle detected: a -> b -> a',
  ],
])('%s', (file, message) => {
  const { messages } = bringUp(file);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(`app.yaml:1 ${message}`);
});
