/**
 * A process that has to wait for a CPU. It gets one now and then; between two such grants it is due
 * to run and does not, and what becomes due meanwhile (timers, packets, streams) waits for the next:
 * handlers are late by what is left of a drawn span.
 *
 * So a slow process blames others: when it gets to the ack of its ping, the probe's timers have
 * elapsed too, and Go's runtime looks at its timers first.
 *
 * When a handler runs is a function of the member and of when it became due, and of nothing that was
 * or was not handled before: shortcuts change nothing.
 */
import { type DrawKey, drawBelow, drawChance, keyOf } from '../../sim/chance.ts';
import { drawSpanNs, type SpanDistribution } from '../../sim/span-distribution.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';

/** How a process is starved. */
export interface Starvation {
  /** How long it waits for a CPU, each time. */
  readonly wait: SpanDistribution;
  /** The share of the time in which it has to wait at all, in [0, 1]; it comes in bursts. */
  readonly shareRatio: number;
  /** The length of a burst, ns; at least 1 ms. */
  readonly burstNs: number;
}

/** The length of bursts unless it is said. */
export const BURST_NS = 10 * SECOND_NS;

/** A shorter wait is no starvation. */
const WAIT_NS_MIN = 100 * MICROSECOND_NS;

const Draw = { phase: 0, isStarved: 1, wait: 2 } as const;

/** When the handlers of one starved process run. */
export class RunInstants {
  readonly #starvation: Starvation;
  readonly #isStarvedKey: DrawKey;
  readonly #waitKey: DrawKey;
  /** Bursts of different processes do not begin together. */
  readonly #phaseNs: number;
  /** The present span: waiting for the CPU until its end, or free to run. */
  #endNs: number;
  #mustWait = true;
  #waitCount = 0;

  /** `key` is the process's own. */
  constructor(starvation: Starvation, key: DrawKey, nowNs: number) {
    this.#starvation = starvation;
    this.#isStarvedKey = keyOf(key, Draw.isStarved);
    this.#waitKey = keyOf(key, Draw.wait);
    this.#phaseNs = drawBelow(keyOf(key, Draw.phase), starvation.burstNs, 0);
    this.#endNs = nowNs;
  }

  /** When a handler runs that becomes due at `dueNs`, which is not before any earlier `dueNs`. */
  of(dueNs: number): number {
    while (this.#endNs < dueNs) this.#advance();
    return this.#mustWait ? this.#endNs : dueNs;
  }

  /** The span that begins where the last one has ended, and whether the process waits in it. */
  next(): { readonly endNs: number; readonly mustWait: boolean } {
    this.#advance();
    return { endNs: this.#endNs, mustWait: this.#mustWait };
  }

  #advance(): void {
    const { wait, shareRatio, burstNs } = this.#starvation;
    const burst = Math.floor((this.#endNs + this.#phaseNs) / burstNs);
    this.#mustWait = drawChance(this.#isStarvedKey, shareRatio, burst);
    if (this.#mustWait) {
      const waitNs = drawSpanNs(wait, this.#waitKey, this.#waitCount++);
      this.#endNs += Math.max(WAIT_NS_MIN, waitNs);
    } else {
      this.#endNs = (burst + 1) * burstNs - this.#phaseNs;
    }
  }
}
