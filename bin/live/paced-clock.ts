/**
 * Ties virtual time to the real clock: the event queue's instant is the time since the start, and
 * what is due is run when it is due. The only place that knows both.
 *
 * All members share one thread. When it has more to do than time, or gets no CPU, real time passes
 * that their timers must not see: the deadline of a probe would come before the ack that waits in a
 * socket. So timers run in turns, after all sockets were read: in one turn they see
 * {@link TURN_NS_MAX} at most, and the next begins when what this one has sent has arrived. What a
 * turn takes beyond that is lost: virtual time does not catch up, because it would then run faster
 * than the time of the programs that answer.
 */
import type { EventQueue } from '../../sim/event-queue.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { LoopbackEcho } from './loopback-echo.ts';

/** The queue is looked at this often even if nothing is due: timers of a process may be late. */
const IDLE_MS_MAX = 1000;
/** A tenth of the shortest deadline that members have, a ProbeTimeout of 200 ms, is 20 ms. */
const TURN_NS_MAX = 20 * MILLISECOND_NS;

/** See the module comment. */
export class PacedClock {
  readonly #queue: EventQueue;
  readonly #echo: LoopbackEcho;
  /** The real instant of virtual 0; before it virtual time stands still. */
  #startedAt: bigint | undefined = undefined;
  #lostNs = 0;
  #lateNsMax = 0;
  #isTurn = false;
  #step: NodeJS.Immediate | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** What the timer waits for. */
  #timerAtNs = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #isStopped = false;

  constructor(queue: EventQueue, echo: LoopbackEcho) {
    this.#queue = queue;
    this.#echo = echo;
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
    this.#arm();
  }

  /** Nothing becomes due any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#step);
  }

  /** Runs an action at the present instant, and before whatever is due: that has its turn. */
  run<T>(action: () => T): T {
    if (this.#isRunning) return action();
    const result = this.#enter(Math.min(this.#presentNs(), this.#queue.nextAtNs - 1), action);
    if (this.#startedAt !== undefined && !this.#isTurn) this.#arm();
    return result;
  }

  /** Real time since the start, ns. */
  elapsedNs(): number {
    return this.#startedAt === undefined ? 0 : Number(process.hrtime.bigint() - this.#startedAt);
  }

  #presentNs(): number {
    return this.elapsedNs() - this.#lostNs;
  }

  /** Waits for the next event. */
  #arm(): void {
    const { nextAtNs } = this.#queue;
    if (nextAtNs === this.#timerAtNs || this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timerAtNs = nextAtNs;
    const leftMs = (nextAtNs - this.#presentNs()) / MILLISECOND_NS;
    const delayMs = Math.min(IDLE_MS_MAX, Math.max(0, Math.ceil(leftMs)));
    this.#timer = setTimeout(() => {
      this.#timerAtNs = Number.POSITIVE_INFINITY;
      this.#isTurn = true;
      this.#soon(() => this.#turn());
    }, delayMs);
  }

  /** Runs what is due; all sockets have been read. */
  #turn(): void {
    const nowNs = this.#presentNs(); // asked once: the process may stand still at any line
    const lateNs = Math.max(0, nowNs - this.#queue.nextAtNs);
    const overdueNs = Math.max(0, lateNs - TURN_NS_MAX);
    this.#lateNsMax = Math.max(this.#lateNsMax, lateNs);
    this.#lostNs += overdueNs;
    this.#enter(nowNs - overdueNs, () => {});
    this.#soon(() => this.#echo.ask(() => this.#soon(() => this.#endTurn())));
  }

  #endTurn(): void {
    if (this.#queue.nextAtNs <= this.#presentNs()) {
      this.#turn();
      return;
    }
    this.#isTurn = false;
    this.#arm();
  }

  #enter<T>(atNs: number, action: () => T): T {
    this.#isRunning = true;
    try {
      this.#queue.runUntil(atNs);
      return action();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Calls when all sockets that have something to read now have been read. */
  #soon(action: () => void): void {
    if (!this.#isStopped) this.#step = setImmediate(action);
  }
}
