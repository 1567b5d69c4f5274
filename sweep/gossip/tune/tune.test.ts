/**
 * Searches for settings: the same wherever trials run, right about what fresh seeds show, and plain
 * about goals that nothing meets.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../../gossip/constants.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { inlinePool, type Pool } from '../../pool.ts';
import { candidateOf, configWith, settingsBeside } from './candidate.ts';
import { type Goals, verdictOfBoth } from './goals.ts';
import { type TuneInit, type TuneResult, tune } from './search.ts';
import { runTrial } from './trial.ts';
import { formatTuneJson, formatTuneReport } from './tune-report.ts';

const GOALS: Goals = {
  detectWithinNs: 20 * SECOND_NS,
  quantile: 0.9,
  detectedBy: 'all',
  falsePositivesPerHour: 20,
};

const TEN: TuneInit = {
  cluster: {
    seed: '1',
    memberCount: 10,
    config: LAN,
    latencyNsMin: 200 * MICROSECOND_NS,
    latencyNsMax: 800 * MICROSECOND_NS,
    lossRatio: 0.05,
  },
  goals: GOALS,
  budget: 120,
};

const OPTIONS = {
  hasColour: false,
  isAscii: true,
  widthColumns: 70,
  profile: 'lan',
  profileName: 'lan',
  settings: [],
  replay: 'r',
};

/** Runs the last input first, as threads might run it. */
const backwardsPool: Pool = {
  runAll: async (work, inputs, onEnd = () => {}) =>
    [...inputs]
      .reverse()
      .map((input, i) => {
        const output = work.run(input);
        onEnd(output, inputs.length - 1 - i);
        return output;
      })
      .reverse(),
  close: async () => {},
};

let feasible: TuneResult;

test('the recommended setting costs less than the profile, and keeps its word with fresh seeds', async () => {
  feasible = await tune(TEN, inlinePool);
  const { recommended, base } = feasible;
  expect(verdictOfBoth(recommended!.assessment)).not.toBe('failed');
  expect(recommended!.assessment.bytes.high).toBeLessThan(base.assessment.bytes.low);
  const config = configWith(LAN, recommended!.candidate);
  const trials = Array.from({ length: 15 }, (_, i) =>
    runTrial({ ...TEN.cluster, config, seed: `fresh ${i}`, patienceNs: 60 * SECOND_NS }),
  );
  const times = trials.flatMap((trial) => trial.allKnowNs);
  const late = times.filter((time) => time === null || time > GOALS.detectWithinNs);
  expect(late.length / times.length).toBeLessThan(1 - GOALS.quantile + 0.05);
  const hours = trials.reduce((sum, trial) => sum + trial.watchedNs, 0) / (3600 * SECOND_NS);
  const falsePositives = trials.reduce((sum, trial) => sum + trial.falsePositives, 0);
  expect(falsePositives / hours).toBeLessThanOrEqual(GOALS.falsePositivesPerHour);
});

test('the report has the setting to paste', () => {
  const settings = settingsBeside(candidateOf(LAN), feasible.recommended!.candidate);
  const report = formatTuneReport(TEN, feasible, OPTIONS);
  const isSure = verdictOfBoth(feasible.recommended!.assessment) === 'met';
  expect(report).toContain(
    isSure ? 'Both goals are met with 95 % confidence.' : 'the budget was too small to be sure',
  );
  expect(report).toContain(settings.map((setting) => `--set ${setting}`).join(' '));
  expect(report).toContain(
    `gossip: { profile: lan, ${settings.join(', ').replaceAll('=', ': ')} }`,
  );
  expect(JSON.parse(formatTuneJson(TEN, feasible, 'lan'))).toMatchObject({
    recommended: { settings, detection: feasible.recommended!.assessment.detection },
    goals: { detectWithinSeconds: 20, falsePositivesPerHour: 20 },
  });
});

test('goals that no setting meets are reported, the same whoever runs the trials', async () => {
  const goals = { ...GOALS, detectWithinNs: SECOND_NS / 10 };
  const init = { ...TEN, goals, budget: 80 };
  const result = await tune(init, inlinePool);
  expect(result.recommended).toBeUndefined();
  expect(result.nearest.assessment.detection).toBe('failed');
  const report = formatTuneReport(init, result, OPTIONS);
  expect(report).toContain('No setting meets the goals');
  expect(report).toMatch(/detection takes .*, not 0\.1s/);
  expect(await tune(init, backwardsPool)).toEqual(result);
});
