/**
 * What each member still has to spread (the `broadcasts` of every memberlist).
 *
 * Most members have one broadcast at a time, the news of the day. It stands in a row of 16
 * bytes: a tick of a million members reads them in order, where a queue each would be three cache misses. Who has more,
 * or waits for the end of one, has a {@link BroadcastQueue} until that is empty.
 */

import { grown } from '../members/grown.ts';
import { Reason, type Unrest } from '../members/unrest.ts';
import type { Rumor } from '../message.ts';
import { BroadcastQueue } from './broadcast-queue.ts';
import { RumorTable } from './rumor-table.ts';

/** A broadcast as views and tests see it. */
export interface WaitingBroadcast {
  readonly name: number;
  readonly rumor: Rumor;
  readonly transmits: number;
}

/** Where a member's broadcasts are. */
const Storage = { none: 0, sole: 1, queue: 2 } as const;

/** A member's words: where its broadcasts are; of a sole one its name, transmissions and rumor. */
const WORDS = 4;
const STORAGE = 0;
const NAME = 1;
const TRANSMITS = 2;
const RUMOR = 3;

/** The broadcasts of all members. */
export class Broadcasts {
  readonly #unrest: Unrest;
  #words = new Int32Array(0);
  readonly #rumors = new RumorTable();
  readonly #queues = new Map<number, BroadcastQueue>();

  constructor(unrest: Unrest) {
    this.#unrest = unrest;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#words = grown(this.#words, WORDS * capacity);
  }

  /** Whether anything waits. */
  has(member: number): boolean {
    return this.#words[WORDS * member + STORAGE] !== Storage.none;
  }

  /** See {@link BroadcastQueue.add}. */
  add(member: number, name: number, rumor: Rumor, onFinished?: () => void): void {
    const words = this.#words;
    const at = WORDS * member;
    const storage = words[at + STORAGE]!;
    const isReplaced = storage === Storage.sole && words[at + NAME] === name;
    this.#unrest.set(member, Reason.broadcasts);
    if ((storage === Storage.none || isReplaced) && onFinished === undefined) {
      if (isReplaced) this.#rumors.release(words[at + RUMOR]!);
      words[at + STORAGE] = Storage.sole;
      words[at + NAME] = name;
      words[at + TRANSMITS] = 0;
      words[at + RUMOR] = this.#rumors.hold(rumor);
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
    const storage = this.#words[WORDS * member + STORAGE]!;
    if (storage === Storage.none) return 0;
    if (storage === Storage.queue) {
      const queue = this.#queues.get(member)!;
      const usedBytes = queue.take(overheadBytes, limitBytes, transmitLimit, taken);
      if (queue.count === 0) this.clear(member);
      return usedBytes;
    }
    const rumor = this.soleOf(member)!;
    const usedBytes = overheadBytes + rumor.sizeBytes;
    if (usedBytes > limitBytes) return 0;
    taken.push(rumor);
    this.spendSole(member, transmitLimit, 1);
    return usedBytes;
  }

  /** The member's broadcast if it has exactly one in columns; otherwise undefined. */
  soleOf(member: number): Rumor | undefined {
    const words = this.#words;
    const at = WORDS * member;
    return words[at + STORAGE] === Storage.sole ? this.#rumors.at(words[at + RUMOR]!) : undefined;
  }

  /** The number of the rumor that is the member's broadcast if it has exactly one in columns, or -1. */
  soleNumberOf(member: number): number {
    const at = WORDS * member;
    return this.#words[at + STORAGE] === Storage.sole ? this.#words[at + RUMOR]! : -1;
  }

  /** The rumor with a number of {@link soleNumberOf}. */
  rumorAt(number: number): Rumor {
    return this.#rumors.at(number);
  }

  /** How often the sole broadcast will still be sent. */
  soleBudget(member: number, transmitLimit: number): number {
    return Math.max(1, transmitLimit - this.#words[WORDS * member + TRANSMITS]!);
  }

  /** The sole broadcast was sent `count` times, which is no more than its budget. */
  spendSole(member: number, transmitLimit: number, count: number): void {
    const at = WORDS * member + TRANSMITS;
    const transmits = this.#words[at]! + count;
    this.#words[at] = transmits;
    if (transmits >= transmitLimit) this.clear(member);
  }

  /** Takes one sending of the sole broadcast back, which was not its last. */
  unspendSole(member: number): void {
    this.#words[WORDS * member + TRANSMITS]!--;
  }

  /** Forgets everything without finishing anything. */
  clear(member: number): void {
    const at = WORDS * member;
    const storage = this.#words[at + STORAGE]!;
    if (storage === Storage.queue) this.#queues.delete(member);
    if (storage === Storage.sole) this.#rumors.release(this.#words[at + RUMOR]!);
    this.#words[at + STORAGE] = Storage.none;
    this.#unrest.clear(member, Reason.broadcasts);
  }

  /** What waits, in the order of sending. */
  list(member: number): readonly WaitingBroadcast[] {
    const queue = this.#queues.get(member);
    if (queue !== undefined) return queue.list();
    const rumor = this.soleOf(member);
    if (rumor === undefined) return [];
    const at = WORDS * member;
    return [{ name: this.#words[at + NAME]!, rumor, transmits: this.#words[at + TRANSMITS]! }];
  }

  #queueOf(member: number): BroadcastQueue {
    const known = this.#queues.get(member);
    if (known !== undefined) return known;
    const queue = new BroadcastQueue();
    for (const { name, rumor, transmits } of this.list(member)) {
      queue.add(name, rumor, undefined, transmits);
    }
    const at = WORDS * member;
    if (this.#words[at + STORAGE] === Storage.sole) this.#rumors.release(this.#words[at + RUMOR]!);
    this.#words[at + STORAGE] = Storage.queue;
    this.#queues.set(member, queue);
    return queue;
  }
}
