/**
 * False alarms under loss, and the interval of their rate against tables of Poisson's distribution.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { poissonInterval } from './poisson.ts';
import { formatWatchReport } from './report/watch-report.ts';
import { simulateWatch, type WatchInit } from './watch-experiment.ts';

const QUIET: WatchInit = {
  seed: '1',
  memberCount: 20,
  config: LAN,
  latencyNsMin: 200 * MICROSECOND_NS,
  latencyNsMax: 800 * MICROSECOND_NS,
  lossRatio: 0,
  watchNs: 60 * SECOND_NS,
};

test('without loss nobody is suspected, and a probe a second is two packets', () => {
  const result = simulateWatch(QUIET);
  expect(result.alarms).toEqual({ suspicions: 0, deaths: 0, deadMembers: 0, refutations: 0 });
  expect([result.probes, result.probeFailures]).toEqual([20 * 60, 0]);
  expect(result.load.packets).toBeCloseTo(2, 1);
});

test('with much loss some are called dead, and shortcuts change nothing', () => {
  const init = { ...QUIET, memberCount: 10, lossRatio: 0.5 };
  const result = simulateWatch(init);
  const { suspicions, deaths, deadMembers, refutations } = result.alarms;
  expect(deadMembers).toBeGreaterThan(0);
  expect(deaths).toBeGreaterThanOrEqual(deadMembers);
  expect(suspicions).toBeGreaterThan(result.probeFailures);
  expect(refutations).toBeGreaterThan(0);
  expect(simulateWatch({ ...init, shortcuts: false })).toEqual(result);
  const options = {
    hasColour: false,
    isAscii: true,
    widthColumns: 60,
    profile: 'lan',
    replay: 'r',
  };
  expect(formatWatchReport(init, result, options)).toContain(`${60 * deadMembers} false positives`);
});

test.each([
  [0, 0, 3.689],
  [1, 0.0253, 5.572],
  [10, 4.795, 18.39],
  [100, 81.36, 121.6],
])('%i events: the mean is between %f and %f', (count, low, high) => {
  const interval = poissonInterval(count);
  expect(interval.low).toBeCloseTo(low, low < 20 ? 3 : 1);
  expect(Math.abs(interval.high - high)).toBeLessThan(0.05);
});
