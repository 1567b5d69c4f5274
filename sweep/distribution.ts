/**
 * What many runs say of one measure: count, quantiles and the empirical distribution.
 *
 * Quantiles are of the nearest rank, so that each is a value that was measured and a seed can be
 * named for it.
 */

/** The distribution of one measure over the runs in which it happened. */
export interface Distribution {
  readonly count: number;
  /** Runs in which the measured thing did not happen. */
  readonly neverCount: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
  /** All values, ascending. */
  readonly values: readonly number[];
}

/** The distribution of values; `undefined` when there are none. `null` stands for never. */
export function distributionOf(samples: readonly (number | null)[]): Distribution | undefined {
  const values = samples.filter((value): value is number => value !== null).sort((a, b) => a - b);
  if (values.length === 0) return undefined;
  return {
    count: values.length,
    neverCount: samples.length - values.length,
    min: values[0]!,
    median: quantileOf(values, 0.5),
    p90: quantileOf(values, 0.9),
    p99: quantileOf(values, 0.99),
    max: values.at(-1)!,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    values,
  };
}

/** The nearest-rank quantile of ascending values; `quantile` in (0, 1]. */
export function quantileOf(ascending: readonly number[], quantile: number): number {
  const rank = Math.max(1, Math.ceil(quantile * ascending.length));
  return ascending[Math.min(rank, ascending.length) - 1]!;
}

/** The empirical distribution function at a value: the share of values that are not larger. */
export function shareUpTo(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low / ascending.length;
}

/** The two-sample Kolmogorov-Smirnov distance of two ascending samples. */
export function ksDistance(a: readonly number[], b: readonly number[]): number {
  let distance = 0;
  for (const value of [...a, ...b]) {
    distance = Math.max(distance, Math.abs(shareUpTo(a, value) - shareUpTo(b, value)));
  }
  return distance;
}

/** The distance above which two samples differ at the given level (asymptotic). */
export function ksCriticalDistance(countA: number, countB: number, level: number): number {
  return Math.sqrt((-Math.log(level / 2) * (countA + countB)) / (2 * countA * countB));
}
