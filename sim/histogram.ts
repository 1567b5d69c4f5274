/**
 * Counts of values in buckets of a fixed relative width, after HdrHistogram: percentiles of latencies
 * and of convergence times without keeping the values.
 *
 * Values are integers from 0 to 2^53. Below 256 each has a bucket of its own; from there on, each
 * power of two is divided into 128 buckets, so what is read back is at most 0.8 % too high. Least,
 * greatest, count and mean are exact. Histograms of several runs add up by {@link Histogram.merge}.
 */
import { assert } from './assert.ts';

const PRECISION_BITS = 7;
const BUCKETS_PER_OCTAVE = 1 << PRECISION_BITS;
const OCTAVE_COUNT = 54 - PRECISION_BITS;

/** A histogram as plain data: what a worker sends and a report keeps. */
export interface HistogramData {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Bucket and its count in turn, ascending, empty buckets left out. */
  readonly buckets: readonly number[];
}

/** Counts of values; see the module comment for its precision. */
export class Histogram {
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #counts = new Float64Array(2 * BUCKETS_PER_OCTAVE);

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The least value, exactly; `undefined` before the first. */
  get min(): number | undefined {
    return this.#count === 0 ? undefined : this.#min;
  }

  /** The greatest value, exactly; `undefined` before the first. */
  get max(): number | undefined {
    return this.#count === 0 ? undefined : this.#max;
  }

  /** The mean of the values as they were; `undefined` before the first. */
  get mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }

  /** Records a value `times` times; the value is a non-negative integer of at most 53 bits. */
  record(value: number, times = 1): void {
    assert(value >= 0 && value <= Number.MAX_SAFE_INTEGER, 'a histogram holds 0 to 2^53 - 1');
    const bucket = bucketOf(value);
    if (bucket >= this.#counts.length) this.#grow(bucket);
    this.#counts[bucket]! += times;
    this.#count += times;
    this.#sum += value * times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /**
   * The value that `percent` of the values do not exceed: the nearest rank, read as the greatest
   * value of its bucket but never more than {@link max}. `undefined` before the first value.
   */
  percentile(percent: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    if (rank === 1) return this.#min;
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(greatestOf(bucket), this.#max);
    }
    return this.#max;
  }

  /** Adds what another histogram counted. */
  merge(other: Histogram): void {
    if (other.#counts.length > this.#counts.length) this.#grow(other.#counts.length - 1);
    other.#counts.forEach((count, bucket) => {
      this.#counts[bucket]! += count;
    });
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The histogram as plain data. */
  encode(): HistogramData {
    const buckets: number[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) buckets.push(bucket, count);
    });
    const { min = 0, max = 0 } = this;
    return { count: this.#count, sum: this.#sum, min, max, buckets };
  }

  /** The histogram that {@link encode} made the data of. */
  static parse(data: HistogramData): Histogram {
    const histogram = new Histogram();
    if (data.count === 0) return histogram;
    histogram.#grow(data.buckets.at(-2) ?? 0);
    for (let i = 0; i < data.buckets.length; i += 2) {
      histogram.#counts[data.buckets[i]!] = data.buckets[i + 1]!;
    }
    histogram.#count = data.count;
    histogram.#sum = data.sum;
    histogram.#min = data.min;
    histogram.#max = data.max;
    return histogram;
  }

  #grow(bucket: number): void {
    const octaves = Math.ceil((bucket + 1) / BUCKETS_PER_OCTAVE);
    const length = Math.min(octaves + 1, OCTAVE_COUNT + 1) * BUCKETS_PER_OCTAVE;
    if (length <= this.#counts.length) return;
    const grown = new Float64Array(length);
    grown.set(this.#counts);
    this.#counts = grown;
  }
}

/** The bucket of a value: itself below 256, then 128 a power of two. */
function bucketOf(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  const bits = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(value);
  const shift = bits - PRECISION_BITS - 1;
  if (shift <= 0) return value;
  return shift * BUCKETS_PER_OCTAVE + Math.floor(value / 2 ** shift);
}

/** The greatest value that belongs to a bucket. */
function greatestOf(bucket: number): number {
  if (bucket < 2 * BUCKETS_PER_OCTAVE) return bucket;
  const shift = Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1;
  return (bucket - shift * BUCKETS_PER_OCTAVE + 1) * 2 ** shift - 1;
}
