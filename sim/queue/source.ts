/**
 * Events that are not in the queue, because walking past most of them is cheaper (sweep.ts).
 */

/** At equal instants its events come after the queue's, as late ones do. */
export interface EventSource {
  /** The instant of its next event, with an effect or without, or Infinity. */
  readonly nextAtNs: number;
  /**
   * Passes its events up to and including `untilNs` as long as they schedule and observe nothing; the
   * first that would is next then. With Infinity it may return earlier.
   */
  passUntil(untilNs: number): void;
  /** Fires its next event; the clock stands there. */
  fire(): void;
  /** The clock stands at an instant, and everything that was due until then has happened. */
  standAt(atNs: number): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/** What there is where there is no source. */
export const NO_SOURCE: EventSource = {
  nextAtNs: NEVER,
  passUntil: () => {},
  fire: () => {},
  standAt: () => {},
};

/** Two sources as one; at equal instants the first one's events come first. */
export class BothSources implements EventSource {
  readonly #first: EventSource;
  readonly #second: EventSource;

  constructor(first: EventSource, second: EventSource) {
    this.#first = first;
    this.#second = second;
  }

  get nextAtNs(): number {
    return Math.min(this.#first.nextAtNs, this.#second.nextAtNs);
  }

  passUntil(untilNs: number): void {
    const first = this.#first;
    const second = this.#second;
    for (;;) {
      const isFirst = first.nextAtNs <= second.nextAtNs;
      const source = isFirst ? first : second;
      const boundNs = Math.min(untilNs, isFirst ? second.nextAtNs : first.nextAtNs - 1);
      if (source.nextAtNs > untilNs) return;
      source.passUntil(boundNs);
      if (source.nextAtNs <= boundNs || boundNs === NEVER) return;
    }
  }

  fire(): void {
    if (this.#first.nextAtNs <= this.#second.nextAtNs) this.#first.fire();
    else this.#second.fire();
  }

  standAt(atNs: number): void {
    this.#first.standAt(atNs);
    this.#second.standAt(atNs);
  }
}
