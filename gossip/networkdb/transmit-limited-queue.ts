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
  readonly stacks: Map<number, Queued<M>[]>;
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
      stack = [];
      tier.stacks.set(item.sizeBytes, stack);
      tier.sizes.splice(upperBound(tier.sizes, item.sizeBytes), 0, item.sizeBytes);
    }
    const length = stack.length;
    if (length === 0 || stack[length - 1]!.id < item.id) {
      stack.push(item);
    } else if (stack[0]!.id > item.id) {
      // The usual case: messages come back newest first, so each is older than those before it.
      stack.unshift(item);
    } else {
      stack.splice(positionOf(stack, item.id), 0, item);
    }
  }
}

/** Takes the newest of the largest messages of at most `freeBytes`. */
function takeLargest<M>(tier: Tier<M>, freeBytes: number): Queued<M> | undefined {
  for (let i = upperBound(tier.sizes, freeBytes) - 1; i >= 0; i--) {
    const size = tier.sizes[i]!;
    const stack = tier.stacks.get(size)!;
    while (stack.length > 0) {
      const item = stack.pop()!;
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
