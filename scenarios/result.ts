/**
 * What a run comes to: one plain object. Every report is a rendering of it, `--json` prints it as
 * it is, and `simulate()` returns it.
 */

/** The version of the document; it rises when a field changes its meaning or goes. */
export const RESULT_SCHEMA_VERSION = 1;

/** The unit of a measure's value. */
export type MeasureUnit = 's' | 'count' | 'ratio' | 'bytes' | 'bytes/s' | 'packets/s' | '1/s';

/** One measured value; `null` when the thing did not happen. */
export interface Measure {
  readonly value: number | null;
  readonly unit: MeasureUnit;
  /** What was measured, in words. */
  readonly what: string;
}

/** How an expectation came out. */
export interface ExpectationOutcome {
  readonly text: string;
  readonly met: boolean;
  /** What was measured, in words: `6.214s`, `never`, `0.8%`. */
  readonly measured: string;
  readonly file: string;
  readonly line: number;
}

/** One line of the timeline. */
export interface TimelineLine {
  readonly atNs: number;
  /** `fault`, `operation`, `membership`, `manager`, `service`, `traffic`, `checker`. */
  readonly topic: string;
  /** The node that it happened at; empty for the cluster. */
  readonly node: string;
  readonly text: string;
}

/** The result of one run. */
export interface RunResult {
  readonly schemaVersion: number;
  /** Version of swarmlab. */
  readonly swarmlab: string;
  readonly scenario: string;
  readonly file: string;
  readonly seed: string;
  /** Hash of the scenario with its stack and settings; equal hashes and seeds give equal digests. */
  readonly configHash: string;
  readonly digest: string;
  readonly verdict: 'passed' | 'failed';
  readonly virtualSeconds: number;
  readonly measures: Readonly<Record<string, Measure>>;
  readonly expectations: readonly ExpectationOutcome[];
  readonly timeline: readonly TimelineLine[];
  readonly warnings: readonly string[];
}
