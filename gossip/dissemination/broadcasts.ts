/**
 * What each member still has to spread (the `broadcasts` of every memberlist).
 *
 * Most members have one broadcast at a time, the news of the day. It stands in columns: a tick of a
 * million members reads them in order, where a queue each would be three cache misses. Who has more,
 * or waits for the end of one, has a {@link BroadcastQueue} until that is empty.
 */

import { grown } from '../members/grown.ts';
import { Reason, type Unrest } from '../members/unrest.ts';
import type { Rumor } from '../message.ts';
import { BroadcastQueue } from './broadcast-queue.ts';

/** A broadcast as views and tests see it. */
export interface WaitingBroadcast {
  readonly name: number;
  readonly rumor: Rumor;
  readonly transmits: number;
}

/** Where a member's broadcasts are. */
const Storage = { none: 0, sole: 1, queue: 2 } as const;

/** The broadcasts of all members. */
export class Broadcasts {
  readonly #unrest: Unrest;
  #storage = new Uint8Array(0);
  #soleName = new Int32Array(0);
  #soleTransmits = new Uint16Array(0);
  readonly #soleRumor: (Rumor | undefined)[] = [];
  readonly #queues = new Map<number, BroadcastQueue>();

  constructor(unrest: Unrest) {
    this.#unrest = unrest;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#storage = grown(this.#storage, capacity);
    this.#soleName = grown(this.#soleName, capacity);
    this.#soleTransmits = grown(this.#soleTransmits, capacity);
    while (this.#soleRumor.length < capacity) this.#soleRumor.push(undefined);
  }

  /** Whether anything waits. */
  has(member: number): boolean {
    return this.#storage[member] !== Storage.none;
  }

  /** See {@link BroadcastQueue.add}. */
  add(member: number, name: number, rumor: Rumor, onFinished?: () => void): void {
    const storage = this.#storage[member]!;
    const isSole =
      storage === Storage.none || (storage === Storage.sole && this.#soleName[member] === name);
    this.#unrest.set(member, Reason.broadcasts);
    if (isSole && onFinished === undefined) {
      this.#storage[member] = Storage.sole;
      this.#soleName[member] = name;
      this.#soleTransmits[member] = 0;
      this.#soleRumor[member] = rumor;
      return;
    }
    this.#queueOf(member).add(name, rumor, onFinished);
  }

  /** See {@link BroadcastQueue.take}. */
  take(
    member: number,
    overheadBytes: number,
    limitBytes: number,
    transmitLimit: number,
    taken: Rumor[],
  ): number {
    const storage = this.#storage[member]!;
    if (storage === Storage.none) return 0;
    if (storage === Storage.queue) {
      const queue = this.#queues.get(member)!;
      const usedBytes = queue.take(overheadBytes, limitBytes, transmitLimit, taken);
      if (queue.count === 0) this.clear(member);
      return usedBytes;
    }
    const rumor = this.#soleRumor[member]!;
    const usedBytes = overheadBytes + rumor.sizeBytes;
    if (usedBytes > limitBytes) return 0;
    taken.push(rumor);
    this.spendSole(member, transmitLimit, 1);
    return usedBytes;
  }

  /** The member's broadcast if it has exactly one in columns; otherwise undefined. */
  soleOf(member: number): Rumor | undefined {
    return this.#soleRumor[member];
  }

  /** How often the sole broadcast will still be sent. */
  soleBudget(member: number, transmitLimit: number): number {
    return Math.max(1, transmitLimit - this.#soleTransmits[member]!);
  }

  /** The sole broadcast was sent `count` times, which is no more than its budget. */
  spendSole(member: number, transmitLimit: number, count: number): void {
    const transmits = this.#soleTransmits[member]! + count;
    this.#soleTransmits[member] = transmits;
    if (transmits >= transmitLimit) this.clear(member);
  }

  /** Takes one sending of the sole broadcast back, which was not its last. */
  unspendSole(member: number): void {
    this.#soleTransmits[member]!--;
  }

  /** Forgets everything without finishing anything. */
  clear(member: number): void {
    if (this.#storage[member] === Storage.queue) this.#queues.delete(member);
    this.#storage[member] = Storage.none;
    this.#soleRumor[member] = undefined;
    this.#unrest.clear(member, Reason.broadcasts);
  }

  /** What waits, in the order of sending. */
  list(member: number): readonly WaitingBroadcast[] {
    if (this.#storage[member] === Storage.queue) return this.#queues.get(member)!.list();
    const rumor = this.#soleRumor[member];
    if (rumor === undefined) return [];
    return [{ name: this.#soleName[member]!, rumor, transmits: this.#soleTransmits[member]! }];
  }

  #queueOf(member: number): BroadcastQueue {
    const known = this.#queues.get(member);
    if (known !== undefined) return known;
    const queue = new BroadcastQueue();
    for (const { name, rumor, transmits } of this.list(member)) {
      queue.add(name, rumor, undefined, transmits);
    }
    this.#soleRumor[member] = undefined;
    this.#storage[member] = Storage.queue;
    this.#queues.set(member, queue);
    return queue;
  }
}
