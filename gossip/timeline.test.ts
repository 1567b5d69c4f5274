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
import { Observed } from './observed.ts';
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

/** As many characters as in the measured runs, and as in Docker's names. */
const SHORT = (member: number) => `node-${String(member).padStart(3, '0')}`;
const DOCKERS = (member: number) => ((member + 20) * 0xd3_9f1b_c0d3).toString(16);

test.each<[string, SwimConfig, (member: number) => string, number]>([
  ['in the clear', LAN, SHORT, 91],
  ['encrypted', DOCKER, SHORT, 91 + 2 * 29],
  ["in the clear, with Docker's names", LAN, DOCKERS, 99],
  ["encrypted, with Docker's names", DOCKER, DOCKERS, 157],
])('a ping and an ack in a second and member, %s', (_, config, nameOf, bytes) => {
  const count = 50;
  const { swim, ...cluster } = established(count, 'quiet', config, { nameOf });
  const totals = () => [swim.totalOf(Counter.packetsSent), swim.totalOf(Counter.packetBytesSent)];
  const [packetsBefore, bytesBefore] = totals();
  cluster.world.queue.runUntil(cluster.world.nowNs + 20 * SECOND_NS);
  const [packets, packetBytes] = totals();
  expect((packets! - packetsBefore!) / count / 20).toBe(2);
  expect((packetBytes! - bytesBefore!) / count / 20).toBe(bytes);
});

test('the dead are listed for more than 30 s, and at most a round longer', () => {
  const count = 12;
  const cluster = established(count, 'forgotten');
  const deaths = cluster.record(Observed.dead);
  cluster.swim.crash(1);
  const forgottenAtNs = new Map<number, number>();
  while (forgottenAtNs.size < count - 1) {
    cluster.run(SECOND_NS / 10);
    for (let i = 0; i < count; i++) {
      const isForgotten = i !== 1 && cluster.swim.estimatedCount(i) === count - 1;
      if (isForgotten && !forgottenAtNs.has(i)) forgottenAtNs.set(i, cluster.world.nowNs);
    }
  }
  for (const { node, atNs } of deaths) {
    const listedNs = forgottenAtNs.get(node)! - atNs;
    expect(listedNs).toBeGreaterThan(LAN.gossipToTheDeadTimeNs);
    expect(listedNs).toBeLessThan(LAN.gossipToTheDeadTimeNs + count * SECOND_NS);
  }
});
