/**
 * When a kill is noticed, for sizes of which there are no measured runs: the mean of many kills is the
 * one that was worked out by hand. The first suspicion comes when somebody's turn is the dead member's,
 * a second on average, and a probe's second after that; the first death a minimum suspicion later; and
 * the rest is gossip.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { type KillTimes, killOne } from './testing/kill-timeline.ts';

/** The wait for somebody's turn is exponential, with a mean and a deviation of a second. */
const DEVIATION_SECONDS = 1;

test.each([
  { count: 3, kills: 200, firstSuspicion: 1.7, firstDead: 5.7, allDead: 5.8, firstDeadMin: 5 },
  { count: 10, kills: 200, firstSuspicion: 1.9, firstDead: 5.9, allDead: 6.1, firstDeadMin: 5 },
  { count: 100, kills: 200, firstSuspicion: 2, firstDead: 10, allDead: 10.4, firstDeadMin: 9 },
  { count: 1000, kills: 100, firstSuspicion: 2, firstDead: 14, allDead: 14.7, firstDeadMin: 13 },
  { count: 10_000, kills: 25, firstSuspicion: 2, firstDead: 18, allDead: 19, firstDeadMin: 17 },
])('one killed among $count', ({ count, kills, firstDeadMin, ...expected }) => {
  // at any time between two ticks
  const times = Array.from({ length: kills }, (_, i) =>
    killOne(count, `kill ${i}`, Math.round((i / kills) * SECOND_NS)),
  );
  const mean = (of: (times: KillTimes) => number): number =>
    times.reduce((sum, each) => sum + of(each), 0) / kills / SECOND_NS;
  const means = {
    firstSuspicion: mean(({ firstSuspicionNs }) => firstSuspicionNs),
    firstDead: mean(({ firstDeadNs }) => firstDeadNs),
    allDead: mean(({ allDeadNs }) => allDeadNs),
  };
  // three deviations of a mean of so many, and the tenths that the sums were rounded to
  const tolerance = (3 * DEVIATION_SECONDS) / Math.sqrt(kills) + 0.1;
  const apart = Object.entries(means).filter(
    ([name, seconds]) => Math.abs(seconds - expected[name as keyof typeof means]) > tolerance,
  );
  expect(apart, JSON.stringify({ means, expected, tolerance })).toEqual([]);
  for (const { firstDeadNs } of times) {
    expect(firstDeadNs).toBeGreaterThanOrEqual(firstDeadMin * SECOND_NS);
  }
});
