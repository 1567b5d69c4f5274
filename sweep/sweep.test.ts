/**
 * What a sweep makes of its runs, and how it prints; the runs themselves are made up here.
 */
import { expect, test } from 'vitest';
import { RESULT_SCHEMA_VERSION, type RunResult } from '../scenarios/result.ts';
import type { Executor, Job, JobOutcome } from './job.ts';
import { formatSweepReport } from './report.ts';
import { sweep } from './sweep.ts';

const jobs = (count: number): Job[] =>
  Array.from({ length: count }, (_, i) => ({
    file: 'crash.yaml',
    seed: String(i + 1),
    settings: [],
    shortcuts: true,
  }));

function resultOf(seed: string): RunResult {
  const detected = 4 + (Number(seed) % 50) / 10;
  const recovers = Number(seed) % 40 !== 0;
  const outcome = { file: 'crash.yaml', line: 9 };
  return {
    schemaVersion: RESULT_SCHEMA_VERSION,
    swarmlab: '0.1.0',
    scenario: 'A worker crashes',
    file: 'crash.yaml',
    seed,
    configHash: 'c0ffee',
    digest: `digest of ${seed}`,
    verdict: recovers && detected <= 8.8 ? 'passed' : 'failed',
    virtualSeconds: 60,
    measures: {
      'membership.detected': { value: detected, unit: 's', what: 'first declared dead' },
      'service.vote.recovered': {
        value: recovers ? detected + 10 : null,
        unit: 's',
        what: 'all replicas run again',
      },
      'traffic.votes.ok': { value: 1000 + Number(seed), unit: 'count', what: 'answered' },
    },
    traffic: [],
    commands: [],
    tables: [],
    expectations: [
      { text: 'no false positives', met: true, measured: 'none', ...outcome },
      { text: 'service vote is healthy', met: recovers, measured: '', ...outcome },
      { text: 'dead within 8.8s', met: detected <= 8.8, measured: '', ...outcome },
    ],
    timeline: [],
    warnings: [],
  };
}

/** Ends jobs in reverse order, as threads may; seed 13 crashes. */
const backwards: Executor = async (all, onOutcome) => {
  for (const { seed } of [...all].reverse()) {
    const failure = 'broken invariant: queue went backwards\n    at somewhere';
    const crashed: JobOutcome = { seed, result: undefined, failure };
    const passed: JobOutcome = { seed, result: resultOf(seed), failure: undefined };
    onOutcome(seed === '13' ? crashed : passed);
  }
};

test('seeds are summarised in the order of the sweep, whatever the order of their ends', async () => {
  const progress: number[] = [];
  const result = await sweep(jobs(200), backwards, (ended) => progress.push(ended));
  expect(progress.at(-1)).toBe(200);
  expect(result.seedCount).toBe(200);
  expect(result.badSeeds.slice(0, 4)).toEqual(['13', '40', '49', '80']);
  expect(result.crashedSeeds.map((crash) => crash.seed)).toEqual(['13']);
  expect(result.passedCount).toBe(200 - result.badSeeds.length);
  expect(result.expectations.map((e) => [e.metCount, e.runCount, e.firstMissedSeed])).toEqual([
    [199, 199, undefined],
    [194, 199, '40'],
    [195, 199, '49'],
  ]);
  expect(result.measures.map((m) => [m.name, m.distribution?.count, m.neverCount])).toEqual([
    ['membership.detected', 199, 0],
    ['service.vote.recovered', 194, 5],
    ['traffic.votes.ok', 199, 0],
  ]);
  expect(JSON.parse(JSON.stringify(result))).toMatchObject({ digests: { 7: 'digest of 7' } });
});

test('the report', async () => {
  const result = await sweep(jobs(200), backwards);
  const report = formatSweepReport(result, {
    hasColour: false,
    widthColumns: 60,
    replayOf: (seed) => `swarmlab run crash.yaml --seed ${seed}`,
  });
  expect(report).toMatchInlineSnapshot(`
    "A worker crashes, 200 seeds

    Measures
                              count  never   min  median    p90    p99    max
      membership.detected       199           4s    6.5s   8.5s   8.9s   8.9s
      service.vote.recovered    194      5   14s   16.5s  18.5s  18.9s  18.9s
      traffic.votes.ok          199         1001    1101   1181   1199   1200

    membership.detected: first declared dead
      100% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⡤⠤⠤⠴⠒⠚⠉
           │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣠⠤⠤⠤⠖⠒⠒⠋⠉⠁
       50% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⡤⠤⠤⠴⠒⠚⠉⠉⠉
           │⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣠⠤⠤⠴⠒⠒⠒⠋⠉⠁
        0% ┤⣀⡤⠤⠖⠒⠒⠚⠉⠉⠉
            4s                     6.45s                    8.9s

    service.vote.recovered: all replicas run again
      100% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⡤⠤⠤⠴⠒⠚⠉
           │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣀⣠⠤⠤⠖⠒⠒⠋⠉⠉⠁
       50% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⡤⠤⠤⠴⠒⠚⠉⠉⠉
           │⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣠⠤⠤⠴⠒⠒⠒⠋⠉⠁
        0% ┤⣀⡤⠤⠤⠖⠒⠚⠉⠉⠉
            14s                    16.45s                  18.9s

    Expectations
      ✓  no false positives       199/199
      ✗  service vote is healthy  194/199  swarmlab run crash.yaml --seed 40
      ✗  dead within 8.8s         195/199  swarmlab run crash.yaml --seed 49

    Crashed
      seed 13: broken invariant: queue went backwards
        swarmlab run crash.yaml --seed 13

    verdict  190 of 200 seeds passed
    replay   swarmlab run crash.yaml --seed 13
    "
  `);
});

test('a sweep in which every seed crashed still reports', async () => {
  const crashing: Executor = async (all, onOutcome) => {
    for (const { seed } of all) onOutcome({ seed, result: undefined, failure: 'out of memory' });
  };
  const result = await sweep(jobs(7), crashing);
  const report = formatSweepReport(result, {
    hasColour: false,
    widthColumns: 60,
    replayOf: (seed) => `replay ${seed}`,
  });
  expect(report).toMatchInlineSnapshot(`
    "crash.yaml, 7 seeds

    Crashed
      seed 1: out of memory
        replay 1
      seed 2: out of memory
        replay 2
      seed 3: out of memory
        replay 3
      seed 4: out of memory
        replay 4
      seed 5: out of memory
        replay 5
      and 2 more

    verdict  0 of 7 seeds passed
    replay   replay 1
    "
  `);
});
