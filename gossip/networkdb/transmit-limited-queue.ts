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

/** The subject of a message that replaces none. */
export const NO_SUBJECT = -1;

/** The messages of one transmit count: sizes, ascending, and the stack of each. */
interface Tier {
  readonly sizes: number[];
  readonly stacks: Stack[];
}

/** The room at the new end of a stack when it has run out. */
const HEADROOM = 8;

/**
 * Ids of messages of one size and transmit count, descending; the newest is taken first. New messages
 * come at the one end and what comes back from a pull mostly at the other, so little is ever moved:
 * with one ascending array, half the time of a mass join went into moving. And it is one array,
 * because with thousands of queues every further one is a cache miss.
 */
class Stack {
  #ids: number[] = [];
  /** Where the newest is. */
  #head = 0;

  /** The newest id, or -1. */
  take(): number {
    const ids = this.#ids;
    const head = this.#head;
    if (head === ids.length) return -1;
    const id = ids[head]!;
    this.#head = head + 1;
    if (head + 1 === ids.length) {
      ids.length = 0;
      this.#head = 0;
    }
    return id;
  }

  insert(id: number): void {
    const ids = this.#ids;
    const head = this.#head;
    if (head === ids.length || id < ids[ids.length - 1]!) {
      ids.push(id);
    } else if (id < ids[head]!) {
      ids.splice(placeOf(ids, head, id), 0, id);
    } else if (head > 0) {
      this.#head = head - 1;
      ids[head - 1] = id;
    } else {
      const room = ids.length + HEADROOM;
      this.#ids = new Array<number>(room).fill(0).concat(ids);
      this.#ids[room - 1] = id;
      this.#head = room - 1;
    }
  }
}

/** Where `id` belongs in ids that descend from `head` on. */
function placeOf(ids: readonly number[], head: number, id: number): number {
  let low = head;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! > id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What one pull takes; between pulls nobody holds these. */
const taken = { ids: [] as number[], sizes: [] as number[], tiers: [] as number[] };

/** Messages that wait for their transmissions. */
export class TransmitLimitedQueue<M> {
  #tiers: Tier[] = [];
  /** Ids in the stacks of each tier: most are empty, and to look into them was a third of a pull. */
  #tierCounts: number[] = [];
  /** By id; ids count up from 0 whenever the queue has been empty. `undefined` when it is gone. */
  #messages: (M | undefined)[] = [];
  #subjects: number[] = [];
  /** No queued message is smaller: a packet with less room is full, and the tiers left need no look. */
  #sizeBytesMin = Number.POSITIVE_INFINITY;
  readonly #idOfSubject = new Map<number, number>();
  readonly #onFinished = new Map<number, () => void>();
  #count = 0;

  /** How many messages are queued (`NumQueued`). */
  get count(): number {
    return this.#count;
  }

  /**
   * Queues a message of `sizeBytes`; it replaces the one of the same `subject`, whose `onFinished`
   * is called as for one that was sent often enough.
   */
  queue(message: M, sizeBytes: number, subject = NO_SUBJECT, onFinished?: () => void): void {
    if (subject !== NO_SUBJECT) {
      const old = this.#idOfSubject.get(subject);
      if (old !== undefined) this.#finish(old);
    }
    const id = this.#messages.length;
    this.#messages.push(message);
    this.#subjects.push(subject);
    if (subject !== NO_SUBJECT) this.#idOfSubject.set(subject, id);
    if (onFinished !== undefined) this.#onFinished.set(id, onFinished);
    this.#count++;
    if (sizeBytes < this.#sizeBytesMin) this.#sizeBytesMin = sizeBytes;
    this.#insert(id, 0, sizeBytes);
  }

  /**
   * Takes what fits into `limitBytes`, where a message costs its size and `overheadBytes`, and
   * appends it to `out`. Returns the bytes used.
   */
  pull(overheadBytes: number, limitBytes: number, limit: number, out: M[]): number {
    if (this.#count === 0) return 0;
    const { ids, sizes, tiers } = taken;
    let takenCount = 0;
    let usedBytes = 0;
    for (let tier = 0; tier < this.#tiers.length; tier++) {
      if (limitBytes - usedBytes - overheadBytes < this.#sizeBytesMin) break;
      let idCount = this.#tierCounts[tier]!;
      if (idCount === 0) continue;
      const { sizes: tierSizes, stacks } = this.#tiers[tier]!;
      let at = upperBound(tierSizes, limitBytes - usedBytes - overheadBytes) - 1;
      while (at >= 0 && idCount > 0) {
        const sizeBytes = tierSizes[at]!;
        const freeBytes = limitBytes - usedBytes - overheadBytes;
        if (freeBytes <= 0) break;
        if (sizeBytes > freeBytes) {
          at--;
          continue;
        }
        const id = stacks[at]!.take();
        if (id < 0) {
          at--;
          continue;
        }
        idCount--;
        const message = this.#messages[id];
        if (message === undefined) continue;
        usedBytes += overheadBytes + sizeBytes;
        out.push(message);
        ids[takenCount] = id;
        sizes[takenCount] = sizeBytes;
        tiers[takenCount] = tier;
        takenCount++;
      }
      this.#tierCounts[tier] = idCount;
    }
    for (let i = 0; i < takenCount; i++) {
      if (tiers[i]! + 1 < limit) this.#insert(ids[i]!, tiers[i]! + 1, sizes[i]!);
    }
    this.#finishSent(takenCount, limit);
    return usedBytes;
  }

  /** Ends those of the pull that have been sent often enough. */
  #finishSent(takenCount: number, limit: number): void {
    const { ids, tiers } = taken;
    let finished: number[] | undefined;
    for (let i = 0; i < takenCount; i++) {
      if (tiers[i]! + 1 < limit) continue;
      finished ??= [];
      finished.push(ids[i]!);
    }
    if (finished !== undefined) for (const id of finished) this.#finish(id);
  }

  #finish(id: number): void {
    this.#messages[id] = undefined;
    const subject = this.#subjects[id]!;
    if (subject !== NO_SUBJECT) this.#idOfSubject.delete(subject);
    const onFinished = this.#onFinished.get(id);
    if (onFinished !== undefined) this.#onFinished.delete(id);
    if (--this.#count === 0) this.#reset();
    onFinished?.();
  }

  #reset(): void {
    this.#tiers = [];
    this.#tierCounts = [];
    this.#messages = [];
    this.#subjects = [];
    this.#sizeBytesMin = Number.POSITIVE_INFINITY;
  }

  #insert(id: number, tierIndex: number, sizeBytes: number): void {
    while (this.#tiers.length <= tierIndex) {
      this.#tiers.push({ sizes: [], stacks: [] });
      this.#tierCounts.push(0);
    }
    this.#tierCounts[tierIndex]!++;
    const { sizes, stacks } = this.#tiers[tierIndex]!;
    const at = upperBound(sizes, sizeBytes);
    if (at > 0 && sizes[at - 1] === sizeBytes) {
      stacks[at - 1]!.insert(id);
      return;
    }
    const stack = new Stack();
    stack.insert(id);
    sizes.splice(at, 0, sizeBytes);
    stacks.splice(at, 0, stack);
  }
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
