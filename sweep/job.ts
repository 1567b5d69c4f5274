/**
 * One job of a sweep: one scenario with one seed. A job's outcome is a result or the reason why
 * there is none, and crosses threads as plain data.
 */
import type { RunResult } from '../scenarios/result.ts';

/** What a worker needs to run one seed. */
export interface Job {
  readonly file: string;
  readonly seed: string;
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly shortcuts: boolean;
}

/** What became of it. */
export type JobOutcome =
  | { readonly seed: string; readonly result: RunResult; readonly failure: undefined }
  | { readonly seed: string; readonly result: undefined; readonly failure: string };

/** Runs jobs, calling back as each ends; the order of endings is nobody's promise. */
export type Executor = (
  jobs: readonly Job[],
  onOutcome: (outcome: JobOutcome) => void,
) => Promise<void>;
