import { expect, test } from 'vitest';
import { Chance } from './chance.ts';
import { drawSpanNs, type SpanDistribution } from './span-distribution.ts';
import { MILLISECOND_NS } from './time.ts';

const COUNT = 20_000;

/** The spans at the given ranks of many draws, in ms. */
function quantiles(distribution: SpanDistribution, ranks: readonly number[]): number[] {
  const key = new Chance('spans').key('test');
  const spans = Array.from({ length: COUNT }, (_, i) => drawSpanNs(distribution, key, i, i >> 3));
  spans.sort((a, b) => a - b);
  return ranks.map((rank) => spans[Math.floor(rank * COUNT)]! / MILLISECOND_NS);
}

const MS = MILLISECOND_NS;

test.each<[string, SpanDistribution, (rank: number) => number]>([
  ['constant', { kind: 'uniform', minNs: 5 * MS, maxNs: 5 * MS }, () => 5],
  ['uniform', { kind: 'uniform', minNs: 100 * MS, maxNs: 300 * MS }, (p) => 100 + 200 * p],
  ['exponential', { kind: 'exponential', meanNs: 80 * MS }, (p) => -80 * Math.log(1 - p)],
  ['pareto', { kind: 'pareto', minNs: 20 * MS, alpha: 1.5 }, (p) => 20 * (1 - p) ** (-1 / 1.5)],
  [
    'lognormal',
    { kind: 'lognormal', medianNs: 50 * MS, sigma: 1 },
    (p) =>
      50 *
      Math.exp(
        new Map([
          [0.1, -1.2816],
          [0.5, 0],
          [0.9, 1.2816],
        ]).get(p)!,
      ),
  ],
])('%s: the quantiles are those of the formula', (_, distribution, quantileOf) => {
  const ranks = [0.1, 0.5, 0.9];
  const drawn = quantiles(distribution, ranks);
  ranks.forEach((rank, i) => expect(drawn[i]! / quantileOf(rank)).toBeCloseTo(1, 1));
});

test('a heavy tail ends after an hour, and every span is whole', () => {
  const heavy: SpanDistribution = { kind: 'pareto', minNs: 20 * MS, alpha: 0.2 };
  const key = new Chance('tail').key('test');
  const spans = Array.from({ length: COUNT }, (_, i) => drawSpanNs(heavy, key, i));
  expect(spans.every(Number.isSafeInteger)).toBe(true);
  expect(Math.max(...spans)).toBe(3_600_000 * MS);
});
