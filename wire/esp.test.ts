/**
 * ESP's bytes: what is sealed opens again, with the size that was foretold, and with no other key,
 * SPI or byte.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { espBytesOf, espSpiOf, openEsp, sealEsp } from './esp.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const key = fc.record({
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  salt: word,
});

test('what is sealed opens again, unless anything is changed', () => {
  fc.assert(
    fc.property(
      key,
      word,
      word,
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      (own, spi, iv, plain, at) => {
        const sealed = sealEsp(own, spi, 7, iv, ~iv >>> 0, plain, 17);
        expect(sealed.length).toBe(espBytesOf(plain.length));
        expect(espSpiOf(sealed, 0, sealed.length)).toBe(spi);
        const content = openEsp(own, sealed)!;
        expect([...content.payload]).toEqual([...plain]);
        expect(content.protocol).toBe(17);
        const place = at % sealed.length;
        sealed[place] = sealed[place]! ^ 1;
        expect(openEsp(own, sealed)).toBeUndefined();
      },
    ),
    { numRuns: 200 },
  );
});

test('random bytes open nothing and throw nothing', () => {
  fc.assert(
    fc.property(key, fc.uint8Array({ maxLength: 64 }), (own, bytes) => {
      expect(openEsp(own, bytes)).toBeUndefined();
    }),
  );
});

test('the sizes of the lab: a ping on the wire, and the longest packet', () => {
  expect(espBytesOf(8 + 8 + 98) + 20 + 14).toBe(174);
  expect(espBytesOf(8 + 8 + 1438) + 20).toBe(1500);
});
