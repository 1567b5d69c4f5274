/**
 * One timing wheel: buckets of slots, one bucket per tick, as many ticks ahead as it has buckets.
 *
 * A bucket is an intrusive list in no particular order. Two bitmaps, one bit per bucket and one bit
 * per 32 buckets, find the next bucket that is not empty in a handful of instructions. Ticks are
 * absolute and may pass 2^32; buckets are ticks modulo their count, a power of two.
 */
import { type EventSlots, NEXT, WORD_SHIFT } from './slots.ts';

/** Buckets of slots by tick. */
export class EventWheel {
  #bucketsInUse = 0;
  readonly #slots: EventSlots;
  readonly #mask: number;
  /** First slot of each bucket, or -1. */
  readonly #heads: Int32Array;
  readonly #bits: Int32Array;
  readonly #summary: Int32Array;

  /** `bucketCount` is a power of two of at least 1024. */
  constructor(slots: EventSlots, bucketCount: number) {
    this.#slots = slots;
    this.#mask = bucketCount - 1;
    this.#heads = new Int32Array(bucketCount).fill(-1);
    this.#bits = new Int32Array(bucketCount >> 5);
    this.#summary = new Int32Array(bucketCount >> 10);
  }

  /** Takes a slot in. The tick must be within the wheel's reach of its present tick. */
  insert(slot: number, tick: number): void {
    const bucket = tick & this.#mask;
    const head = this.#heads[bucket]!;
    this.#slots.words[(slot << WORD_SHIFT) + NEXT] = head;
    this.#heads[bucket] = slot;
    if (head < 0) this.#mark(bucket);
  }

  /** The first slot of a tick's bucket, or -1; the others follow by `NEXT`. */
  headOf(tick: number): number {
    return this.#heads[tick & this.#mask]!;
  }

  /** Empties a tick's bucket and returns its first slot, or -1; the others follow by `NEXT`. */
  takeAll(tick: number): number {
    const bucket = tick & this.#mask;
    const head = this.#heads[bucket]!;
    if (head >= 0) {
      this.#heads[bucket] = -1;
      this.#unmark(bucket);
    }
    return head;
  }

  /** The first tick after `tick` that has a slot, or Infinity. */
  nextTickAfter(tick: number): number {
    if (this.#bucketsInUse === 0) return Number.POSITIVE_INFINITY;
    const from = (tick + 1) & this.#mask;
    const bucket = this.#nextBucketFrom(from);
    return tick + 1 + ((bucket - from) & this.#mask);
  }

  /** Takes every dead slot out and releases it. */
  releaseDead(): void {
    for (let bucket = 0; bucket <= this.#mask; bucket++) {
      if (this.#heads[bucket]! >= 0) this.releaseDeadOf(bucket);
    }
  }

  /** Takes the dead slots out of a tick's bucket and releases them. */
  releaseDeadOf(tick: number): void {
    let slot = this.takeAll(tick);
    while (slot >= 0) {
      const next = this.#slots.words[(slot << WORD_SHIFT) + NEXT]!;
      if (this.#slots.isDead(slot)) this.#slots.releaseDead(slot);
      else this.insert(slot, tick);
      slot = next;
    }
  }

  /** The first bucket with a slot from `bucket` on, going round once; there is one. */
  #nextBucketFrom(bucket: number): number {
    const bits = this.#bits;
    const word = bucket >> 5;
    const rest = bits[word]! & (-1 << (bucket & 31));
    if (rest !== 0) return (word << 5) + lowestBit(rest);
    const summary = this.#summary;
    const last = summary.length - 1;
    let group = (word + 1) >> 5;
    let candidates = group > last ? 0 : summary[group]! & (-1 << ((word + 1) & 31));
    while (candidates === 0) {
      group = group >= last ? 0 : group + 1;
      candidates = summary[group]!;
    }
    const found = (group << 5) + lowestBit(candidates);
    return (found << 5) + lowestBit(bits[found]!);
  }

  #mark(bucket: number): void {
    this.#bits[bucket >> 5]! |= 1 << (bucket & 31);
    this.#summary[bucket >> 10]! |= 1 << ((bucket >> 5) & 31);
    this.#bucketsInUse++;
  }

  #unmark(bucket: number): void {
    const word = bucket >> 5;
    this.#bits[word]! &= ~(1 << (bucket & 31));
    if (this.#bits[word] === 0) this.#summary[word >> 5]! &= ~(1 << (word & 31));
    this.#bucketsInUse--;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
