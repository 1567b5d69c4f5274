import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chance } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { MessageType, type PacketMessage } from '../../wire/memberlist/message.ts';
import { Counter } from '../counters.ts';
import { TestCluster } from '../testing/test-cluster.ts';
import { RunInstants, type Starvation } from './starvation.ts';

const MS = MILLISECOND_NS;

function constant(waitNs: number): Starvation {
  const wait = { kind: 'uniform', minNs: waitNs, maxNs: waitNs } as const;
  return { wait, shareRatio: 1, burstNs: SECOND_NS };
}

function runInstants(starvation: Starvation, seed = 'process'): RunInstants {
  return new RunInstants(starvation, new Chance(seed).key('test'), 0);
}

test('handlers run in the order in which they became due, and never early', () => {
  const dues = fc.array(fc.nat(20_000), { minLength: 2, maxLength: 200 });
  const shares = fc.constantFrom(0.1, 0.5, 1);
  const property = fc.property(dues, shares, fc.string(), (dueMs, shareRatio, seed) => {
    const wait = { kind: 'pareto', minNs: 5 * MS, alpha: 1 } as const;
    const instants = runInstants({ wait, shareRatio, burstNs: 300 * MS }, seed);
    let lastNs = 0;
    for (const ms of dueMs.sort((a, b) => a - b)) {
      const atNs = instants.of(ms * MS);
      expect(atNs).toBeGreaterThanOrEqual(Math.max(lastNs, ms * MS));
      lastNs = atNs;
    }
  });
  fc.assert(property);
});

test('handlers are late by what is left of a wait, in the given share of the time', () => {
  const always = runInstants(constant(600 * MS));
  expect([1, 3, 599, 600, 601].map((ms) => always.of(ms * MS) / MS)).toEqual([
    600, 600, 600, 600, 1200,
  ]);
  const wait = { kind: 'exponential', meanNs: 50 * MS } as const;
  const exponential = runInstants({ wait, shareRatio: 1, burstNs: SECOND_NS });
  const sometimes = runInstants({ wait, shareRatio: 0.3, burstNs: SECOND_NS });
  let lateNs = 0;
  let lateCount = 0;
  for (let dueNs = 1; dueNs < 10_000 * SECOND_NS; dueNs += SECOND_NS / 7) {
    lateNs += exponential.of(Math.round(dueNs)) - Math.round(dueNs);
    if (sometimes.of(Math.round(dueNs)) > Math.round(dueNs)) lateCount++;
  }
  expect(lateNs / 70_000 / MS / 50).toBeCloseTo(1, 1);
  expect(lateCount / 70_000).toBeCloseTo(0.3, 1);
});

/** Sends packets at once, each with so many suspicions of members that nobody knows. */
function flood(cluster: TestCluster, packetCount: number, messageCount: number): void {
  const message: PacketMessage = {
    type: MessageType.suspect,
    incarnation: 1,
    node: cluster.swim.nameOf(2),
    from: cluster.swim.nameOf(3),
  };
  const messages = Array.from({ length: messageCount }, () => message);
  for (let i = 0; i < packetCount; i++) cluster.swim.receive(1, 0, messages);
}

test.each(['starved', 'paused', 'blocked'])('a %s process: its sockets overflow', (what) => {
  const cluster = new TestCluster({ seed: 'flood', count: 4 });
  cluster.run(SECOND_NS);
  cluster.swim.establish();
  if (what === 'paused') cluster.swim.pause(1);
  else if (what === 'blocked') cluster.swim.block(1);
  else cluster.swim.starve(1, constant(500 * MS));
  cluster.run(MS / 100);
  flood(cluster, 600, 3);
  // 425,984 bytes hold 554 packets of 768
  expect(cluster.swim.counterOf(1, Counter.packetsDropped)).toBe(600 - 554);
  if (what !== 'starved') cluster.swim.resume(1);
  cluster.run(SECOND_NS);
  // only where one CPU does everything the handoff queue of 1024 overflows too
  const lost = what === 'starved' ? 554 * 3 - 1024 : 0;
  expect(cluster.swim.counterOf(1, Counter.messagesDropped)).toBe(lost);
  const dropped = cluster.swim.counterOf(1, Counter.packetsDropped);
  flood(cluster, 500, 1);
  cluster.run(SECOND_NS);
  expect(cluster.swim.counterOf(1, Counter.packetsDropped)).toBe(dropped);
});

test('a process that ends while it is starved leaves nothing behind, and its successor is late too', () => {
  const cluster = new TestCluster({ seed: 'end', count: 4 });
  cluster.run(SECOND_NS);
  cluster.swim.establish();
  cluster.swim.starve(1, constant(3 * SECOND_NS));
  const refutations = cluster.record().filter((o) => o.node === 1);
  flood(cluster, 10, 1);
  cluster.run(SECOND_NS);
  cluster.swim.crash(1);
  cluster.run(5 * SECOND_NS);
  expect(refutations).toEqual([]);
  cluster.swim.start(1);
  const results: number[] = [];
  const joinedAtNs = cluster.world.nowNs;
  cluster.swim.join(1, [0], (_, nowNs) => results.push(nowNs - joinedAtNs));
  cluster.run(5 * SECOND_NS);
  expect(results[0]).toBeGreaterThanOrEqual(3 * SECOND_NS);
});

test('a fast clock probes and gossips more often, a slow one less, by so much', () => {
  const drifts = [0, 0.1, -0.1, 0.0002];
  const cluster = new TestCluster({
    seed: 'drift',
    count: 4,
    clockDriftRatio: (member) => drifts[member]!,
  });
  cluster.run(SECOND_NS);
  cluster.swim.establish();
  const before = drifts.map((_, i) => cluster.swim.counterOf(i, Counter.probes));
  cluster.run(10_000 * SECOND_NS);
  const probes = drifts.map((_, i) => cluster.swim.counterOf(i, Counter.probes) - before[i]!);
  expect(probes[1]! / probes[0]!).toBeCloseTo(1.1, 3);
  expect(probes[2]! / probes[0]!).toBeCloseTo(0.9, 3);
  expect(probes[3]! - probes[0]!).toBe(2);
  expect(cluster.swim.totalOf(Counter.suspicions)).toBe(0);
});
