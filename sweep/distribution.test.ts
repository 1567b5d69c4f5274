/**
 * Quantiles of the nearest rank, and the Kolmogorov-Smirnov distance against its definition.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  distributionOf,
  ksCriticalDistance,
  ksDistance,
  quantileOf,
  shareUpTo,
} from './distribution.ts';

test('a hundred values have their hundredths as quantiles', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(distributionOf([...values, null, null])).toMatchObject({
    count: 100,
    neverCount: 2,
    min: 1,
    median: 50,
    p90: 90,
    p99: 99,
    max: 100,
    mean: 50.5,
  });
});

test('what never happened has no distribution', () => {
  expect(distributionOf([null, null])).toBeUndefined();
  expect(distributionOf([])).toBeUndefined();
});

test('every quantile of one value is that value', () => {
  for (const quantile of [0.001, 0.5, 1]) expect(quantileOf([3], quantile)).toBe(3);
});

const samples = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 40 });
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

test('the share up to a value is what counting says', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: -25, max: 25 }), (values, at) => {
      const count = values.filter((value) => value <= at).length;
      expect(shareUpTo(ascending(values), at)).toBe(count / values.length);
    }),
  );
});

test('at least the share q of the values is not larger than the quantile q', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const sorted = ascending(values);
      const value = quantileOf(sorted, percent / 100);
      expect(sorted).toContain(value);
      expect(shareUpTo(sorted, value)).toBeGreaterThanOrEqual(percent / 100 - 1e-12);
    }),
  );
});

test('the distance of samples is symmetric, zero to itself, one to what lies apart', () => {
  fc.assert(
    fc.property(samples, samples, (a, b) => {
      const [x, y] = [ascending(a), ascending(b)];
      expect(ksDistance(x, y)).toBe(ksDistance(y, x));
      expect(ksDistance(x, x)).toBe(0);
      expect(
        ksDistance(
          x,
          x.map((value) => value + 100),
        ),
      ).toBe(1);
    }),
  );
});

test('critical distances are those of the tables', () => {
  expect(ksCriticalDistance(100, 100, 0.05)).toBeCloseTo(1.358 * Math.sqrt(2 / 100), 3);
  expect(ksCriticalDistance(200, 50, 0.01)).toBeCloseTo(1.628 * Math.sqrt(250 / 10_000), 3);
});
