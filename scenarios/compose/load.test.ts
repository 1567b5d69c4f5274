/**
 * Stack files in all their spellings, and the model that comes out.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: stack files write their variables so
import { expect, test } from 'vitest';
import type { ProgramSpec } from '../../node/workload/program.ts';
import { LocatedYaml } from '../language/located-yaml.ts';
import { yaml } from '../testing/complaints.ts';
import { interpolate } from './interpolate.ts';
import { loadCompose } from './load.ts';
import { parsePort } from './ports.ts';
import { splitCommand } from './values.ts';

function load(text: string, environment: Record<string, string> = {}) {
  const { model, issues } = loadCompose(new LocatedYaml('s.yaml', text), environment);
  expect(issues.filter((issue) => !issue.isWarning)).toEqual([]);
  return model!;
}

test.each([
  ['$A', 'one'],
  ['${A}', 'one'],
  ['x${A}y$A', 'xoneyone'],
  ['${B:-two}', 'two'],
  ['${B-two}', 'two'],
  ['${E:-two}', 'two'],
  ['${E-two}', ''],
  ['${A:-two}', 'one'],
  ['${B:-http://x:80/}', 'http://x:80/'],
  ['$$A', '$A'],
  ['$${A}', '${A}'],
  ['plain', 'plain'],
])('%s becomes %s', (text, expected) => {
  const rest = { missing: undefined, isInvalid: false, unset: [] };
  expect(interpolate(text, { A: 'one', E: '' })).toEqual({ text: expected, ...rest });
});

const escaping = (template: string) =>
  `invalid interpolation format for services.web.command.[]: "${template}"; ` +
  'you may need to escape any $ with another $';

test.each([
  ['${B:?need it}', escaping('required variable B is missing a value: need it')],
  ['${E:?need it}', escaping('required variable E is missing a value: need it')],
  ['${1x}', escaping('${1x}')],
  ['a $ b', escaping('a $ b')],
])('%s is refused', (text, expected) => {
  const file = `services: { web: { image: x, command: ['${text}'] } }`;
  const { issues } = loadCompose(new LocatedYaml('s.yaml', file), { E: '' });
  expect(issues.map(({ message }) => message)).toEqual([expected]);
});

test('a variable without value and default becomes empty, with a warning', () => {
  expect(interpolate('a${B}c', {})).toMatchObject({ text: 'ac', unset: ['B'] });
  const document = new LocatedYaml(
    's.yaml',
    'services:\n  web:\n    image: nginx\n    hostname: a$B\n',
  );
  const { issues } = loadCompose(document, {});
  expect(issues.map((issue) => [issue.line, issue.isWarning, issue.message])).toEqual([
    [4, true, 'the variable B is not set; it becomes an empty string'],
  ]);
});

const port = (target: number, published = 0, protocol = 'tcp') => ({
  target,
  published,
  protocol,
  mode: 'ingress',
});

test.each([
  ['80', [port(80)]],
  ['8080:80', [port(80, 8080)]],
  ['127.0.0.1:8080:80/udp', [port(80, 8080, 'udp')]],
  ['5000-5001:80-81', [port(80, 5000), port(81, 5001)]],
  ['80-81/sctp', [port(80, 0, 'sctp'), port(81, 0, 'sctp')]],
  ['80-81:90', [port(90, 80), port(90, 81)]],
  ['0:80', [port(80)]],
  ['x', 'Invalid containerPort: x'],
  ['80/quic', 'Invalid proto: quic'],
  ['90-80:1-2', 'Invalid hostPort: 90-80'],
  ['1-2:80-82', 'Invalid ranges specified for container and host Ports: 80-82 and 1-2'],
])('the port %s', (text, expected) => {
  expect(parsePort(text)).toEqual(expected);
});

test.each([
  ['sleep 86400', ['sleep', '86400']],
  [`sh -c "echo 'a b' \\"c\\""`, ['sh', '-c', `echo 'a b' "c"`]],
  [`a\\ b 'c d'e`, ['a b', 'c de']],
  ['', []],
])('the command %s', (line, words) => {
  expect(splitCommand(line)).toEqual(words);
});

const EVERYTHING = yaml`
      version: "3.8"
      x-common: &common
        image: registry.example.com:5000/team/app:$TAG
        environment: { B: 2, A: "x=y", GONE: }
      services:
        app:
          <<: *common
          command: serve --port 80
          entrypoint: ["/bin/app"]
          ports: ["8080-8081:80-81", { target: 53, published: 53, protocol: udp, mode: host }]
          expose: [9000, "80"]
          networks:
            front: { aliases: [www] }
            back:
          labels: [a=b, c]
          hostname: app
          stop_grace_period: 1m30s
          stop_signal: SIGINT
          extra_hosts: ["db:10.0.0.9"]
          healthcheck: { test: curl -f localhost, interval: 5s, retries: $RETRIES }
          deploy:
            replicas: $REPLICAS
            endpoint_mode: vip
            labels: { tier: web }
            placement:
              constraints: [node.role == worker]
              preferences: [{ spread: node.labels.rack }]
              max_replicas_per_node: 2
            update_config: { delay: 10s, order: start-first, failure_action: rollback }
            rollback_config: { parallelism: 0 }
            restart_policy: { condition: on-failure, delay: 5s, max_attempts: 3, window: 2m }
            resources:
              limits: { cpus: "0.5", memory: 50M }
        plain:
          image: nginx
          healthcheck: { disable: true }
          deploy: { mode: global }
      networks:
        front: { driver: overlay, attachable: true, driver_opts: { encrypted: "" } }
        back:
          internal: true
          ipam: { config: [{ subnet: 10.9.0.0/24 }] }
        outer: { external: true, name: shared }
    `;

const EVERYTHING_OF_APP = {
  image: 'registry.example.com:5000/team/app:1.2',
  command: ['serve', '--port', '80'],
  entrypoint: ['/bin/app'],
  environment: ['A=x=y', 'B=2'],
  hostname: 'app',
  labels: { a: 'b', c: '' },
  expose: ['9000/tcp', '80/tcp', '53/udp', '81/tcp'],
  ports: [
    { target: 53, published: 53, protocol: 'udp', mode: 'host' },
    { target: 80, published: 8080, protocol: 'tcp', mode: 'ingress' },
    { target: 81, published: 8081, protocol: 'tcp', mode: 'ingress' },
  ],
  networks: { front: { aliases: ['www'] }, back: {} },
  extraHosts: ['db:10.0.0.9'],
  healthcheck: {
    test: ['CMD-SHELL', 'curl -f localhost'],
    intervalNs: 5_000_000_000,
    retries: 3,
  },
  stopSignal: 'SIGINT',
  stopGracePeriodNs: 90_000_000_000,
  deploy: {
    mode: 'replicated',
    replicas: 4,
    endpointMode: 'vip',
    labels: { tier: 'web' },
    constraints: ['node.role == worker'],
    preferences: ['node.labels.rack'],
    maxReplicasPerNode: 2,
    limits: { cpus: 0.5, memoryBytes: 52_428_800 },
    restartPolicy: {
      condition: 'on-failure',
      delayNs: 5_000_000_000,
      maxAttempts: 3,
      windowNs: 120_000_000_000,
    },
    updateConfig: {
      parallelism: 1,
      delayNs: 10_000_000_000,
      failureAction: 'rollback',
      order: 'start-first',
    },
    rollbackConfig: { parallelism: 0 },
  },
};

const EVERY_NETWORK = {
  front: {
    driver: 'overlay',
    driverOptions: { encrypted: '' },
    attachable: true,
    external: false,
  },
  back: {
    internal: true,
    external: false,
    ipam: [{ subnet: '10.9.0.0/24' }],
  },
  outer: { name: 'shared', external: true },
};

test('every section of a service reaches the model', () => {
  const model = load(EVERYTHING, { TAG: '1.2', RETRIES: '3', REPLICAS: '4' });
  expect(JSON.parse(JSON.stringify(model.services['app']))).toEqual(EVERYTHING_OF_APP);
  expect(JSON.parse(JSON.stringify(model.networks))).toEqual(EVERY_NETWORK);
  const plain = model.services['plain']!;
  expect(plain.deploy?.mode).toBe('global');
  expect(plain.healthcheck).toEqual({ test: ['NONE'] });
  expect(plain.workload).toBeUndefined();
});

test('x-swarmlab becomes a program; what it leaves open comes from the image', () => {
  const model = load(yaml`
    services:
      redis:
        image: redis:alpine
        x-swarmlab: { startup: 2s, ignores-stop-signal: true }
      app:
        image: acme/app
        x-swarmlab:
          listen: [{ port: 53, protocol: udp, response: 1KiB }]
          calls: [{ to: "tcp://redis:6379", every: 500ms, timeout: 1s }]
          healthy-after: never
          exit: { after: 90s, code: 3 }
  `);
  const redis = model.services['redis']!.workload as unknown as ProgramSpec;
  expect(redis.startup).toEqual({ minNs: 2_000_000_000, maxNs: 2_000_000_000 });
  expect(redis.listeners.map((listener) => listener.port)).toEqual([6379]);
  expect(redis.ignoresStopSignal).toBe(true);
  expect(redis.health.healthyAfterNs).toBe(0);
  const app = model.services['app']!.workload as unknown as ProgramSpec;
  expect(app.listeners[0]).toMatchObject({ port: 53, protocol: 'udp', responseBytes: 1024 });
  expect(app.calls).toEqual([
    {
      to: { protocol: 'tcp', host: 'redis', port: 6379, path: '/' },
      everyNs: 500_000_000,
      requestBytes: 64,
      timeoutNs: 1_000_000_000,
    },
  ]);
  expect(app.health.healthyAfterNs).toBeUndefined();
  expect(app.exit).toEqual({ afterNs: 90_000_000_000, code: 3 });
});
