/**
 * When a kill is noticed, for sizes of which there are no measured runs: the mean of many kills is the
 * one that was worked out by hand. The first suspicion comes when somebody's turn is the dead member's,
 * a second on average, and a probe's second after that; the first death a minimum suspicion later; and
 * the rest is gossip, whose rounds grow with the logarithm of the cluster.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import {
  expectedConfirmations,
  retransmitLimit,
  suspicionTimeoutNs,
  timeoutAfterNs,
} from '../../gossip/formulas.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type KillResult, simulateKill } from './kill-experiment.ts';

/** A row of the table: means in seconds, with the shortest and longest suspicion and the limit. */
interface Row {
  readonly count: number;
  readonly kills: number;
  readonly firstSuspicion: number;
  readonly suspicionMin: number;
  readonly suspicionMax: number;
  readonly firstDead: number;
  /** From the first death until all know. */
  readonly gossip: number;
  readonly transmitLimit: number;
  readonly allDead: number;
  readonly firstDeadMin: number;
}

const ROWS: readonly Row[] = (
  [
    // count, kills, first suspicion, its min and max, first dead, gossip, limit, all dead, bound
    [3, 200, 1.7, 4, 4, 5.7, 0.2, 4, 5.8, 5],
    [10, 200, 1.9, 4, 24, 5.9, 0.3, 8, 6.1, 5],
    [100, 200, 2, 8, 48, 10, 0.5, 12, 10.4, 9],
    [1000, 100, 2, 12, 72, 14, 0.8, 16, 14.7, 13],
    [10_000, 25, 2, 16, 96, 18, 1.1, 20, 19, 17],
    [1_000_000, 1, 2, 24, 144, 26, 1.6, 28, 27.5, 25],
  ] as const
).map(([count, kills, firstSuspicion, suspicionMin, suspicionMax, firstDead, ...rest]) => {
  const [gossip, transmitLimit, allDead, firstDeadMin] = rest;
  const means = { firstSuspicion, firstDead, gossip, allDead };
  return { count, kills, suspicionMin, suspicionMax, transmitLimit, firstDeadMin, ...means };
});

/** One killed of members on a network that loses nothing. */
const KILL = {
  killCount: 1,
  config: LAN,
  latencyNsMin: 100 * MICROSECOND_NS,
  latencyNsMax: 300 * MICROSECOND_NS,
  lossRatio: 0,
} as const;

/** The wait for somebody's turn is exponential, with a mean and a deviation of a second. */
const TURN_DEVIATION = 1;
/** What follows the first suspicion varies by the phases of ticks. */
const GOSSIP_TOLERANCE = 0.4;

test.each(ROWS)('one killed among $count', ({ count, kills, ...row }) => {
  const results = Array.from({ length: kills }, (_, i) =>
    simulateKill({ ...KILL, seed: `kill ${i}`, memberCount: count }),
  );
  const mean = (of: (result: KillResult) => number | undefined): number =>
    results.reduce((sum, each) => sum + of(each)!, 0) / kills / SECOND_NS;
  const means = {
    firstSuspicion: mean(({ firstSuspicionNs }) => firstSuspicionNs),
    firstDead: mean(({ firstDeadNs }) => firstDeadNs),
    allDead: mean(({ convergedNs }) => convergedNs),
  };
  // three deviations of a mean of so many, and the tenths that the sums were rounded to
  const tolerance = (3 * TURN_DEVIATION) / Math.sqrt(kills) + 0.1;
  const apart = Object.entries(means).filter(
    ([name, seconds]) => Math.abs(seconds - row[name as keyof typeof means]) > tolerance,
  );
  expect(apart, JSON.stringify({ means, row, tolerance })).toEqual([]);
  const suspicion = means.firstDead - means.firstSuspicion;
  expect(Math.abs(suspicion - row.suspicionMin)).toBeLessThan(GOSSIP_TOLERANCE);
  const gossip = means.allDead - means.firstDead;
  expect(Math.abs(gossip - row.gossip)).toBeLessThan(GOSSIP_TOLERANCE);
  for (const { firstDeadNs } of results) {
    expect(firstDeadNs).toBeGreaterThanOrEqual(row.firstDeadMin * SECOND_NS);
  }
});

test.each(ROWS)('what the formulas give for $count', ({ count, ...row }) => {
  const { suspicionMult, suspicionMaxTimeoutMult, retransmitMult, probeIntervalNs } = LAN;
  const minNs = suspicionTimeoutNs(suspicionMult, count, probeIntervalNs);
  const k = expectedConfirmations(suspicionMult, count);
  const maxNs = k === 0 ? minNs : timeoutAfterNs(0, k, minNs, suspicionMaxTimeoutMult * minNs);
  const formulas = [minNs / SECOND_NS, maxNs / SECOND_NS, retransmitLimit(retransmitMult, count)];
  expect(formulas).toEqual([row.suspicionMin, row.suspicionMax, row.transmitLimit]);
});
