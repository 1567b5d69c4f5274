/** Every string of bytes survives as text, whether or not it is UTF-8. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { goTextBytes, goTextOf, writeGoText } from './go-text.ts';

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(goTextBytes(text));
  writeGoText(bytes, 0, text, bytes.length);
  return bytes;
}

test('any bytes survive', () => {
  const nearlyUtf8 = fc
    .tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.nat(), fc.nat(255))
    .map(([text, at, byte]) => {
      const bytes = new TextEncoder().encode(`x${text}`);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), nearlyUtf8), (bytes) => {
      expect(bytesOf(goTextOf(bytes, 0, bytes.length))).toEqual(bytes);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('what is UTF-8 is the text that it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(goTextOf(bytes, 0, bytes.length)).toBe(text);
      expect(bytesOf(text)).toEqual(bytes);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a byte that is none stands for itself, but not in texts that are no names', () => {
  expect(goTextOf(Uint8Array.of(0x61, 0xff, 0x62), 0, 3)).toBe('a\udcffb');
  expect(goTextOf(new TextEncoder().encode('\uFFFD'), 0, 3)).toBe('\uFFFD');
  const long = new Uint8Array(70_000).fill(0xff);
  expect(goTextOf(long, 0, long.length)).toBe('\uFFFD'.repeat(70_000));
});
