/**
 * A process that has to wait for a CPU: whatever becomes due for it is handled later, by a span that
 * is drawn, and in the order in which it became due.
 *
 * Time is cut into windows; each window is starved or not, and has one lateness. When a handler runs
 * is so a function of the member and of when it became due, and of nothing that was or was not
 * handled before: shortcuts change nothing. Short windows make latenesses that have little to do
 * with each other, long ones bursts.
 */
import { type DrawKey, drawBelow, drawChance, keyOf } from '../../sim/chance.ts';
import { drawSpanNs, type SpanDistribution } from '../../sim/span-distribution.ts';

/** How a process is starved. */
export interface Starvation {
  /** How much later a handler runs. */
  readonly late: SpanDistribution;
  /** The share of the windows in which handlers are late, in [0, 1]. */
  readonly shareRatio: number;
  /** How long a drawn lateness holds, ns; at least 1 ms. */
  readonly windowNs: number;
}

const Draw = { phase: 0, isStarved: 1, late: 2 } as const;

/** When the handlers of one starved process run. */
export class RunInstants {
  readonly #starvation: Starvation;
  readonly #keys: readonly [phase: DrawKey, isStarved: DrawKey, late: DrawKey];
  readonly #phaseNs: number;
  #window: number;
  #lateNs: number;
  /** By when what became due in earlier windows has been handled. */
  #earlierNs = 0;

  /** `key` is the process's own. */
  constructor(starvation: Starvation, key: DrawKey, nowNs: number) {
    this.#starvation = starvation;
    this.#keys = [keyOf(key, Draw.phase), keyOf(key, Draw.isStarved), keyOf(key, Draw.late)];
    this.#phaseNs = drawBelow(this.#keys[Draw.phase], starvation.windowNs, 0);
    this.#window = this.#windowAt(nowNs);
    this.#lateNs = this.#lateNsIn(this.#window);
  }

  /** When a handler runs that becomes due at `dueNs`, which is not before any earlier `dueNs`. */
  of(dueNs: number): number {
    const window = this.#windowAt(dueNs);
    while (this.#window < window) {
      const endNs = (this.#window + 1) * this.#starvation.windowNs - this.#phaseNs;
      this.#earlierNs = Math.max(this.#earlierNs, endNs - 1 + this.#lateNs);
      this.#window++;
      this.#lateNs = this.#lateNsIn(this.#window);
    }
    return Math.max(this.#earlierNs, dueNs + this.#lateNs);
  }

  #windowAt(atNs: number): number {
    return Math.floor((atNs + this.#phaseNs) / this.#starvation.windowNs);
  }

  #lateNsIn(window: number): number {
    const { late, shareRatio } = this.#starvation;
    if (!drawChance(this.#keys[Draw.isStarved], shareRatio, window)) return 0;
    return drawSpanNs(late, this.#keys[Draw.late], window);
  }
}
