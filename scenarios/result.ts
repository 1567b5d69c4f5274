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
  /** `fault`, `operation`, `membership`, `manager`, `service`, `traffic`, `checker`, `exec`. */
  readonly topic: string;
  /** The node that it happened at; empty for the cluster. */
  readonly node: string;
  readonly text: string;
}

/** A point of a cumulative curve: so many percent happened within so many seconds. */
export interface CurvePoint {
  readonly percent: number;
  readonly seconds: number;
}

/** How one change of a table entry became known. */
export interface EntrySpread {
  readonly table: string;
  readonly key: string;
  /** `create`, `update` or `delete`; `forgotten` with its owner, who is the writer. */
  readonly kind: string;
  readonly writer: string;
  readonly atSeconds: number;
  /** The other nodes on its network, with the span from the change, in the order of learning. */
  readonly known: readonly { readonly node: string; readonly seconds: number }[];
}

/** What an event of the timeline did to NetworkDB's tables, until the next event. */
export interface TableSpread {
  readonly event: string;
  readonly atSeconds: number;
  /** Changes that nodes wrote. */
  readonly changeCount: number;
  /** From a change to a node that knows it, over all changes and nodes. */
  readonly known: readonly CurvePoint[];
  /** From the event to a node that forgets an entry of a node that was hit. */
  readonly forgotten: readonly CurvePoint[];
  /** The entries that took longest, slowest first. */
  readonly slowest: readonly EntrySpread[];
  /** With `tables: all`, every change in the order in which they were written. */
  readonly changed?: readonly EntrySpread[];
  /** With `tables: all`, every entry that went with its owner, and which node forgot it when. */
  readonly lost?: readonly EntrySpread[];
}

/** A time in which requests failed, none of them longer than a second after the last. */
export interface LossWindow {
  /** When the first and the last failing request were sent. */
  readonly fromSeconds: number;
  readonly untilSeconds: number;
  readonly failed: number;
  /** The failures by their kinds, most frequent first. */
  readonly kinds: readonly { readonly kind: string; readonly count: number }[];
}

/** What became of one traffic's requests, beside its measures. */
export interface TrafficResult {
  readonly name: string;
  readonly lossWindows: readonly LossWindow[];
  /** Who answered, and which share of the answers is his; in the order of names. */
  readonly servers: readonly {
    readonly server: string;
    readonly answered: number;
    readonly share: number;
  }[];
}

/** What an `exec` step of the timeline ran, and what came of it. */
export interface CommandResult {
  /** The entry's own name, or `exec`; numbered from the second one on. */
  readonly name: string;
  readonly atSeconds: number;
  /** How long it ran. */
  readonly seconds: number;
  /** Node, container and namespace, as the entry names them. */
  readonly place: string;
  readonly command: string;
  /** What it printed, stdout and stderr as on a terminal. */
  readonly output: string;
  readonly status: number;
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
  readonly tables: readonly TableSpread[];
  readonly traffic: readonly TrafficResult[];
  readonly commands: readonly CommandResult[];
  readonly expectations: readonly ExpectationOutcome[];
  readonly timeline: readonly TimelineLine[];
  readonly warnings: readonly string[];
}
