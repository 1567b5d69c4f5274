/**
 * The acks of skipped probes (calm.ts). Together they are counted at once; who sent them is told by the
 * probers' rings, and looked up when somebody asks for it.
 */
import type { SwimConfig } from '../constants.ts';
import { Counter, type Counters } from '../counters.ts';
import { grown } from '../members/grown.ts';
import { permuted } from '../members/permutation.ts';
import { ackBytes } from '../message.ts';
import { framedBytesIn } from '../transport/packet.ts';

/** Words of an entry: a ring's key and size, the first position and sequence number, how many. */
const ENTRY_WORDS = 5;
const INITIAL_WORDS = 1 << 10;
/** With so many, 128 MiB, they are looked up. */
const WORDS_MAX = 1 << 25;

/** See the module comment. */
export class LateAcks {
  readonly #counters: Counters;
  readonly #config: SwimConfig;
  #words = new Uint32Array(INITIAL_WORDS);
  #end = 0;
  #count = 0;
  #bytes = 0;

  /** All probers and targets have the configuration. */
  constructor(counters: Counters, config: SwimConfig) {
    this.#counters = counters;
    this.#config = config;
  }

  /**
   * Those who stand at `count` positions of a permuted list from `first` on sent an ack each, of
   * `bytes` together; the first with the sequence number `seqNo`.
   */
  add(key: number, size: number, first: number, seqNo: number, count: number, bytes: number): void {
    if (this.#end + ENTRY_WORDS > this.#words.length) this.#makeRoom();
    const words = this.#words;
    const at = this.#end;
    words[at] = key;
    words[at + 1] = size;
    words[at + 2] = first;
    words[at + 3] = seqNo;
    words[at + 4] = count;
    this.#end = at + ENTRY_WORDS;
    this.#count += count;
    this.#bytes += bytes;
  }

  /** How much a counter of all members together lacks. */
  totalOf(counter: Counter): number {
    if (counter === Counter.packetsSent) return this.#count;
    return counter === Counter.packetBytesSent ? this.#bytes : 0;
  }

  /** Counts all acks where they belong. */
  settle(): void {
    const words = this.#words;
    for (let at = 0; at < this.#end; at += ENTRY_WORDS) {
      const key = words[at]!;
      const size = words[at + 1]!;
      const first = words[at + 2]!;
      const seqNo = words[at + 3]!;
      const count = words[at + 4]!;
      for (let i = 0; i < count; i++) {
        const sizeBytes = framedBytesIn(this.#config, ackBytes(seqNo + i));
        this.#counters.noteAck(permuted(key, size, first + i), sizeBytes);
      }
    }
    this.#end = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #makeRoom(): void {
    const { length } = this.#words;
    if (length < WORDS_MAX) this.#words = grown(this.#words, 2 * length);
    else this.settle();
  }
}
