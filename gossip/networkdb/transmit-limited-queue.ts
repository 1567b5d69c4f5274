/**
 * memberlist's TransmitLimitedQueue (`queue.go`) for NetworkDB's messages.
 *
 * Order: fewest transmits first, then the *largest* message that fits, then the newest. A message
 * is sent at most once per pull and is finished after `retransmitLimit` pulls. A new message
 * replaces the queued one of the same subject, whatever their ltimes (until moby PR 53479).
 *
 * A tier holds the messages of one transmit count as stacks by size, so that a pull looks at a few
 * sizes and not at every message; replaced messages stay in their stack, marked, until met.
 */
import { RETRANSMIT_MULT } from './constants.ts';

/** `RetransmitMult * ceil(log10(n + 1))` transmissions for n nodes (memberlist `util.go`). */
export function retransmitLimit(nodeCount: number): number {
  return RETRANSMIT_MULT * Math.ceil(Math.log10(nodeCount + 1));
}

/** A message in the queue. */
interface Queued<M> {
  readonly message: M;
  readonly sizeBytes: number;
  readonly id: number;
  readonly subject: object | undefined;
  readonly onFinished: (() => void) | undefined;
  transmits: number;
  isGone: boolean;
}

interface Tier<M> {
  /** Ascending; every size with a stack that may hold something. */
  sizes: number[];
  readonly stacks: Map<number, Stack<M>>;
}

/**
 * Messages of one size and transmit count; the newest is taken first. Messages come back from a pull
 * newest first, so most arrive older than all that are here: those go to the end of `older`, and
 * nothing is moved (with one ascending array, half the time of a mass join went into moving).
 */
class Stack<M> {
  /** Ascending ids, all above those of `older`. */
  readonly #newer: Queued<M>[] = [];
  /** Descending ids, taken from `#olderHead` on. */
  #older: Queued<M>[] = [];
  #olderHead = 0;

  get isEmpty(): boolean {
    return this.#newer.length === 0 && this.#olderHead === this.#older.length;
  }

  take(): Queued<M> {
    const newest = this.#newer.pop();
    if (newest !== undefined) return newest;
    const item = this.#older[this.#olderHead++]!;
    if (this.#olderHead > 32 && this.#olderHead * 2 > this.#older.length) {
      this.#older = this.#older.slice(this.#olderHead);
      this.#olderHead = 0;
    }
    return item;
  }

  insert(item: Queued<M>): void {
    const newer = this.#newer;
    const older = this.#older;
    const isOlderEmpty = this.#olderHead === older.length;
    const topId = newer.length > 0 ? newer[newer.length - 1]!.id : -1;
    const edgeId = isOlderEmpty ? -1 : older[this.#olderHead]!.id;
    if (item.id > topId && item.id > edgeId) {
      newer.push(item);
    } else if (item.id > edgeId && item.id > newer[0]!.id) {
      newer.splice(positionOf(newer, item.id), 0, item);
    } else if (item.id > edgeId && !isOlderEmpty) {
      newer.unshift(item);
    } else if (isOlderEmpty || item.id < older[older.length - 1]!.id) {
      older.push(item);
    } else {
      let at = older.length;
      while (older[at - 1]!.id < item.id) at--;
      older.splice(at, 0, item);
    }
  }
}

/** Messages that wait for their transmissions. */
export class TransmitLimitedQueue<M> {
  #tiers: Tier<M>[] = [];
  #bySubject = new Map<object, Queued<M>>();
  #count = 0;
  #nextId = 0;

  /** How many messages are queued (`NumQueued`). */
  get count(): number {
    return this.#count;
  }

  /**
   * Queues a message of `sizeBytes`; it replaces the one of the same `subject`, whose `onFinished`
   * is called as for one that was sent often enough.
   */
  queue(message: M, sizeBytes: number, subject?: object, onFinished?: () => void): void {
    if (subject !== undefined) {
      const old = this.#bySubject.get(subject);
      if (old !== undefined) this.#finish(old);
    }
    const id = this.#nextId++;
    const item = { message, sizeBytes, id, subject, onFinished, transmits: 0, isGone: false };
    if (subject !== undefined) this.#bySubject.set(subject, item);
    this.#count++;
    this.#insert(item);
  }

  /**
   * Takes what fits into `limitBytes`, where a message costs its size and `overheadBytes`, and
   * appends it to `out`. Returns the bytes used.
   */
  pull(overheadBytes: number, limitBytes: number, limit: number, out: M[]): number {
    if (this.#count === 0) return 0;
    const again: Queued<M>[] = [];
    const finished: Queued<M>[] = [];
    let usedBytes = 0;
    for (const tier of this.#tiers) {
      for (;;) {
        const freeBytes = limitBytes - usedBytes - overheadBytes;
        if (freeBytes <= 0) break;
        const item = takeLargest(tier, freeBytes);
        if (item === undefined) break;
        usedBytes += overheadBytes + item.sizeBytes;
        out.push(item.message);
        if (item.transmits + 1 >= limit) finished.push(item);
        else again.push(item);
      }
    }
    for (const item of again) {
      item.transmits++;
      this.#insert(item);
    }
    for (const item of finished) this.#finish(item);
    return usedBytes;
  }

  #finish(item: Queued<M>): void {
    item.isGone = true;
    if (item.subject !== undefined) this.#bySubject.delete(item.subject);
    if (--this.#count === 0) this.#reset();
    item.onFinished?.();
  }

  #reset(): void {
    this.#tiers = [];
    this.#bySubject.clear();
    this.#nextId = 0;
  }

  #insert(item: Queued<M>): void {
    while (this.#tiers.length <= item.transmits) this.#tiers.push({ sizes: [], stacks: new Map() });
    const tier = this.#tiers[item.transmits]!;
    let stack = tier.stacks.get(item.sizeBytes);
    if (stack === undefined) {
      stack = new Stack();
      tier.stacks.set(item.sizeBytes, stack);
      tier.sizes.splice(upperBound(tier.sizes, item.sizeBytes), 0, item.sizeBytes);
    }
    stack.insert(item);
  }
}

/** Takes the newest of the largest messages of at most `freeBytes`. */
function takeLargest<M>(tier: Tier<M>, freeBytes: number): Queued<M> | undefined {
  for (let i = upperBound(tier.sizes, freeBytes) - 1; i >= 0; i--) {
    const size = tier.sizes[i]!;
    const stack = tier.stacks.get(size)!;
    while (!stack.isEmpty) {
      const item = stack.take();
      if (!item.isGone) return item;
    }
    tier.stacks.delete(size);
    tier.sizes.splice(i, 1);
  }
  return undefined;
}

/** Where an id belongs in a stack that is ascending by id. */
function positionOf<M>(stack: readonly Queued<M>[], id: number): number {
  let low = 0;
  let high = stack.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stack[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The number of leading elements of an ascending list that are at most `value`. */
function upperBound(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
