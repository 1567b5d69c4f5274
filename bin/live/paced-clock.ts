/**
 * Ties virtual time to the real clock: the event queue's instant is the time since the start, and
 * what is due is run when it is due or when something arrives. The only place that knows both.
 */
import type { EventQueue } from '../../sim/event-queue.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';

/** The queue is looked at this often even if nothing is due: timers of a process may be late. */
const IDLE_MS_MAX = 1000;
/**
 * A process that is later than this catches up in steps of this, one for each turn of Node's loop,
 * so that every socket is read in between: otherwise the deadline of a probe would pass before its
 * ack could be read. What arrives meanwhile is handled at the instant of the last step.
 */
const STEP_NS_MAX = 50 * MILLISECOND_NS;

/** See the module comment. */
export class PacedClock {
  readonly #queue: EventQueue;
  /** The real instant of virtual 0; before it virtual time stands still. */
  #startedAt: bigint | undefined = undefined;
  #step: NodeJS.Immediate | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isRunning = false;
  #isStopped = false;
  #lateNsMax = 0;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /**
   * The most by which virtual time has been behind since the start: whoever is late for longer than
   * others wait is suspected.
   */
  get lateNsMax(): number {
    return this.#lateNsMax;
  }

  /** From now on virtual time passes. */
  start(): void {
    this.#startedAt = process.hrtime.bigint();
    this.#arm();
  }

  /** Nothing becomes due any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#step);
  }

  /** Runs what is due, unless the process is late, then the action. */
  run<T>(action: () => T): T {
    if (this.#isRunning) return action();
    const elapsedNs = this.elapsedNs();
    const dueNs = Math.min(this.#queue.nextAtNs, elapsedNs);
    this.#lateNsMax = Math.max(this.#lateNsMax, elapsedNs - dueNs);
    const isLate = elapsedNs - this.#queue.nowNs > STEP_NS_MAX;
    return this.#advance(isLate ? this.#queue.nowNs : elapsedNs, action);
  }

  /** Real time since the start; virtual time is not later. */
  elapsedNs(): number {
    return this.#startedAt === undefined ? 0 : Number(process.hrtime.bigint() - this.#startedAt);
  }

  #advance<T>(toNs: number, action: () => T): T {
    this.#isRunning = true;
    try {
      this.#queue.runUntil(toNs);
      return action();
    } finally {
      this.#isRunning = false;
      this.#arm();
    }
  }

  #arm(): void {
    if (this.#isStopped || this.#startedAt === undefined || this.#step !== undefined) return;
    clearTimeout(this.#timer);
    const elapsedNs = this.elapsedNs();
    if (elapsedNs - this.#queue.nowNs > STEP_NS_MAX) {
      this.#step = setImmediate(() => {
        this.#step = undefined;
        this.#advance(this.#queue.nowNs + STEP_NS_MAX, () => {});
      });
      return;
    }
    const leftMs = (this.#queue.nextAtNs - elapsedNs) / MILLISECOND_NS;
    const delayMs = Math.min(IDLE_MS_MAX, Math.max(0, Math.ceil(leftMs)));
    this.#timer = setTimeout(() => this.run(() => {}), delayMs);
  }
}
