/**
 * `docker compose up` and `down` in virtual time: who waits for whom, until when, and what is said
 * when it was in vain; what a project leaves behind.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from '../run/run-scenario.ts';

function run(files: Readonly<Record<string, string>>, steps: readonly string[]) {
  const scenario = `
name: compose
cluster: { docker: "28", workers: 1 }
timeline:
${steps.map((step) => `  - ${step}\n`).join('')}
until: 60s
`;
  const { loaded, issues } = loadScenario('x.yaml', (path) =>
    path === 'x.yaml' ? scenario : files[path],
  );
  expect(issues).toEqual([]);
  const { cluster, result } = runScenario(loaded!);
  const told = result.timeline.filter(({ topic }) => topic === 'docker').map(({ text }) => text);
  return { daemon: cluster.machines[1]!.host!.daemon, told };
}

const CHAIN = (exitCode: number, health: string) => `
services:
  app:
    image: nginx
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
  db:
    image: redis
    healthcheck: { test: redis-cli ping, interval: 2s, retries: 2 }
    x-swarmlab: { ${health} }
  migrate:
    image: alpine
    depends_on: [db]
    x-swarmlab: { exit: { after: 7.2s, code: ${exitCode} } }
  apart: { image: nginx }
`;

test('a service starts when what it depends on is healthy, and done', () => {
  const { daemon, told } = run({ 'a.yaml': CHAIN(0, 'healthy-after: 3s') }, [
    '{ at: 10s, compose: { worker-1: a.yaml } }',
  ]);
  expect(told).toEqual([]);
  const startedAt = Object.fromEntries(
    daemon.list().map(({ name, startedAtNs }) => [name, startedAtNs! / SECOND_NS]),
  );
  // healthy with the check after 4 s, done after 7.2 s, and compose looks every 0.5 s
  expect(startedAt).toEqual({
    'a-apart-1': 10,
    'a-db-1': 10,
    'a-migrate-1': 10,
    'a-app-1': 17.5,
  });
  expect(daemon.find('a-db-1')!.health).toBe('healthy');
});

test.each([
  [CHAIN(0, 'healthy-after: never'), 'dependency failed to start: container a-db-1 is unhealthy'],
  [CHAIN(3, 'healthy-after: 1s'), 'service "migrate" didn\'t complete successfully: exit 3'],
  [
    'services: { a: { image: x, depends_on: { b: { condition: service_healthy } } }, b: { image: x } }',
    'dependency failed to start: container a-b-1 has no healthcheck configured',
  ],
])('who waits in vain is told why', (file, why) => {
  const { daemon, told } = run({ 'a.yaml': file }, ['{ at: 10s, compose: { worker-1: a.yaml } }']);
  expect(told).toEqual([expect.stringContaining(why)]);
  const waiting = daemon.list().filter(({ state }) => state === 'created');
  expect(waiting).toHaveLength(1);
});

test('down takes all of the project away, but for who is no longer in the file', () => {
  const files = {
    'a.yaml': `
services: { web: { image: nginx, depends_on: [db] }, db: { image: redis }, old: { image: nginx } }
`,
    'b.yaml':
      'name: a\nservices: { web: { image: nginx, depends_on: [db] }, db: { image: redis } }',
  };
  const up = '{ at: 10s, compose: { worker-1: a.yaml } }';
  const down = (more: string) =>
    `{ at: 20s, compose: { worker-1: { files: b.yaml, command: down${more} } } }`;
  const orphaned = run(files, [up, down('')]);
  expect(orphaned.daemon.list().map(({ name }) => name)).toEqual(['a-old-1']);
  expect(orphaned.daemon.host.networks.find('a_default')?.endpoints.size).toBe(1);
  const clean = run(files, [up, down(', remove-orphans: true')]);
  expect(clean.daemon.list()).toEqual([]);
  expect(clean.daemon.host.networks.find('a_default')).toBeUndefined();
});

test('up makes anew what has changed, with whoever shares its network, and takes away what is too much', () => {
  const before = `
services:
  web: { image: nginx, ports: ["8080:80"], scale: 1, networks: [front] }
  aside: { image: redis, network_mode: "service:web" }
  same: { image: redis, scale: 2, networks: [back] }
networks: { front: , back: }
`;
  const after = before
    .replace('8080:80', '8081:80')
    .replace('scale: 2', 'scale: 1')
    .replace('back: }', 'back: { ipam: { config: [{ subnet: 10.88.0.0/24 }] } } }');
  const { daemon, told } = run({ 'a.yaml': before, 'b.yaml': after }, [
    '{ at: 5s, compose: { worker-1: { files: a.yaml, project: p } } }',
    '{ at: 20s, compose: { worker-1: { files: b.yaml, project: p } } }',
    '{ at: 40s, compose: { worker-1: { files: b.yaml, project: p } } }',
  ]);
  expect(told).toEqual([]);
  const made = daemon.list().map(({ name, createdAtNs, state }) => {
    return `${name} ${createdAtNs / SECOND_NS} ${state}`;
  });
  expect(made).toEqual(['p-same-1 5 running', 'p-web-1 20 running', 'p-aside-1 20 running']);
  expect(daemon.host.networks.find('p_back')!.facts.createdAtNs).toBe(20 * SECOND_NS);
  expect(daemon.host.networks.find('p_front')!.facts.createdAtNs).toBe(5 * SECOND_NS);
  const addresses = daemon.list().map(({ name, attachments }) => {
    const [place] = [...attachments.values()];
    return `${name} ${formatIpv4Address(place?.endpoint?.address ?? 0)}`;
  });
  expect(addresses).toEqual([
    'p-same-1 10.88.0.2',
    expect.stringMatching(/^p-web-1 172\./),
    'p-aside-1 0.0.0.0',
  ]);
});
