/**
 * The worked timeline of a kill, step by step: when a member ends without a word, its first suspicion
 * comes a probe later, the first death a minimum suspicion after that, and the rest is gossip. Loads
 * of a quiet cluster by the byte.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { DOCKER, LAN, type SwimConfig } from './constants.ts';
import { Counter } from './counters.ts';
import { suspicionTimeoutNs } from './formulas.ts';
import { established, killOne } from './testing/kill-timeline.ts';

test.each([3, 5, 10, 100, 1000])('a kill among %i', (count) => {
  for (const seed of ['a', 'b', 'c', 'd']) {
    const { firstSuspicionNs, firstDeadNs, allDeadNs } = killOne(count, seed);
    const minNs = suspicionTimeoutNs(LAN.suspicionMult, count, LAN.probeIntervalNs);
    // the prober's whole interval, and each prober's turn within two rounds of its ring
    expect(firstSuspicionNs).toBeGreaterThan(SECOND_NS);
    expect(firstSuspicionNs).toBeLessThan(2 * count * SECOND_NS);
    // confirmations come in time to make it the minimum; a few tenths behind where three must agree
    expect(firstDeadNs - firstSuspicionNs).toBeGreaterThanOrEqual(minNs);
    expect(firstDeadNs - firstSuspicionNs).toBeLessThan(minNs + 0.4 * SECOND_NS);
    expect(allDeadNs - firstDeadNs).toBeLessThan(1.2 * SECOND_NS);
  }
});

test.each<[string, SwimConfig, number]>([
  ['in the clear', LAN, 91],
  ['encrypted', DOCKER, 91 + 2 * 29],
])('a ping and an ack in a second and member, %s', (_, config, bytes) => {
  const count = 50;
  const { swim, ...cluster } = established(count, 'quiet', config);
  const totals = () => [swim.totalOf(Counter.packetsSent), swim.totalOf(Counter.packetBytesSent)];
  const [packetsBefore, bytesBefore] = totals();
  cluster.world.queue.runUntil(cluster.world.nowNs + 20 * SECOND_NS);
  const [packets, packetBytes] = totals();
  expect((packets! - packetsBefore!) / count / 20).toBe(2);
  expect((packetBytes! - bytesBefore!) / count / 20).toBe(bytes);
});
