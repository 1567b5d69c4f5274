/**
 * How far each member trusts its own health (memberlist `awareness.go`; Lifeguard's local health
 * multiplier). 0 is healthy; a score stretches the member's probes to score + 1 intervals.
 */
import { grown } from '../members/grown.ts';
import { Reason, type Unrest } from '../members/unrest.ts';

/** The scores of all members. */
export class Awareness {
  readonly #unrest: Unrest;
  #scores = new Uint8Array(0);

  constructor(unrest: Unrest) {
    this.#unrest = unrest;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#scores = grown(this.#scores, capacity);
  }

  /** The member's score, 0 to multiplier - 1. */
  scoreOf(member: number): number {
    return this.#scores[member]!;
  }

  /** Adds to the score and keeps it in [0, multiplier). */
  apply(member: number, delta: number, maxMultiplier: number): void {
    const before = this.#scores[member]!;
    const score = Math.max(0, Math.min(before + delta, maxMultiplier - 1));
    if (score === before) return;
    this.#scores[member] = score;
    if (score === 0) this.#unrest.clear(member, Reason.unhealthy);
    else this.#unrest.set(member, Reason.unhealthy);
  }

  /** A new process trusts itself. */
  reset(member: number): void {
    this.#scores[member] = 0;
    this.#unrest.clear(member, Reason.unhealthy);
  }
}
