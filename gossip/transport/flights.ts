/**
 * Packets on their way, in columns: most carry one message, which then stands for itself.
 */
import { grown } from '../members/grown.ts';
import type { Part } from '../message.ts';

const NONE = -1;
const INITIAL_CAPACITY = 64;

/** Slots of packets; a slot is free again when it is released. */
export class Flights {
  #senders = new Int32Array(INITIAL_CAPACITY);
  #receivers = new Int32Array(INITIAL_CAPACITY);
  #sizeBytes = new Int32Array(INITIAL_CAPACITY);
  /** The next free slot, of a free one. */
  #nextFree = new Int32Array(INITIAL_CAPACITY);
  readonly #contents: (Part | readonly Part[] | undefined)[] = [];
  #free = NONE;

  /** A packet of `from` to whoever lives where `to` is meant to; the parts are copied. */
  add(from: number, to: number, parts: readonly Part[], sizeBytes: number): number {
    const content = parts.length === 1 ? parts[0]! : parts.slice();
    let slot = this.#free;
    if (slot === NONE) {
      slot = this.#contents.length;
      this.#contents.push(content);
      if (slot === this.#senders.length) this.#grow(2 * slot);
    } else {
      this.#free = this.#nextFree[slot]!;
      this.#contents[slot] = content;
    }
    this.#senders[slot] = from;
    this.#receivers[slot] = to;
    this.#sizeBytes[slot] = sizeBytes;
    return slot;
  }

  /** Frees the slot; what it says can be read until the next packet is added. */
  release(slot: number): Part | readonly Part[] {
    const content = this.#contents[slot]!;
    this.#contents[slot] = undefined;
    this.#nextFree[slot] = this.#free;
    this.#free = slot;
    return content;
  }

  /** Who sent it. */
  senderOf(slot: number): number {
    return this.#senders[slot]!;
  }

  /** Whom the sender meant. */
  receiverOf(slot: number): number {
    return this.#receivers[slot]!;
  }

  /** Bytes of its payload. */
  sizeBytesOf(slot: number): number {
    return this.#sizeBytes[slot]!;
  }

  #grow(capacity: number): void {
    this.#senders = grown(this.#senders, capacity);
    this.#receivers = grown(this.#receivers, capacity);
    this.#sizeBytes = grown(this.#sizeBytes, capacity);
    this.#nextFree = grown(this.#nextFree, capacity);
  }
}
