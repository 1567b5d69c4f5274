import { expect, test } from 'vitest';
import { keyOf } from '../../sim/chance.ts';
import { permuted, positionOf } from './permutation.ts';

test('every entry has one position, and the inverse tells it', () => {
  for (const n of [1, 2, 32, 33, 34, 100, 1000, 4097]) {
    const entries = Array.from({ length: n }, (_, position) => permuted(7, n, position));
    expect([...entries].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    expect(entries.map((entry) => positionOf(7, n, entry))).toEqual(entries.map((_, i) => i));
  }
});

/** The 99.9 % quantile of chi-square for so many degrees of freedom (Wilson and Hilferty). */
function chiSquareLimit(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.09 * Math.sqrt(spread)) ** 3;
}

test('over many keys positions and neighbours are spread evenly', () => {
  const n = 50;
  const rounds = 40_000;
  const positions = new Float64Array(n);
  const steps = new Float64Array(n);
  for (let i = 0; i < rounds; i++) {
    const key = keyOf(3, i);
    positions[positionOf(key, n, 17)]!++;
    steps[(permuted(key, n, 21) - permuted(key, n, 20) + n) % n]!++;
  }
  const chiSquare = (counts: Float64Array, fields: number): number => {
    const expected = rounds / fields;
    return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  };
  expect(chiSquare(positions, n)).toBeLessThan(chiSquareLimit(n - 1));
  // nobody is their own neighbour, so one field is empty
  expect(steps[0]).toBe(0);
  expect(chiSquare(steps.subarray(1), n - 1)).toBeLessThan(chiSquareLimit(n - 2));
});
