/**
 * One timer of an association: armed anew it replaces what it was set to.
 *
 * Associations are few, so each timer is an event of its own, where TCP's connections share theirs.
 */
import { type EventHandle, type EventQueue, NO_EVENT } from '../../../sim/event-queue.ts';

/** A timer with one action. */
export class SctpTimer {
  readonly #queue: EventQueue;
  readonly #onExpired: () => void;
  #event: EventHandle = NO_EVENT;

  constructor(queue: EventQueue, onExpired: () => void) {
    this.#queue = queue;
    this.#onExpired = onExpired;
  }

  /** True while it runs. */
  get isArmed(): boolean {
    return this.#event !== NO_EVENT;
  }

  /** Runs out after `spanNs` from now. */
  arm(spanNs: number): void {
    this.disarm();
    this.#event = this.#queue.scheduleCallback(this.#queue.nowNs + spanNs, () => {
      this.#event = NO_EVENT;
      this.#onExpired();
    });
  }

  /** Stops it. */
  disarm(): void {
    this.#queue.cancel(this.#event);
    this.#event = NO_EVENT;
  }
}
