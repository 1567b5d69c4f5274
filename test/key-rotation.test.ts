/**
 * The manager's key rotation every 12 hours: nobody notices, except a daemon that slept through two.
 */
import { expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { GOSSIP_CUT_OFF, GOSSIP_KEYS } from '../cluster/gossip-keys.ts';
import { engineVersionOf } from '../node/engine-version.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { observationKind } from '../sim/observations.ts';
import { HOUR_NS, MINUTE_NS, SECOND_NS } from '../sim/time.ts';
import { World } from '../sim/world.ts';
import { NodeState } from '../wire/memberlist/message.ts';
import { loadInline } from './support/runs.ts';

const NAMES = ['manager-1', 'worker-1', 'worker-2', 'worker-3'];

/** A cluster, and what its keyrings did. */
function clusterOf(shortcuts = true) {
  const world = new World('1');
  const nodes = NAMES.map((name, i) => ({
    name,
    engine: engineVersionOf('28')!,
    isManager: i === 0,
  }));
  const cluster = new Cluster({ world, nodes, shortcuts });
  const changes: { atNs: number; node: number }[] = [];
  const cutOff: string[] = [];
  world.observations.subscribe(GOSSIP_KEYS, ({ atNs, node }) => changes.push({ atNs, node }));
  world.observations.subscribe(GOSSIP_CUT_OFF, ({ node, a, text }) => {
    cutOff.push(`${NAMES[node]} ${a} ${text}`);
  });
  return { world, cluster, changes, cutOff };
}

/** How many members each running node holds alive. */
function aliveCounts(cluster: Cluster): number[] {
  return cluster.machines.map(({ member }) => {
    const known = cluster.swim.membersOf(member!);
    return known.filter((subject) => cluster.swim.stateOf(member!, subject) === NodeState.alive)
      .length;
  });
}

test('after 12 hours every daemon has the new key, and all members are alive', () => {
  const { world, cluster, changes, cutOff } = clusterOf();
  world.queue.runUntil(HOUR_NS);
  const before = cluster.machines.map(({ executor }) => executor!.gossipKeyring.keys);
  expect(new Set(before.map(String)).size).toBe(1);
  expect(changes).toHaveLength(NAMES.length);
  world.queue.runUntil(12 * HOUR_NS + MINUTE_NS);
  const after = cluster.machines.map(({ executor }) => executor!.gossipKeyring.keys);
  expect(new Set(after.map(String)).size).toBe(1);
  expect(changes).toHaveLength(2 * NAMES.length);
  const [primary, oldest, newest] = before[0]!;
  expect(after[0]!.slice(0, 2)).toEqual([newest, primary]);
  expect(after[0]).not.toContain(oldest);
  expect(cluster.gossipKeys.used).toHaveLength(4);
  expect(cutOff).toEqual([]);
  expect(aliveCounts(cluster)).toEqual([4, 4, 4, 4]);
});

test('a daemon that was paused over one rotation is back, over two is cut off until it restarts', () => {
  const { world, cluster, cutOff } = clusterOf();
  world.queue.runUntil(11 * HOUR_NS);
  cluster.pause(1);
  cluster.pause(2);
  world.queue.runUntil(13 * HOUR_NS);
  cluster.resume(1);
  world.queue.runUntil(25 * HOUR_NS);
  expect(cutOff).toEqual(['worker-2 1 No installed keys could decrypt the message']);
  cluster.resume(2);
  world.queue.runUntil(25 * HOUR_NS + 10 * MINUTE_NS);
  expect(cluster.gossipKeys.cutOffHosts).toEqual([2]);
  expect(cutOff).toHaveLength(1);
  expect(aliveCounts(cluster)).toEqual([3, 3, 1, 3]);
  cluster.restart(2);
  world.queue.runUntil(25 * HOUR_NS + 20 * MINUTE_NS);
  expect(cutOff.slice(1)).toEqual(['worker-2 0 ']);
  expect(aliveCounts(cluster)).toEqual([4, 4, 4, 4]);
});

test('a host with other keys is declared dead, with shortcuts as without', () => {
  const digests = [true, false].map((shortcuts) => {
    const { world, cluster, cutOff } = clusterOf(shortcuts);
    world.queue.runUntil(20 * SECOND_NS);
    const { keys } = cluster.machines[3]!.executor!.gossipKeyring;
    cluster.gossipKeys.set(3, ['0'.repeat(32)]);
    world.queue.runUntil(MINUTE_NS);
    expect(aliveCounts(cluster)).toEqual([3, 3, 3, 1]);
    cluster.gossipKeys.set(3, keys);
    world.queue.runUntil(3 * MINUTE_NS);
    expect(aliveCounts(cluster)).toEqual([4, 4, 4, 4]);
    expect(cutOff.map((text) => text.slice(0, 10))).toEqual(['worker-3 1', 'worker-3 0']);
    return world.observations.digest.text;
  });
  expect(digests[0]).toBe(digests[1]);
});

test('the report of a run says who was cut off, and when', () => {
  const loaded = loadInline({
    name: 'asleep over two rotations',
    cluster: { managers: 1, workers: 2 },
    timeline: [
      { at: '11h', pause: 'worker-2' },
      { at: '24h1m', restart: 'worker-2' },
    ],
    until: '24h5m',
  });
  const { result } = runScenario(loaded, { seed: '1' });
  const lines = result.timeline.filter(({ topic }) => topic === 'keys');
  expect(lines.map(({ atNs, node, text }) => [Math.floor(atNs / MINUTE_NS), node, text])).toEqual([
    [
      24 * 60,
      'worker-2',
      'is cut off by its gossip keys: No installed keys could decrypt the message',
    ],
    [24 * 60 + 1, 'worker-2', 'is not cut off any more'],
  ]);
});

test('who sends a bulk sync does not notice that nobody can read it', () => {
  const { world, cluster } = clusterOf();
  const syncs: string[] = [];
  const note = (what: string) => (observation: { atNs: number; node: number }) => {
    if (observation.node !== cluster.machines[3]!.member) return;
    syncs.push(`${what} ${Math.floor(observation.atNs / SECOND_NS)}`);
  };
  world.observations.subscribe(observationKind('networkdb.bulkSync'), note('sent'));
  world.observations.subscribe(observationKind('networkdb.bulkSyncTimeout'), note('timeout'));
  world.queue.runUntil(MINUTE_NS);
  const lastAt = Number(syncs.findLast((text) => text.startsWith('sent'))!.split(' ')[1]);
  const nextAt = lastAt + 30;
  world.queue.runUntil((nextAt - 1) * SECOND_NS);
  const { keys } = cluster.machines[3]!.executor!.gossipKeyring;
  cluster.gossipKeys.set(3, ['0'.repeat(32)]);
  syncs.length = 0;
  world.queue.runUntil((nextAt + 1) * SECOND_NS);
  cluster.gossipKeys.set(3, keys);
  world.queue.runUntil((nextAt + 31) * SECOND_NS);
  expect(syncs[0]).toBe(`sent ${nextAt}`);
  expect(syncs).toContain(`timeout ${nextAt + 30}`);
});
