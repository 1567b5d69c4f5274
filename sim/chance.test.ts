import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chance, draw32, drawBelow, drawChance, drawUnit, hashText, keyOf } from './chance.ts';

test('draws never change by accident: every published seed and digest depends on these numbers', () => {
  const chance = new Chance('7');
  expect(chance.key('underlay.latency')).toBe(2859221021);
  expect(new Chance('8').key('underlay.latency')).toBe(2799819093);
  expect(new Chance('').key('x')).toBe(4103890712);
  expect([0, 1, 2, 3].map((i) => draw32(1, i))).toEqual([
    1821930878, 3311058576, 2946240169, 2342768604,
  ]);
  expect(draw32(0, 0)).toBe(773060840);
  expect(draw32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toBe(2841487439);
  expect(draw32(1, 2, 3, 4)).toBe(3521547320);
  expect(drawUnit(1, 2, 3, 4)).toBe(0.8199241291731596);
  expect(drawBelow(1, 10, 5)).toBe(6);
  expect(drawBelow(1, 2 ** 53, 5)).toBe(5576833531639165);
  expect(keyOf(1, 2)).toBe(3620502869);
  expect(hashText('membership.dead')).toBe(1159544432);
  const stream = chance.stream('fuzz');
  expect([stream.next(), stream.int32()]).toEqual([0.06945155584253371, 21384891]);
});

/** Pearson's chi-squared of counts against a uniform distribution. */
function chiSquaredOf(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

const COORDINATES: [string, (i: number) => [number, number, number, number]][] = [
  ['a counter', (i) => [12345, i, 0, 0]],
  ['a second coordinate', (i) => [12345, 3, i, 0]],
  ['a third coordinate', (i) => [12345, 3, 4, i]],
  ['a key', (i) => [i, 0, 0, 0]],
  ['two coordinates in step', (i) => [12345, i, i, 0]],
  ['nodes and rounds', (i) => [12345, i % 100, Math.floor(i / 100), 0]],
];

test.each(COORDINATES)('draws over %s are uniform, in all bits', (_, coordinatesOf) => {
  const drawCount = 100_000;
  const counts = new Array<number>(256).fill(0);
  const bits = new Array<number>(32).fill(0);
  const pairs = new Array<number>(64).fill(0);
  let previous = 0;
  for (let i = 0; i < drawCount; i++) {
    const draw = draw32(...coordinatesOf(i));
    counts[draw >>> 24]!++;
    for (let bit = 0; bit < 32; bit++) bits[bit]! += (draw >>> bit) & 1;
    pairs[((previous >>> 29) << 3) | (draw >>> 29)]!++;
    previous = draw;
  }
  // 255 degrees of freedom: 340 is exceeded once in 4000 times; 63: 110 once in 4000
  expect(chiSquaredOf(counts)).toBeLessThan(340);
  expect(chiSquaredOf(pairs)).toBeLessThan(110);
  // four standard deviations of a fair coin
  for (const ones of bits) expect(Math.abs(ones - drawCount / 2)).toBeLessThan(650);
});

test('two keys draw different sequences, whatever the keys differ by', () => {
  for (const difference of [1, 2, 3, 64, 0x8000_0000]) {
    let equalCount = 0;
    for (let i = 0; i < 1000; i++) {
      if (draw32(77, i) === draw32((77 ^ difference) >>> 0, i ^ difference)) equalCount++;
    }
    expect(equalCount).toBe(0);
  }
});

test('a bounded draw is within its bound, and a certain chance is certain', () => {
  const bound = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 53 }));
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), bound, fc.nat(0xffff_ffff), (key, limit, a) => {
      const draw = drawBelow(key, limit, a);
      expect(Number.isInteger(draw)).toBe(true);
      expect(draw).toBeGreaterThanOrEqual(0);
      expect(draw).toBeLessThan(limit);
      expect(drawChance(key, 0, a)).toBe(false);
      expect(drawChance(key, 1, a)).toBe(true);
    }),
  );
  let hits = 0;
  for (let i = 0; i < 10_000; i++) if (drawChance(5, 0.3, i)) hits++;
  expect(hits).toBeGreaterThan(2800);
  expect(hits).toBeLessThan(3200);
});
