/**
 * Kill experiments with many seeds: the same on threads and inline, and the report names the worst.
 */
import { expect, test } from 'vitest';
import { LOCAL } from '../../gossip/constants.ts';
import type { KillInit } from '../../scenarios/gossip/kill-experiment.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import { inlinePool } from '../pool.ts';
import { sweepKill } from './kill-sweep.ts';
import { formatKillSweepReport } from './kill-sweep-report.ts';

const TEN: KillInit = {
  seed: '',
  memberCount: 10,
  killCount: 1,
  config: LOCAL,
  latencyNsMin: MILLISECOND_NS,
  latencyNsMax: MILLISECOND_NS,
  lossRatio: 0,
};

test('a seed has its own result, and the slowest is named', async () => {
  const seeds = ['1', '2', '3', '4', '5', '6'];
  const ended: number[] = [];
  const outcomes = await sweepKill(TEN, seeds, inlinePool, (count) => ended.push(count));
  expect(ended).toEqual([1, 2, 3, 4, 5, 6]);
  expect(new Set(outcomes.map((outcome) => outcome.digest)).size).toBe(6);
  const slowest = outcomes.reduce((a, b) => (b.convergedNs! > a.convergedNs! ? b : a));
  const options = {
    hasColour: false,
    isAscii: true,
    widthColumns: 60,
    profile: 'local',
    replay: '',
  };
  const report = formatKillSweepReport(TEN, outcomes, options);
  expect(report).toMatch(new RegExp(`all know .*s +${slowest.seed}\n`));
  expect(report).toContain('1 of 10 members killed, local, 6 seeds');
});
