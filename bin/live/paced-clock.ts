/**
 * Ties virtual time to the real clock: the event queue's instant is the time since the start, and
 * what is due is run when it is due or when something arrives. The only place that knows both.
 *
 * All members share one thread. When it has more to do than time, or gets no CPU, real time passes
 * that their timers must not see: the deadline of a probe would come before the ack that waits in a
 * socket. So within one turn of Node's loop, in which every socket is read, timers see
 * {@link TURN_NS_MAX} at most. What a turn takes beyond that is lost: virtual time does not catch
 * up, because it would then run faster than the time of the programs that answer.
 */
import type { EventQueue } from '../../sim/event-queue.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';

/** The queue is looked at this often even if nothing is due: timers of a process may be late. */
const IDLE_MS_MAX = 1000;
/** A tenth of the shortest deadline that members have, a ProbeTimeout of 200 ms, is 20 ms. */
const TURN_NS_MAX = 20 * MILLISECOND_NS;

/** See the module comment. */
export class PacedClock {
  readonly #queue: EventQueue;
  /** The real instant of virtual 0; before it virtual time stands still. */
  #startedAt: bigint | undefined = undefined;
  #lostNs = 0;
  #lateNsMax = 0;
  /** What virtual time may reach in the present turn of the loop, if anything has run in it. */
  #turnEndsAtNs: number | undefined = undefined;
  #turn: NodeJS.Immediate | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isRunning = false;
  #isStopped = false;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** The most by which anything has been late since the start, ns: so long others had to wait. */
  get lateNsMax(): number {
    return this.#lateNsMax;
  }

  /** Real time since the start that was none for members, ns. */
  get lostNs(): number {
    return this.#lostNs;
  }

  /** From now on virtual time passes. */
  start(): void {
    this.#startedAt = process.hrtime.bigint();
    this.#armTimer();
  }

  /** Nothing becomes due any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
  }

  /** Runs what is due, as far as the turn goes, then the action. */
  run<T>(action: () => T): T {
    if (this.#isRunning) return action();
    this.#isRunning = true;
    try {
      this.#queue.runUntil(this.#reachableNs());
      return action();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Real time since the start, ns. */
  elapsedNs(): number {
    return this.#startedAt === undefined ? 0 : Number(process.hrtime.bigint() - this.#startedAt);
  }

  /** The instant that virtual time may go on to now. */
  #reachableNs(): number {
    if (this.#startedAt === undefined) return this.#queue.nowNs;
    this.#turnEndsAtNs ??= this.#beginTurn();
    return Math.min(this.elapsedNs() - this.#lostNs, this.#turnEndsAtNs);
  }

  /** Gives up what is overdue by more than a turn's worth; how far virtual time may go in it, ns. */
  #beginTurn(): number {
    const lateNs = this.elapsedNs() - this.#lostNs - this.#queue.nextAtNs;
    this.#lateNsMax = Math.max(this.#lateNsMax, lateNs);
    this.#lostNs += Math.max(0, lateNs - TURN_NS_MAX);
    if (!this.#isStopped) this.#turn = setImmediate(() => this.#endTurn());
    return this.elapsedNs() - this.#lostNs + TURN_NS_MAX;
  }

  /** All sockets that had something to read have been read. */
  #endTurn(): void {
    this.#turnEndsAtNs = undefined;
    if (this.#queue.nextAtNs <= this.elapsedNs() - this.#lostNs) this.run(() => {});
    else this.#armTimer();
  }

  #armTimer(): void {
    clearTimeout(this.#timer);
    const leftMs = (this.#queue.nextAtNs - this.elapsedNs() + this.#lostNs) / MILLISECOND_NS;
    const delayMs = Math.min(IDLE_MS_MAX, Math.max(0, Math.ceil(leftMs)));
    this.#timer = setTimeout(() => this.run(() => {}), delayMs);
  }
}
