/**
 * Intervals against what is known of them: the ranks of tables, and how often they hold the truth.
 */
import { expect, test } from 'vitest';
import { drawUnit } from '../sim/chance.ts';
import { meanInterval, quantileInterval } from './confidence.ts';

const ranks = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test.each([
  // the ranks of the median in tables of the sign test
  [10, 0.5, 2, 9],
  [30, 0.5, 10, 21],
  // from exact sums of the binomial distribution
  [71, 0.95, 63, Number.POSITIVE_INFINITY],
  [72, 0.95, 64, 72],
  [1000, 0.95, 936, 964],
])('of %i values, the quantile %f is between ranks %i and %i', (count, quantile, low, high) => {
  expect(quantileInterval(ranks(count), quantile)).toEqual({ low, high });
});

test('the mean is in its interval about 95 times of 100', () => {
  let heldCount = 0;
  for (let sample = 0; sample < 200; sample++) {
    const values = Array.from({ length: 40 }, (_, i) => drawUnit(7, sample, i));
    const { low, high } = meanInterval(values);
    if (low <= 0.5 && 0.5 <= high) heldCount++;
  }
  expect(heldCount).toBeGreaterThan(178);
  expect(heldCount).toBeLessThan(200);
});
