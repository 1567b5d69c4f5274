/**
 * How long each kind of name still leads to a task that goes, as a remote host answers it: after a
 * scale-down, an update, a removal, and the death of the task's host.
 */
import { expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { loadScenario } from '../scenarios/load.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';

const STACK = `
services:
  web:
    image: nginx
    networks: { shop: { aliases: [www] } }
    stop_grace_period: 3s
    deploy:
      replicas: 3
      placement: { constraints: [node.role == worker], max_replicas_per_node: 1 }
      update_config: { parallelism: 1 }
  rr:
    image: nginx
    networks: [shop]
    stop_grace_period: 3s
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      placement: { constraints: [node.role == worker], max_replicas_per_node: 1 }
  client:
    image: shop/client
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
    x-swarmlab: {}
networks:
  shop:
`;

const KINDS = ['web', 'www', 'tasks.web', 'rr', 'tasks.rr', 'container', 'reverse'] as const;
type Kind = (typeof KINDS)[number];

/** What manager-1 answers at an instant, by kind of name. */
interface Sample {
  readonly atNs: number;
  readonly counts: Readonly<Record<Kind, number>>;
}

/** Plays one event at 15 s and samples what manager-1 answers every 50 ms from then on. */
function play(event: string): Sample[] {
  const scenario = `
name: staleness
cluster: { managers: 1, workers: 3 }
stack: stack.yaml
timeline:
  - { at: 15s, ${event} }
until: 40s
`;
  const read = (path: string) => (path === 'stack.yaml' ? STACK : scenario);
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const samples: Sample[] = [];
  /** Container names of web's and rr's tasks before the event, and their addresses. */
  let tasks: readonly Task[] = [];
  runScenario(loaded!, {
    onCluster: (cluster) => {
      const sample = (atNs: number) => {
        if (atNs === 15 * SECOND_NS) tasks = tasksOf(cluster);
        samples.push({ atNs: atNs - 15 * SECOND_NS, counts: countsOf(cluster, tasks) });
      };
      for (let atMs = 15_000; atMs <= 40_000; atMs += 50) {
        cluster.world.queue.scheduleCallback(atMs * MILLISECOND_NS, sample);
      }
    },
  });
  return samples;
}

function recordsOf(cluster: Cluster) {
  const networks = cluster.machines[0]!.executor!.networksIfAny!.networks;
  return networks.find(({ name }) => name.endsWith('_shop'))!.records;
}

interface Task {
  readonly name: string;
  readonly address: number;
}

function tasksOf(cluster: Cluster): Task[] {
  const containers = cluster.machines.flatMap(({ executor }) => [...executor!.containers.values()]);
  return containers
    .filter(({ name }) => !name.includes('client'))
    .map(({ name, sandbox }) => {
      const endpoint = sandbox!.endpoints.find(({ network }) => network.name.endsWith('_shop'))!;
      return { name, address: endpoint.address };
    });
}

function countsOf(cluster: Cluster, tasks: readonly Task[]): Sample['counts'] {
  const records = recordsOf(cluster);
  const count = (name: string) => records.addressesOf(name)?.length ?? 0;
  return {
    web: count('web'),
    www: count('www'),
    'tasks.web': count('tasks.web'),
    rr: count('rr'),
    'tasks.rr': count('tasks.rr'),
    container: tasks.filter(({ name }) => records.addressesOf(name) !== undefined).length,
    reverse: tasks.filter(({ name, address }) => records.nameOf(address) === name).length,
  };
}

/** When a kind's count was first this, in seconds after the event; NaN for never. */
function first(samples: readonly Sample[], kind: Kind, count: number): number {
  const found = samples.find(({ counts }) => counts[kind] === count);
  return (found?.atNs ?? Number.NaN) / SECOND_NS;
}

/** What is so from the first sample to the last. */
const always = (samples: readonly Sample[], kind: Kind, count: number) =>
  samples.every(({ counts }) => counts[kind] === count);

test('one task less: its names go before it is stopped, the VIP stays', () => {
  const samples = play('scale: { web: 2 }');
  const goneSeconds = first(samples, 'tasks.web', 2);
  expect(goneSeconds).toBeGreaterThan(0);
  expect(goneSeconds).toBeLessThan(2);
  expect([first(samples, 'container', 5), first(samples, 'reverse', 5)]).toEqual([
    goneSeconds,
    goneSeconds,
  ]);
  for (const kind of ['web', 'www'] as const) expect(always(samples, kind, 1)).toBe(true);
  expect(always(samples, 'tasks.rr', 3)).toBe(true);
});

test('one task less of a service without VIP: its own name loses the address as well', () => {
  const samples = play('scale: { rr: 2 }');
  const goneSeconds = first(samples, 'rr', 2);
  expect(goneSeconds).toBeLessThan(2);
  expect(first(samples, 'tasks.rr', 2)).toBe(goneSeconds);
});

test('an update: one task after the other goes and its successor comes, the VIP stays', () => {
  const samples = play('update: web');
  for (const kind of ['web', 'www'] as const) expect(always(samples, kind, 1)).toBe(true);
  const counts = samples.map((sample) => sample.counts['tasks.web']);
  const steps = counts.filter((count, i) => count !== counts[i - 1]);
  expect(steps).toEqual([3, 2, 3, 2, 3, 2, 3]);
  expect(samples.at(-1)!.counts.container).toBe(3);
});

test('a removal: the VIP outlives tasks. by the pause before the signal, and a name without VIP does not', () => {
  const web = play('remove: web');
  const tasksSeconds = first(web, 'tasks.web', 0);
  const vipSeconds = first(web, 'web', 0);
  // 2 s from the disable to the stop signal, at which nginx ends
  expect(vipSeconds - tasksSeconds).toBeGreaterThan(1.9);
  expect(vipSeconds - tasksSeconds).toBeLessThan(3);
  expect(first(web, 'www', 0)).toBe(vipSeconds);
  const rr = play('remove: rr');
  expect(first(rr, 'rr', 0)).toBe(first(rr, 'tasks.rr', 0));
});

test('a dead host: all its names go at once, when gossip declares it dead', () => {
  const samples = play('crash: worker-1');
  const goneSeconds = first(samples, 'tasks.web', 2);
  expect(goneSeconds).toBeGreaterThan(4.9);
  expect(goneSeconds).toBeLessThan(9);
  const others = [
    ['rr', 2],
    ['tasks.rr', 2],
    ['container', 4],
    ['reverse', 4],
  ] as const;
  for (const [kind, count] of others) expect(first(samples, kind, count)).toBe(goneSeconds);
  expect(always(samples, 'web', 1)).toBe(true);
});
