/**
 * Suspicions and their timers (memberlist `suspicion.go`): each member's own countdown for each
 * member that it suspects, shortened by every further accuser.
 */
import { type EventHandle, type EventQueue, NO_EVENT } from '../sim/event-queue.ts';
import { expectedConfirmations, remainingSuspicionTimeNs, suspicionTimeoutNs } from './formulas.ts';

/** What {@link Suspicions.start} needs of the observer. */
export interface SuspicionInit {
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly probeIntervalNs: number;
  /** Length of the observer's node list. */
  readonly n: number;
}

interface Suspicion {
  /** Accusers counted so far; the first is not a confirmation. */
  readonly accusers: number[];
  readonly k: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly startedAtNs: number;
  handle: EventHandle;
}

/** All running suspicions. */
export class Suspicions {
  readonly #queue: EventQueue;
  readonly #kind: number;
  readonly #byObserver: (Map<number, Suspicion> | undefined)[] = [];

  /** `kind` is the typed event of an elapsed suspicion: (observer, subject). */
  constructor(queue: EventQueue, kind: number) {
    this.#queue = queue;
    this.#kind = kind;
  }

  /** True while the observer's suspicion of the subject has a timer. */
  has(observer: number, subject: number): boolean {
    return this.#byObserver[observer]?.has(subject) === true;
  }

  /** Confirmations so far of a running suspicion. */
  confirmationsOf(observer: number, subject: number): number {
    return (this.#byObserver[observer]?.get(subject)?.accusers.length ?? 1) - 1;
  }

  /** Starts a countdown; `from` is the first accuser. */
  start(observer: number, subject: number, from: number, init: SuspicionInit): void {
    const { suspicionMult, n } = init;
    const k = expectedConfirmations(suspicionMult, n);
    const minNs = suspicionTimeoutNs(suspicionMult, n, init.probeIntervalNs);
    const maxNs = init.suspicionMaxTimeoutMult * minNs;
    const nowNs = this.#queue.nowNs;
    const atNs = nowNs + (k < 1 ? minNs : maxNs);
    const handle = this.#queue.schedule(atNs, this.#kind, observer, subject);
    const suspicion = { accusers: [from], k, minNs, maxNs, startedAtNs: nowNs, handle };
    (this.#byObserver[observer] ??= new Map()).set(subject, suspicion);
  }

  /** Counts an accuser; true when it is new and was expected, and so worth passing on. */
  confirm(observer: number, subject: number, from: number): boolean {
    const suspicion = this.#byObserver[observer]!.get(subject)!;
    const { accusers, k } = suspicion;
    if (accusers.length > k || accusers.includes(from)) return false;
    accusers.push(from);
    const nowNs = this.#queue.nowNs;
    const elapsedNs = nowNs - suspicion.startedAtNs;
    const { minNs, maxNs } = suspicion;
    const leftNs = remainingSuspicionTimeNs(accusers.length - 1, k, elapsedNs, minNs, maxNs);
    if (this.#queue.cancel(suspicion.handle)) {
      const atNs = nowNs + Math.max(0, leftNs);
      suspicion.handle = this.#queue.schedule(atNs, this.#kind, observer, subject);
    }
    return true;
  }

  /** Stops the countdown, if there is one. */
  remove(observer: number, subject: number): void {
    const suspicions = this.#byObserver[observer];
    const suspicion = suspicions?.get(subject);
    if (suspicions === undefined || suspicion === undefined) return;
    this.#queue.cancel(suspicion.handle);
    suspicion.handle = NO_EVENT;
    suspicions.delete(subject);
  }

  /** Stops all countdowns of a process that ends. */
  reset(observer: number): void {
    const suspicions = this.#byObserver[observer];
    if (suspicions === undefined) return;
    for (const suspicion of suspicions.values()) this.#queue.cancel(suspicion.handle);
    this.#byObserver[observer] = undefined;
  }
}
