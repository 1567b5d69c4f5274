/**
 * How far each member trusts its own health (memberlist `awareness.go`; Lifeguard's local health
 * multiplier). 0 is healthy; a score stretches the member's probes to score + 1 intervals.
 */
import { grown } from '../members/grown.ts';

/** The scores of all members. */
export class Awareness {
  #scores = new Uint8Array(0);

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
    const score = this.#scores[member]! + delta;
    this.#scores[member] = Math.max(0, Math.min(score, maxMultiplier - 1));
  }

  /** A new process trusts itself. */
  reset(member: number): void {
    this.#scores[member] = 0;
  }
}
