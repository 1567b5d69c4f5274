/**
 * Many runs of one scenario: every seed once, the distribution of every measure, how often each
 * expectation was met, and the seed with which to look at a failure.
 */
import type { MeasureUnit, RunResult } from '../scenarios/result.ts';
import { VERSION } from '../scenarios/version.ts';
import { type Distribution, distributionOf } from './distribution.ts';
import type { Executor, Job, JobOutcome } from './job.ts';

/** The version of the sweep's document; it rises when a field changes its meaning or goes. */
const SWEEP_SCHEMA_VERSION = 1;

/** One measure over all runs. */
export interface MeasureSummary {
  readonly name: string;
  readonly unit: MeasureUnit;
  readonly what: string;
  readonly distribution: Distribution | undefined;
  readonly neverCount: number;
}

/** One expectation over all runs. */
export interface ExpectationSummary {
  readonly text: string;
  readonly metCount: number;
  readonly runCount: number;
  /** The first seed, in the order of the sweep, that missed it; `undefined` when none did. */
  readonly firstMissedSeed: string | undefined;
}

/** What a sweep came to. */
export interface SweepResult {
  readonly schemaVersion: number;
  readonly swarmlab: string;
  readonly scenario: string;
  readonly file: string;
  readonly seedCount: number;
  readonly passedCount: number;
  readonly failedSeeds: readonly string[];
  /** Seeds whose run ended in an error, with its message. */
  readonly crashedSeeds: readonly { readonly seed: string; readonly failure: string }[];
  /** Seeds that missed an expectation or crashed, in the order of the sweep. */
  readonly badSeeds: readonly string[];
  readonly digests: Readonly<Record<string, string>>;
  readonly measures: readonly MeasureSummary[];
  readonly expectations: readonly ExpectationSummary[];
}

/** Runs all jobs; `onProgress` hears how many have ended. */
export async function sweep(
  jobs: readonly Job[],
  executor: Executor,
  onProgress: (endedCount: number, failedCount: number) => void = () => {},
): Promise<SweepResult> {
  const outcomes = new Map<string, JobOutcome>();
  let failedCount = 0;
  await executor(jobs, (outcome) => {
    outcomes.set(outcome.seed, outcome);
    if (outcome.result?.verdict !== 'passed') failedCount++;
    onProgress(outcomes.size, failedCount);
  });
  const inOrder = jobs.map((job) => outcomes.get(job.seed)!);
  return summarise(jobs, inOrder);
}

function summarise(jobs: readonly Job[], outcomes: readonly JobOutcome[]): SweepResult {
  const results = outcomes.flatMap((o) => (o.result === undefined ? [] : [o.result]));
  const first = results[0];
  return {
    schemaVersion: SWEEP_SCHEMA_VERSION,
    swarmlab: VERSION,
    scenario: first?.scenario ?? jobs[0]?.file ?? '',
    file: jobs[0]?.file ?? '',
    seedCount: jobs.length,
    passedCount: results.filter((result) => result.verdict === 'passed').length,
    failedSeeds: results.filter((r) => r.verdict === 'failed').map((r) => r.seed),
    crashedSeeds: outcomes.flatMap((o) =>
      o.failure === undefined ? [] : [{ seed: o.seed, failure: o.failure }],
    ),
    badSeeds: outcomes.filter((o) => o.result?.verdict !== 'passed').map((o) => o.seed),
    digests: Object.fromEntries(results.map((result) => [result.seed, result.digest])),
    measures: measureSummaries(results),
    expectations: expectationSummaries(results),
  };
}

function measureSummaries(results: readonly RunResult[]): MeasureSummary[] {
  const names = new Set(results.flatMap((result) => Object.keys(result.measures)));
  return [...names].map((name) => {
    const measures = results.flatMap((result) => result.measures[name] ?? []);
    const distribution = distributionOf(measures.map((measure) => measure.value));
    return {
      name,
      unit: measures[0]!.unit,
      what: measures[0]!.what,
      distribution,
      neverCount: measures.filter((measure) => measure.value === null).length,
    };
  });
}

function expectationSummaries(results: readonly RunResult[]): ExpectationSummary[] {
  const count = results[0]?.expectations.length ?? 0;
  return Array.from({ length: count }, (_, i) => {
    const outcomes = results.map((result) => ({ seed: result.seed, ...result.expectations[i]! }));
    return {
      text: outcomes[0]!.text,
      metCount: outcomes.filter((outcome) => outcome.met).length,
      runCount: outcomes.length,
      firstMissedSeed: outcomes.find((outcome) => !outcome.met)?.seed,
    };
  });
}
