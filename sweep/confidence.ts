/**
 * Between which values a quantile and a mean lie, with a confidence: order statistics, which assume
 * nothing of the distribution, and the bootstrap with keyed draws.
 */
import type { Interval } from '../scenarios/gossip/poisson.ts';
import { drawBelow, hashText } from '../sim/chance.ts';
import { quantileOf } from './distribution.ts';

const CONFIDENCE = 0.95;
const RESAMPLES = 1000;

/**
 * The interval of a quantile by order statistics (binomial); an end is infinite when there are too
 * few values to bound it. `ascending` may end in infinities, for what never happened.
 */
export function quantileInterval(ascending: readonly number[], quantile: number): Interval {
  const n = ascending.length;
  const tail = (1 - CONFIDENCE) / 2;
  let low = 0;
  let high = n + 1;
  let cumulative = 0;
  let logTerm = n * Math.log(1 - quantile);
  for (let rank = 0; rank <= n; rank++) {
    cumulative += Math.exp(logTerm);
    if (cumulative <= tail) low = rank + 1;
    if (cumulative >= 1 - tail && high > n) high = rank + 1;
    logTerm += Math.log(((n - rank) / (rank + 1)) * (quantile / (1 - quantile)));
  }
  return {
    low: low === 0 ? 0 : ascending[low - 1]!,
    high: high > n ? Number.POSITIVE_INFINITY : ascending[high - 1]!,
  };
}

/** The interval of the mean by the percentile bootstrap; the same values give the same interval. */
export function meanInterval(values: readonly number[]): Interval {
  const n = values.length;
  const key = hashText('confidence.bootstrap');
  const means = Array.from({ length: RESAMPLES }, (_, resample) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[drawBelow(key, n, resample, i)]!;
    return sum / n;
  }).sort((a, b) => a - b);
  const tail = (1 - CONFIDENCE) / 2;
  return { low: quantileOf(means, tail), high: quantileOf(means, 1 - tail) };
}
