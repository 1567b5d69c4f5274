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
/** So many acks are noted before they are counted. */
const NOTED_MAX = 4096;

/** All counters of all members. */
export class Counters {
  /** Packets and their bytes: two entries a member, because they are written for every packet. */
  #packets = new Float64Array(0);
  /** Acks that are noted and not yet counted: who sent them, and their sizes. */
  readonly #noted = new Int32Array(2 * NOTED_MAX);
  #notedCount = 0;
  /** The others: a column each. */
  readonly #columns = Array.from({ length: COUNTER_COUNT }, () => new Float64Array(0));

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#packets = grown(this.#packets, 2 * capacity);
    for (let counter = Counter.packetBytesSent + 1; counter < COUNTER_COUNT; counter++) {
      this.#columns[counter] = grown(this.#columns[counter]!, capacity);
    }
  }

  /** Adds to a counter that is not of packets sent. */
  add(member: number, counter: Counter, amount = 1): void {
    this.#columns[counter]![member]! += amount;
  }

  /** A packet of that size was sent; a count of -1 and a negative size take it back. */
  addPacket(member: number, sizeBytes: number, count = 1): void {
    this.#packets[2 * member]! += count;
    this.#packets[2 * member + 1]! += sizeBytes;
  }

  /**
   * As {@link addPacket}, for a member that nothing else is looked up of now: counting many at once
   * lets their cache misses overlap.
   */
  noteAck(member: number, sizeBytes: number): void {
    if (this.#notedCount === NOTED_MAX) this.#countNoted();
    const at = 2 * this.#notedCount++;
    this.#noted[at] = member;
    this.#noted[at + 1] = sizeBytes;
  }

  #countNoted(): void {
    const packets = this.#packets;
    const noted = this.#noted;
    for (let at = 0; at < 2 * this.#notedCount; at += 2) {
      packets[2 * noted[at]!]! += 1;
      packets[2 * noted[at]! + 1]! += noted[at + 1]!;
    }
    this.#notedCount = 0;
  }

  /** A counter of a member. */
  of(member: number, counter: Counter): number {
    this.#countNoted();
    if (counter <= Counter.packetBytesSent) return this.#packets[2 * member + counter]!;
    return this.#columns[counter]![member]!;
  }

  /** A counter of all members together. */
  total(counter: Counter): number {
    this.#countNoted();
    const isOfPackets = counter <= Counter.packetBytesSent;
    const column = isOfPackets ? this.#packets : this.#columns[counter]!;
    let sum = 0;
    for (let at = isOfPackets ? counter : 0; at < column.length; at += isOfPackets ? 2 : 1) {
      sum += column[at]!;
    }
    return sum;
  }
}
