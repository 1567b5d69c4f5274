/**
 * A record of observations, all of them or the last so many, and their text.
 *
 * `--trace FILE` keeps all; a run that stops on a broken invariant prints the last few. A line is
 * `time node kind a b text`: the instant in seconds with nine decimals, `-` for the cluster's own
 * observations, and a text last, so that the line can be cut at blanks. Two traces of one seed are
 * the same bytes.
 */
import type { Observation, ObservationKind, Observations } from './observations.ts';
import { formatInstant } from './time.ts';

/** Which observations a trace keeps; every field may be left out. */
export interface TraceInit {
  /** Keeps the last so many only; all when left out. */
  readonly limit?: number | undefined;
  /** Keeps these kinds only; every kind when left out. */
  readonly kinds?: readonly ObservationKind[] | undefined;
}

/** Observations in the order in which they were made. */
export class Trace {
  readonly #limit: number;
  /** A ring once it is full: the oldest stands at `#next`. */
  readonly #entries: Observation[] = [];
  #next = 0;
  #droppedCount = 0;

  constructor(init: TraceInit = {}) {
    this.#limit = init.limit ?? Number.POSITIVE_INFINITY;
  }

  /** A trace of what will be observed from now on. */
  static watch(observations: Observations, init: TraceInit = {}): Trace {
    const trace = new Trace(init);
    const add = (observation: Observation): void => trace.add(observation);
    if (init.kinds === undefined) observations.subscribe(undefined, add);
    else for (const kind of init.kinds) observations.subscribe(kind, add);
    return trace;
  }

  /** How many observations it holds. */
  get count(): number {
    return this.#entries.length;
  }

  /** How many older ones were given up for newer ones. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Keeps an observation, if need be in place of the oldest. */
  add(observation: Observation): void {
    if (this.#entries.length < this.#limit) {
      this.#entries.push(observation);
      return;
    }
    this.#droppedCount++;
    if (this.#limit === 0) return;
    this.#entries[this.#next] = observation;
    this.#next = (this.#next + 1) % this.#limit;
  }

  /** The observations, oldest first. */
  list(): Observation[] {
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
  }

  /** One line each, oldest first, every line ended; `nodeNames` puts names for node indices. */
  format(nodeNames: readonly string[] = []): string {
    return this.list()
      .map((observation) => `${formatObservation(observation, nodeNames)}\n`)
      .join('');
  }
}

/** One observation as a line without its end: `12.000000001 3 membership.dead 5 0 text`. */
function formatObservation(
  { atNs, kind, node, a, b, text }: Observation,
  nodeNames: readonly string[] = [],
): string {
  const name = node < 0 ? '-' : (nodeNames[node] ?? String(node));
  const line = `${formatInstant(atNs)} ${name} ${kind.name} ${a} ${b}`;
  return text === '' ? line : `${line} ${text.replaceAll('\n', '\\n')}`;
}
