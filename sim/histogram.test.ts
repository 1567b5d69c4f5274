import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

const value = fc.oneof(
  fc.nat(300),
  fc.nat(10_000_000),
  fc.maxSafeNat(),
  fc.nat(52).map((bits) => 2 ** bits),
  fc.nat(53).map((bits) => 2 ** bits - 1),
);
const values = fc.array(value, { minLength: 1, maxLength: 60 });

function histogramOf(list: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const each of list) histogram.record(each);
  return histogram;
}

test('a percentile is the value of its rank, at most 1/128 too high', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 100 }), (list, percent) => {
      const sorted = list.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil((percent / 100) * list.length)) - 1]!;
      const read = histogramOf(list).percentile(percent)!;
      expect(read).toBeGreaterThanOrEqual(exact);
      expect(read).toBeLessThanOrEqual(exact < 256 ? exact : exact * (1 + 1 / 128));
    }),
  );
});

test('least, greatest, count and mean are exact; merging and encoding lose nothing', () => {
  // sums below 2^53, which do not depend on the order
  const small = fc.array(fc.nat(), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(small, small, (a, b) => {
      const merged = histogramOf(a);
      merged.merge(histogramOf(b));
      const whole = histogramOf([...a, ...b]);
      for (const histogram of [merged, Histogram.parse(structuredClone(whole.encode()))]) {
        expect(histogram.encode()).toEqual(whole.encode());
        expect(histogram.percentile(50)).toBe(whole.percentile(50));
      }
      expect(whole.count).toBe(a.length + b.length);
      expect(whole.min).toBe(Math.min(...a, ...b));
      expect(whole.max).toBe(Math.max(...a, ...b));
      expect(whole.percentile(100)).toBe(whole.max);
      expect(whole.percentile(0)).toBe(whole.min);
    }),
  );
});

test('an empty histogram has no percentiles, and merging with one changes nothing', () => {
  const empty = new Histogram();
  expect([empty.count, empty.min, empty.max, empty.mean, empty.percentile(50)]).toEqual([
    0,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  const one = histogramOf([5]);
  one.merge(Histogram.parse(empty.encode()));
  expect([one.count, one.min, one.max, one.mean, one.percentile(50)]).toEqual([1, 5, 5, 5, 5]);
  one.record(11, 2);
  expect([one.count, one.mean]).toEqual([3, 9]);
  expect(() => one.record(-1)).toThrow();
  expect(() => one.record(Number.NaN)).toThrow();
});
