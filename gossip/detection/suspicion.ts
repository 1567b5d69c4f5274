/**
 * Suspicions and their timers (memberlist `suspicion.go`): each member's own countdown for each
 * member that it suspects, shortened by every further accuser.
 *
 * A suspected member has a column with an entry per observer while anybody suspects it. A map per
 * observer took half of the time of a death among 10,000. A countdown has one event, at the earliest
 * instant at which it can end: most accusers come before that, and then nothing is scheduled anew.
 */
import type { EventQueue } from '../../sim/event-queue.ts';
import type { SwimConfig } from '../constants.ts';
import { expectedConfirmations, suspicionTimeoutNs, timeoutAfterNs } from '../formulas.ts';
import { grown } from '../members/grown.ts';

/** How long a suspicion lasts. */
interface Terms {
  /** The observer's configuration, and the length of its node list when it began. */
  readonly config: SwimConfig;
  readonly n: number;
  /** By the number of confirmations, up to those that count, ns. */
  readonly timeoutsNs: readonly number[];
  readonly earliestNs: number;
}

/**
 * The suspicions of one subject, an entry per observer: the instant of its beginning and the handle of
 * its event as doubles; then, as words, how many accusers are counted (0 where there is no suspicion)
 * with the number of the terms, and the accusers. Two accusers besides the first make it 32 bytes.
 */
interface Column {
  doubles: Float64Array;
  words: Int32Array;
  /** So many doubles an entry. */
  stride: number;
  runningCount: number;
}

/** Places in an entry. */
const STARTED_AT_NS = 0;
const HANDLE = 1;
const COUNT_AND_TERMS = 4;
const ACCUSERS = 5;
const COUNT_BITS = 10;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

/** All running suspicions. */
export class Suspicions {
  readonly #queue: EventQueue;
  readonly #kind: number;
  #capacity = 0;
  readonly #columns: (Column | undefined)[] = [];
  readonly #suspected: number[] = [];
  readonly #terms: Terms[] = [];
  readonly #termsByConfig = new Map<SwimConfig, Map<number, number>>();
  #lastTerms = 0;

  /** `kind` is the typed event of a suspicion that may be over: (observer, subject). */
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
    return column !== undefined && countOf(column, observer) !== 0;
  }

  /**
   * Starts a countdown; `from` is the first accuser, `config` the observer's, and `n` the length of its
   * node list.
   */
  start(observer: number, subject: number, from: number, config: SwimConfig, n: number): void {
    const terms = this.#termsOf(config, n);
    const { timeoutsNs, earliestNs } = this.#terms[terms]!;
    const { nowNs } = this.#queue;
    const column = this.#columnOf(subject, timeoutsNs.length);
    const at = observer * column.stride;
    column.words[2 * at + COUNT_AND_TERMS] = (terms << COUNT_BITS) | 1;
    column.words[2 * at + ACCUSERS] = from;
    column.doubles[at + STARTED_AT_NS] = nowNs;
    column.runningCount++;
    this.#wait(column, observer, subject, nowNs + earliestNs);
  }

  /** True when no further accuser counts for the observer's suspicion of the subject. */
  isFull(observer: number, subject: number): boolean {
    const column = this.#columns[subject]!;
    return countOf(column, observer) >= this.#termsAt(column, observer).timeoutsNs.length;
  }

  /** True when that accuser would count, or when there is no suspicion that could count it. */
  expects(observer: number, subject: number, from: number): boolean {
    const column = this.#columns[subject];
    return column === undefined || this.#isNew(column, observer, from);
  }

  /** Counts an accuser; true when it is new and was expected, and so worth passing on. */
  confirm(observer: number, subject: number, from: number): boolean {
    const column = this.#columns[subject]!;
    if (!this.#isNew(column, observer, from)) return false;
    const at = observer * column.stride;
    const count = countOf(column, observer);
    column.words[2 * at + COUNT_AND_TERMS]!++;
    column.words[2 * at + ACCUSERS + count] = from;
    const startedAtNs = column.doubles[at + STARTED_AT_NS]!;
    const { timeoutsNs, earliestNs } = this.#termsAt(column, observer);
    if (this.#queue.nowNs <= startedAtNs + earliestNs) return true;
    if (this.#queue.cancel(column.doubles[at + HANDLE]!)) {
      this.#wait(column, observer, subject, startedAtNs + timeoutsNs[count]!);
    }
    return true;
  }

  /**
   * Whether the suspicion whose event has come is over; if it is not, its next event is when it will be
   * unless there are further accusers.
   */
  isOver(observer: number, subject: number): boolean {
    const column = this.#columns[subject]!;
    const confirmations = countOf(column, observer) - 1;
    const timeoutNs = this.#termsAt(column, observer).timeoutsNs[confirmations]!;
    const atNs = column.doubles[observer * column.stride + STARTED_AT_NS]! + timeoutNs;
    if (atNs <= this.#queue.nowNs) return true;
    this.#wait(column, observer, subject, atNs);
    return false;
  }

  /** Stops the countdown, if there is one. */
  remove(observer: number, subject: number): void {
    const column = this.#columns[subject];
    if (column === undefined || countOf(column, observer) === 0) return;
    const at = observer * column.stride;
    this.#queue.cancel(column.doubles[at + HANDLE]!);
    column.words[2 * at + COUNT_AND_TERMS] = 0;
    column.runningCount--;
    if (column.runningCount > 0) return;
    this.#columns[subject] = undefined;
    this.#suspected.splice(this.#suspected.indexOf(subject), 1);
  }

  /** Stops all countdowns of a process that ends. */
  reset(observer: number): void {
    for (const subject of [...this.#suspected]) this.remove(observer, subject);
  }

  #wait(column: Column, observer: number, subject: number, atNs: number): void {
    const dueNs = Math.max(atNs, this.#queue.nowNs);
    const handle = this.#queue.schedule(dueNs, this.#kind, observer, subject);
    column.doubles[observer * column.stride + HANDLE] = handle;
  }

  #termsAt(column: Column, observer: number): Terms {
    const word = column.words[2 * observer * column.stride + COUNT_AND_TERMS]!;
    return this.#terms[word >> COUNT_BITS]!;
  }

  #isNew(column: Column, observer: number, from: number): boolean {
    const count = countOf(column, observer);
    if (count >= this.#termsAt(column, observer).timeoutsNs.length) return false;
    const first = 2 * observer * column.stride + ACCUSERS;
    for (let i = 0; i < count; i++) if (column.words[first + i] === from) return false;
    return true;
  }

  /** The number of the terms for that configuration and list. */
  #termsOf(config: SwimConfig, n: number): number {
    const last = this.#terms[this.#lastTerms];
    if (last?.config === config && last.n === n) return this.#lastTerms;
    let byCount = this.#termsByConfig.get(config);
    if (byCount === undefined) this.#termsByConfig.set(config, (byCount = new Map()));
    let index = byCount.get(n);
    if (index === undefined) {
      index = this.#terms.push(termsFor(config, n)) - 1;
      byCount.set(n, index);
    }
    this.#lastTerms = index;
    return index;
  }

  #columnOf(subject: number, accuserCount: number): Column {
    const stride = Math.ceil((ACCUSERS + accuserCount) / 2);
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

function termsFor(config: SwimConfig, n: number): Terms {
  const { suspicionMult, suspicionMaxTimeoutMult, probeIntervalNs } = config;
  const k = expectedConfirmations(suspicionMult, n);
  const minNs = suspicionTimeoutNs(suspicionMult, n, probeIntervalNs);
  const maxNs = suspicionMaxTimeoutMult * minNs;
  const timeoutsNs = Array.from({ length: Math.max(0, k) + 1 }, (_, c) =>
    k < 1 ? minNs : c === 0 ? maxNs : timeoutAfterNs(c, k, minNs, maxNs),
  );
  return { config, n, timeoutsNs, earliestNs: Math.min(...timeoutsNs) };
}

function countOf(column: Column, observer: number): number {
  return column.words[2 * observer * column.stride + COUNT_AND_TERMS]! & COUNT_MASK;
}

function newColumn(capacity: number, stride: number): Column {
  const doubles = new Float64Array(capacity * stride);
  return { doubles, words: new Int32Array(doubles.buffer), stride, runningCount: 0 };
}

function growColumn(column: Column, capacity: number): void {
  column.doubles = grown(column.doubles, capacity * column.stride);
  column.words = new Int32Array(column.doubles.buffer);
}

/** Observers with different configurations may expect different numbers of accusers. */
function widen(column: Column, stride: number): void {
  const capacity = column.doubles.length / column.stride;
  const wide = newColumn(capacity, stride);
  for (let observer = 0; observer < capacity; observer++) {
    const from = observer * column.stride;
    wide.doubles.set(column.doubles.subarray(from, from + column.stride), observer * stride);
  }
  Object.assign(column, { doubles: wide.doubles, words: wide.words, stride });
}
