import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Digest } from './digest.ts';

function digestOf(words: readonly number[]): string {
  const digest = new Digest();
  for (const word of words) digest.fold(word);
  return digest.text;
}

test('digests never change by accident: people compare them between versions', () => {
  const digest = new Digest();
  expect(digest.text).toBe('70e0f650d73d0be5');
  digest.fold(1);
  expect(digest.text).toBe('aa53cea63387e973');
  digest.foldLong(2 ** 40 + 5);
  digest.foldText('swarm');
  expect(digest.text).toBe('990662443cd420e3');
});

test('a changed, added or swapped word changes the digest', () => {
  const words = fc.array(fc.integer(), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.nat(), fc.nat(31), (list, seed, bit) => {
      const at = seed % (list.length - 1);
      const changed = list.with(at, list[at]! ^ (1 << bit));
      expect(digestOf(changed)).not.toBe(digestOf(list));
      expect(digestOf([...list, 0])).not.toBe(digestOf(list));
      if (list[at] !== list[at + 1]) {
        const swapped = list.with(at, list[at + 1]!).with(at + 1, list[at]!);
        expect(digestOf(swapped)).not.toBe(digestOf(list));
      }
      expect(digestOf([...list])).toBe(digestOf(list));
    }),
  );
});

test('a long number counts in full, and texts cannot run into each other', () => {
  const long = (value: number) => {
    const digest = new Digest();
    digest.foldLong(value);
    return digest.text;
  };
  expect(long(5)).not.toBe(long(5 + 2 ** 32));
  const texts = (...list: string[]) => {
    const digest = new Digest();
    for (const text of list) digest.foldText(text);
    return digest.text;
  };
  expect(texts('ab', 'c')).not.toBe(texts('a', 'bc'));
});
