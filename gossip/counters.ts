/**
 * What each member has sent and gone through. Bytes are UDP payloads and TCP stream bytes, with
 * encryption, checksum and label, without IP, UDP and TCP headers.
 */
import { grown } from './members/grown.ts';

/** What is counted. */
export const Counter = {
  packetsSent: 0,
  packetBytesSent: 1,
  streams: 2,
  streamBytesSent: 3,
  probes: 4,
  probeFailures: 5,
  suspicions: 6,
  refutations: 7,
  /** Members declared dead whose process runs. */
  falsePositives: 8,
  conflicts: 9,
  /** Packets for which the socket's buffer had no room, or that the member could not read. */
  packetsDropped: 10,
  /** For want of room in a handoff queue. */
  messagesDropped: 11,
} as const;
/** See {@link Counter}. */
export type Counter = (typeof Counter)[keyof typeof Counter];

const COUNTER_COUNT = 12;

/** All counters of all members. */
export class Counters {
  #values = new Float64Array(0);

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#values = grown(this.#values, capacity * COUNTER_COUNT);
  }

  /** Adds to a counter. */
  add(member: number, counter: Counter, amount = 1): void {
    this.#values[member * COUNTER_COUNT + counter]! += amount;
  }

  /** A packet of that size was sent; a count of -1 and a negative size take it back. */
  addPacket(member: number, sizeBytes: number, count = 1): void {
    const at = member * COUNTER_COUNT;
    this.#values[at + Counter.packetsSent]! += count;
    this.#values[at + Counter.packetBytesSent]! += sizeBytes;
  }

  /** A counter of a member. */
  of(member: number, counter: Counter): number {
    return this.#values[member * COUNTER_COUNT + counter]!;
  }

  /** A counter of all members together. */
  total(counter: Counter): number {
    let sum = 0;
    for (let at: number = counter; at < this.#values.length; at += COUNTER_COUNT) {
      sum += this.#values[at]!;
    }
    return sum;
  }
}
