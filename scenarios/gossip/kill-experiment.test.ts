import { expect, test } from 'vitest';
import { LAN, LOCAL } from '../../gossip/constants.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type KillInit, type KillResult, simulateKill } from './kill-experiment.ts';
import { formatKillJson, formatKillReport } from './report/kill-report.ts';

const TEN: KillInit = {
  seed: '1',
  memberCount: 10,
  killCount: 1,
  config: LAN,
  latencyNsMin: 0.1 * MILLISECOND_NS,
  latencyNsMax: 0.3 * MILLISECOND_NS,
  lossRatio: 0,
};

type Time = 'firstSuspicionNs' | 'firstDeadNs' | 'convergedNs';

function medianSeconds(init: KillInit, seeds: number, time: Time): number {
  const values: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    values.push(simulateKill({ ...init, seed: String(seed) })[time]!);
  }
  return values.sort((a, b) => a - b)[seeds >> 1]! / SECOND_NS;
}

test.each<[string, KillInit, Time, number, number]>([
  ['lan 10', TEN, 'firstSuspicionNs', 1.1, 2.83],
  ['lan 10', TEN, 'firstDeadNs', 5.1, 6.83],
  ['lan 10', TEN, 'convergedNs', 5.13, 7.03],
  ['lan 50', { ...TEN, memberCount: 50 }, 'firstDeadNs', 7.96, 8.9],
  ['lan 50', { ...TEN, memberCount: 50 }, 'convergedNs', 8.13, 9.1],
  ['local 10', { ...TEN, config: LOCAL }, 'firstDeadNs', 4.02, 7.55],
])('%s: the median %s is within what the real memberlist showed', (_, init, time, min, max) => {
  const median = medianSeconds(init, 41, time);
  expect(median).toBeGreaterThan(min);
  expect(median).toBeLessThan(max);
});

test('the curve ends where all know, and the quiet load is that of one probe a second', () => {
  const result = simulateKill({ ...TEN, memberCount: 60, killCount: 5 });
  expect(result.knownRatio).toBe(1);
  expect(result.survivorCount).toBe(55);
  expect(result.curve.at(-1)!.deadRatio).toBe(1);
  expect(Math.abs(result.curve.at(-1)!.atNs - result.convergedNs!)).toBeLessThan(MILLISECOND_NS);
  const ratios = result.curve.map((point) => point.deadRatio);
  expect([...ratios].sort((a, b) => a - b)).toEqual(ratios);
  expect(result.quietLoad.packets).toBeCloseTo(2, 1);
  expect(result.quietLoad.packetBytes).toBeCloseTo(91, 0);
  expect(result.alarms).toEqual({ suspicions: 0, deaths: 0, deadMembers: 0, refutations: 0 });
});

test('with loss, suspicions of members that run are counted, and shortcuts change nothing', () => {
  const init = { ...TEN, lossRatio: 0.3, memberCount: 20, untilNs: 60 * SECOND_NS };
  const result = simulateKill(init);
  expect(result.alarms.suspicions).toBeGreaterThan(0);
  expect(result.alarms.refutations).toBeGreaterThan(0);
  expect(result.endedNs).toBe(60 * SECOND_NS);
  expect(simulateKill({ ...init, shortcuts: false })).toEqual(result);
});

test('an experiment that is too short says so', () => {
  const init = { ...TEN, untilNs: SECOND_NS / 2 };
  const result: KillResult = simulateKill(init);
  expect(result.convergedNs).toBeUndefined();
  const options = {
    hasColour: false,
    isAscii: false,
    widthColumns: 60,
    profile: 'lan',
    replay: 'r',
  };
  const report = formatKillReport(init, result, options);
  expect(report).toContain('all know         never');
  expect(JSON.parse(formatKillJson(init, result, 'lan'))).toMatchObject({
    convergedSeconds: null,
    knownRatio: 0,
    settings: { members: 10, kill: 1, profile: 'lan' },
  });
});
