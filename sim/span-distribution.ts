/**
 * Distributions of random spans, and keyed draws from them.
 *
 * The heavy-tailed ones are what waiting for a CPU looks like: mostly short, now and then very long
 * (log-normal for a busy scheduler, Pareto for garbage collection and stolen time).
 */
import { type DrawKey, drawBelow, drawUnit } from './chance.ts';
import { HOUR_NS } from './time.ts';

/** How a span is distributed; a uniform one of equal bounds is constant. */
export type SpanDistribution =
  | { readonly kind: 'uniform'; readonly minNs: number; readonly maxNs: number }
  | { readonly kind: 'exponential'; readonly meanNs: number }
  /** `sigma` is the standard deviation of the span's natural logarithm. */
  | { readonly kind: 'lognormal'; readonly medianNs: number; readonly sigma: number }
  /** P(span > x) = (min / x)^alpha. */
  | { readonly kind: 'pareto'; readonly minNs: number; readonly alpha: number };

/** No draw is longer: a heavy tail would otherwise outlast every run. */
const SPAN_NS_MAX = HOUR_NS;

/** A span in whole ns, in [0, 1 h], at these coordinates (each an integer below 2^32). */
export function drawSpanNs(distribution: SpanDistribution, key: DrawKey, a: number, b = 0): number {
  return Math.min(SPAN_NS_MAX, Math.round(spanNsAt(distribution, key, a, b)));
}

function spanNsAt(distribution: SpanDistribution, key: DrawKey, a: number, b: number): number {
  switch (distribution.kind) {
    case 'uniform': {
      const { minNs, maxNs } = distribution;
      return minNs + drawBelow(key, maxNs - minNs + 1, a, b);
    }
    case 'exponential':
      return -distribution.meanNs * Math.log(1 - drawUnit(key, a, b));
    case 'lognormal': {
      // Box and Muller
      const radius = Math.sqrt(-2 * Math.log(1 - drawUnit(key, a, b, 0)));
      const normal = radius * Math.cos(2 * Math.PI * drawUnit(key, a, b, 1));
      return distribution.medianNs * Math.exp(distribution.sigma * normal);
    }
    case 'pareto':
      return distribution.minNs * (1 - drawUnit(key, a, b)) ** (-1 / distribution.alpha);
  }
}
