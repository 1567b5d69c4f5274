import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatInstant, parseDuration } from './time.ts';

test.each([
  ['200ms', 200_000_000],
  ['1m30s', 90_000_000_000],
  ['1.5s', 1_500_000_000],
  ['2h45m', 9_900_000_000_000],
  ['300us', 300_000],
  ['300µs', 300_000],
  ['7ns', 7],
  [' 5s ', 5_000_000_000],
  ['0', 0],
  ['0s', 0],
  ['+5s', 5_000_000_000],
  ['-5s', -5_000_000_000],
  ['5', undefined],
  ['5 s', undefined],
  ['s', undefined],
  ['5d', undefined],
  ['1e3s', undefined],
  ['.5s', undefined],
  ['', undefined],
])('parseDuration(%j)', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  [0, '0ns'],
  [850, '850ns'],
  [200_000, '200µs'],
  [1_500_000, '1.5ms'],
  [5_131_000_000, '5.131s'],
  [123_000_000_000, '2m3s'],
  [120_000_000_000, '2m'],
  [3_600_000_000_000, '1h0m0s'],
  [5_400_500_000_000, '1h30m0.5s'],
  [-1_500_000, '-1.5ms'],
  // what rounds up to the next unit is written in it
  [999_999_999, '1s'],
  [59_999_999_999, '1m'],
  [3_599_999_900_000, '1h0m0s'],
  [999_999, '999.999µs'],
  [999_999_600, '1s'],
])('formatDuration(%d)', (spanNs, expected) => {
  expect(formatDuration(spanNs)).toBe(expected);
});

test('a formatted duration reads back within half a unit of its last decimal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(5000), fc.nat(), fc.maxSafeNat()), (spanNs) => {
      const back = parseDuration(formatDuration(spanNs))!;
      const toleranceNs = spanNs < 1e3 ? 0 : spanNs < 1e6 ? 1 : spanNs < 1e9 ? 500 : 500_000;
      expect(Math.abs(back - spanNs)).toBeLessThanOrEqual(toleranceNs);
    }),
  );
});

test('an instant has nine decimals', () => {
  expect(formatInstant(0)).toBe('0.000000000');
  expect(formatInstant(12_000_000_001)).toBe('12.000000001');
  expect(formatInstant(2 ** 53 - 1)).toBe('9007199.254740991');
});
