/**
 * The timers of one process: all end with it, and none fires while it is stopped by a signal.
 *
 * A manager that loses leadership, crashes or is paused must not be called by timers that it armed
 * before. A paused process does not stop its clock, so timers that fall due meanwhile fire, in
 * order, at the instant at which it goes on.
 */
import { type EventHandle, NO_EVENT } from '../sim/event-queue.ts';
import type { World } from '../sim/world.ts';

/** A timer of one {@link TimerGroup}. */
export interface Timer {
  handle: EventHandle;
  callback: (() => void) | undefined;
}

/** Timers that live and pause together. */
export class TimerGroup {
  readonly #world: World;
  readonly #armed = new Set<Timer>();
  #overdue: Timer[] = [];
  #isPaused = false;
  #isStopped = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Calls back after a span of ns; never, once the group is stopped. */
  after(spanNs: number, callback: () => void): Timer {
    return this.at(this.#world.nowNs + Math.max(0, spanNs), callback);
  }

  /** Calls back at an instant. */
  at(atNs: number, callback: () => void): Timer {
    const timer: Timer = { handle: NO_EVENT, callback };
    if (this.#isStopped) return timer;
    this.#armed.add(timer);
    timer.handle = this.#world.queue.scheduleCallback(atNs, () => this.#fire(timer));
    return timer;
  }

  /** Takes a timer back; harmless when it is `undefined` or has fired. */
  cancel(timer: Timer | undefined): void {
    if (timer === undefined || timer.callback === undefined) return;
    timer.callback = undefined;
    this.#armed.delete(timer);
    this.#world.queue.cancel(timer.handle);
  }

  /** Cancels everything, for good. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#armed) {
      timer.callback = undefined;
      this.#world.queue.cancel(timer.handle);
    }
    this.#armed.clear();
    this.#overdue = [];
  }

  /** Timers that fall due from now on wait for {@link resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Fires what fell due while paused, in order. */
  resume(): void {
    this.#isPaused = false;
    const overdue = this.#overdue;
    this.#overdue = [];
    for (const timer of overdue) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    if (this.#isPaused) {
      this.#overdue.push(timer);
      return;
    }
    const callback = timer.callback;
    timer.callback = undefined;
    this.#armed.delete(timer);
    callback?.();
  }
}
