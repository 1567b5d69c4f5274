/**
 * Suspicions and their timers (memberlist `suspicion.go`): each member's own countdown for each
 * member that it suspects, shortened by every further accuser.
 *
 * A suspected member has a column with an entry per observer while anybody suspects it. A map per
 * observer took half of the time of a death among 10,000.
 */
import type { EventQueue } from '../../sim/event-queue.ts';
import {
  expectedConfirmations,
  remainingSuspicionTimeNs,
  suspicionTimeoutNs,
} from '../formulas.ts';
import { grown } from '../members/grown.ts';

/** What {@link Suspicions.start} needs of the observer. */
export interface SuspicionInit {
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly probeIntervalNs: number;
  /** Length of the observer's node list. */
  readonly n: number;
}

/** The suspicions of one subject, by observer. */
interface Column {
  /** Accusers counted so far, the first included; 0 where there is no suspicion. */
  accuserCount: Uint8Array;
  /** Confirmations that count. */
  k: Uint8Array;
  /** `stride` accusers per observer. */
  accusers: Int32Array;
  stride: number;
  minNs: Float64Array;
  maxNs: Float64Array;
  startedAtNs: Float64Array;
  handle: Float64Array;
  runningCount: number;
}

/** All running suspicions. */
export class Suspicions {
  readonly #queue: EventQueue;
  readonly #kind: number;
  #capacity = 0;
  readonly #columns: (Column | undefined)[] = [];
  readonly #suspected: number[] = [];

  /** `kind` is the typed event of an elapsed suspicion: (observer, subject). */
  constructor(queue: EventQueue, kind: number) {
    this.#queue = queue;
    this.#kind = kind;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#capacity = capacity;
    while (this.#columns.length < capacity) this.#columns.push(undefined);
    for (const subject of this.#suspected) growColumn(this.#columns[subject]!, capacity);
  }

  /** True while the observer's suspicion of the subject has a timer. */
  has(observer: number, subject: number): boolean {
    const column = this.#columns[subject];
    return column !== undefined && column.accuserCount[observer] !== 0;
  }

  /** Starts a countdown; `from` is the first accuser. */
  start(observer: number, subject: number, from: number, init: SuspicionInit): void {
    const { suspicionMult, n } = init;
    const k = expectedConfirmations(suspicionMult, n);
    const minNs = suspicionTimeoutNs(suspicionMult, n, init.probeIntervalNs);
    const maxNs = init.suspicionMaxTimeoutMult * minNs;
    const nowNs = this.#queue.nowNs;
    const atNs = nowNs + (k < 1 ? minNs : maxNs);
    const column = this.#columnOf(subject, k + 1);
    column.accuserCount[observer] = 1;
    column.accusers[observer * column.stride] = from;
    column.k[observer] = k;
    column.minNs[observer] = minNs;
    column.maxNs[observer] = maxNs;
    column.startedAtNs[observer] = nowNs;
    column.handle[observer] = this.#queue.schedule(atNs, this.#kind, observer, subject);
    column.runningCount++;
  }

  /** True when no further accuser counts for the observer's suspicion of the subject. */
  isFull(observer: number, subject: number): boolean {
    const column = this.#columns[subject]!;
    return column.accuserCount[observer]! > column.k[observer]!;
  }

  /** True when that accuser would count, or when there is no suspicion that could count it. */
  expects(observer: number, subject: number, from: number): boolean {
    const column = this.#columns[subject];
    return column === undefined || isNew(column, observer, from);
  }

  /** Counts an accuser; true when it is new and was expected, and so worth passing on. */
  confirm(observer: number, subject: number, from: number): boolean {
    const column = this.#columns[subject]!;
    if (!isNew(column, observer, from)) return false;
    const c = column.accuserCount[observer]!++;
    column.accusers[observer * column.stride + c] = from;
    const nowNs = this.#queue.nowNs;
    const leftNs = remainingSuspicionTimeNs(
      c,
      column.k[observer]!,
      nowNs - column.startedAtNs[observer]!,
      column.minNs[observer]!,
      column.maxNs[observer]!,
    );
    if (this.#queue.cancel(column.handle[observer]!)) {
      const atNs = nowNs + Math.max(0, leftNs);
      column.handle[observer] = this.#queue.schedule(atNs, this.#kind, observer, subject);
    }
    return true;
  }

  /** Stops the countdown, if there is one. */
  remove(observer: number, subject: number): void {
    const column = this.#columns[subject];
    if (column === undefined || column.accuserCount[observer] === 0) return;
    this.#queue.cancel(column.handle[observer]!);
    column.accuserCount[observer] = 0;
    column.runningCount--;
    if (column.runningCount > 0) return;
    this.#columns[subject] = undefined;
    this.#suspected.splice(this.#suspected.indexOf(subject), 1);
  }

  /** Stops all countdowns of a process that ends. */
  reset(observer: number): void {
    for (const subject of [...this.#suspected]) this.remove(observer, subject);
  }

  #columnOf(subject: number, stride: number): Column {
    let column = this.#columns[subject];
    if (column === undefined) {
      column = newColumn(this.#capacity, stride);
      this.#columns[subject] = column;
      this.#suspected.push(subject);
    }
    if (stride > column.stride) widen(column, stride);
    return column;
  }
}

function isNew(column: Column, observer: number, from: number): boolean {
  const count = column.accuserCount[observer]!;
  if (count > column.k[observer]!) return false;
  const first = observer * column.stride;
  for (let i = 0; i < count; i++) if (column.accusers[first + i] === from) return false;
  return true;
}

function newColumn(capacity: number, stride: number): Column {
  return {
    accuserCount: new Uint8Array(capacity),
    k: new Uint8Array(capacity),
    accusers: new Int32Array(capacity * stride),
    stride,
    minNs: new Float64Array(capacity),
    maxNs: new Float64Array(capacity),
    startedAtNs: new Float64Array(capacity),
    handle: new Float64Array(capacity),
    runningCount: 0,
  };
}

function growColumn(column: Column, capacity: number): void {
  column.accuserCount = grown(column.accuserCount, capacity);
  column.k = grown(column.k, capacity);
  column.accusers = grown(column.accusers, capacity * column.stride);
  column.minNs = grown(column.minNs, capacity);
  column.maxNs = grown(column.maxNs, capacity);
  column.startedAtNs = grown(column.startedAtNs, capacity);
  column.handle = grown(column.handle, capacity);
}

/** Observers with different configurations may expect different numbers of accusers. */
function widen(column: Column, stride: number): void {
  const capacity = column.accuserCount.length;
  const accusers = new Int32Array(capacity * stride);
  for (let observer = 0; observer < capacity; observer++) {
    for (let i = 0; i < column.stride; i++) {
      accusers[observer * stride + i] = column.accusers[observer * column.stride + i]!;
    }
  }
  column.accusers = accusers;
  column.stride = stride;
}
