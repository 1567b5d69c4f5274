/**
 * memberlist's TransmitLimitedQueue (`queue.go`) for NetworkDB's messages.
 *
 * Order: fewest transmits first, then the *largest* message that fits, then the newest. A message
 * is sent at most once per pull and is finished after `retransmitLimit` pulls. A new message
 * replaces the queued one of the same subject, whatever their ltimes (until moby PR 53479).
 *
 * Messages of one size are numbered in the order in which they came, and wait in runs of numbers per
 * transmit count (`runs.ts`). A pull moves a run, not messages: what it costs per message is reading
 * it. As stacks of single messages with a `Map` of subjects, the queues of 260 nodes that join 13
 * networks at once took 370 MB, and take 80.
 */
import { RETRANSMIT_MULT } from '../constants.ts';
import { Runs } from './runs.ts';
import { SubjectIndex } from './subject-index.ts';

/** `RetransmitMult * ceil(log10(n + 1))` transmissions for n nodes (memberlist `util.go`). */
export function retransmitLimit(nodeCount: number): number {
  return RETRANSMIT_MULT * Math.ceil(Math.log10(nodeCount + 1));
}

/** The subject of a message that replaces none. */
export const NO_SUBJECT = -1;

/** What can be queued. */
export interface Broadcast {
  /** Encoded size in bytes. */
  readonly sizeBytes: number;
  /** What it is about, from 0 on, or {@link NO_SUBJECT}. */
  readonly subject: number;
}

/** The messages of one size. */
interface SizeClass<M> {
  readonly sizeBytes: number;
  /** By number; `undefined` when it is finished. */
  readonly messages: (M | undefined)[];
  /** How many are not finished. */
  count: number;
  /** The numbers of those that were sent so many times. */
  readonly tiers: Runs[];
}

/** Runs that a pull takes; between pulls nobody holds these. */
const taken = {
  classes: [] as SizeClass<Broadcast>[],
  tiers: [] as number[],
  bounds: [] as number[],
};

/** Messages that wait for their transmissions. */
export class TransmitLimitedQueue<M extends Broadcast> {
  /** By size, ascending. */
  #classes: SizeClass<M>[] = [];
  readonly #places = new SubjectIndex();
  readonly #onFinished = new Map<M, () => void>();
  #count = 0;
  /**
   * How many numbers wait in each tier: all but one or two are empty, and with thousands of queues
   * to look into each was most of a pull.
   */
  #tierCounts: number[] = [];

  /** How many messages are queued (`NumQueued`). */
  get count(): number {
    return this.#count;
  }

  /**
   * Queues a message. It replaces the one of the same subject, whose `onFinished` is called as for
   * one that was sent often enough.
   */
  queue(message: M, onFinished?: () => void): void {
    const { subject, sizeBytes } = message;
    if (subject !== NO_SUBJECT) this.#replace(subject);
    const own = this.#classOf(sizeBytes);
    const number = own.messages.length;
    own.messages.push(message);
    own.count++;
    this.#count++;
    if (subject !== NO_SUBJECT) this.#places.set(subject, sizeBytes, number);
    if (onFinished !== undefined) this.#onFinished.set(message, onFinished);
    this.#wait(own, 0, number, number + 1);
  }

  /**
   * Takes what fits into `limitBytes`, where a message costs its size and `overheadBytes`, and
   * appends it to `out`. Returns the bytes used.
   */
  pull(overheadBytes: number, limitBytes: number, limit: number, out: M[]): number {
    if (this.#count === 0) return 0;
    const classes = this.#classes;
    let usedBytes = 0;
    let takenCount = 0;
    const tierCounts = this.#tierCounts;
    for (let tier = 0; tier < tierCounts.length; tier++) {
      let waiting = tierCounts[tier]!;
      if (waiting === 0) continue;
      if (limitBytes - usedBytes < classes[0]!.sizeBytes + overheadBytes) break;
      for (let at = classes.length - 1; at >= 0 && waiting > 0; at--) {
        const own = classes[at]!;
        const runs = own.tiers[tier];
        if (runs === undefined || runs.isEmpty) continue;
        const costBytes = own.sizeBytes + overheadBytes;
        let room = Math.floor((limitBytes - usedBytes) / costBytes);
        while (room > 0 && !runs.isEmpty) {
          const before = out.length;
          const end = runs.end;
          const start = readNewest(own.messages, runs.start, end, room, out);
          runs.take(start);
          taken.classes[takenCount] = own;
          taken.tiers[takenCount] = tier;
          taken.bounds[2 * takenCount] = start;
          taken.bounds[2 * takenCount + 1] = end;
          takenCount++;
          waiting -= end - start;
          const count = out.length - before;
          room -= count;
          usedBytes += count * costBytes;
        }
      }
      tierCounts[tier] = waiting;
    }
    this.#putBack(takenCount, limit);
    return usedBytes;
  }

  /** What was sent often enough ends, the rest waits among those sent once more. */
  #putBack(takenCount: number, limit: number): void {
    const { classes, tiers, bounds } = taken;
    for (let i = 0; i < takenCount; i++) {
      if (tiers[i]! + 1 >= limit) continue;
      const own = classes[i] as unknown as SizeClass<M>;
      this.#wait(own, tiers[i]! + 1, bounds[2 * i]!, bounds[2 * i + 1]!);
    }
    for (let i = 0; i < takenCount; i++) {
      if (tiers[i]! + 1 < limit) continue;
      const own = classes[i] as unknown as SizeClass<M>;
      for (let number = bounds[2 * i + 1]! - 1; number >= bounds[2 * i]!; number--) {
        const message = own.messages[number];
        if (message !== undefined) this.#finish(own, number, message);
      }
    }
  }

  #replace(subject: number): void {
    const place = this.#places.find(subject);
    if (place < 0) return;
    const own = this.#classOf(this.#places.sizeBytesAt(place));
    const number = this.#places.numberAt(place);
    this.#finish(own, number, own.messages[number]!);
  }

  #finish(own: SizeClass<M>, number: number, message: M): void {
    own.messages[number] = undefined;
    own.count--;
    this.#count--;
    if (message.subject !== NO_SUBJECT) this.#places.delete(message.subject);
    if (own.count === 0) this.#classes.splice(this.#classes.indexOf(own), 1);
    if (this.#count === 0) {
      this.#places.clear();
      this.#tierCounts = [];
    }
    const onFinished = this.#onFinished.get(message);
    if (onFinished === undefined) return;
    this.#onFinished.delete(message);
    onFinished();
  }

  /** Lets the messages with these numbers wait among those that were sent `tier` times. */
  #wait(own: SizeClass<M>, tier: number, start: number, end: number): void {
    while (own.tiers.length <= tier) own.tiers.push(new Runs());
    while (this.#tierCounts.length <= tier) this.#tierCounts.push(0);
    own.tiers[tier]!.add(start, end);
    this.#tierCounts[tier]! += end - start;
  }

  /** The class of that size, made when it is new. */
  #classOf(sizeBytes: number): SizeClass<M> {
    const classes = this.#classes;
    let at = classes.length;
    while (at > 0 && classes[at - 1]!.sizeBytes > sizeBytes) at--;
    if (at > 0 && classes[at - 1]!.sizeBytes === sizeBytes) return classes[at - 1]!;
    const own: SizeClass<M> = { sizeBytes, messages: [], count: 0, tiers: [] };
    classes.splice(at, 0, own);
    return own;
  }
}

/**
 * Appends up to `room` messages with numbers below `end` to `out`, newest first, down to `start`;
 * returns the last number that was looked at.
 */
function readNewest<M>(
  messages: readonly (M | undefined)[],
  start: number,
  end: number,
  room: number,
  out: M[],
): number {
  let number = end;
  let left = room;
  while (number > start && left > 0) {
    const message = messages[--number];
    if (message === undefined) continue;
    out.push(message);
    left--;
  }
  return number;
}
