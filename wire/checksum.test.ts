import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeU16, writeU32 } from './bytes.ts';
import { adjustChecksum16, adjustChecksum32, foldChecksum, sumBytes } from './checksum.ts';
import { bytesOfHex } from './testing/frames.ts';

test('the example of RFC 1071', () => {
  const bytes = bytesOfHex('0001 f203 f4f5 f6f7');
  expect(foldChecksum(sumBytes(bytes, 0, 8))).toBe(~0xddf2 & 0xffff);
});

test('an odd last byte counts as the high half of a word, and nothing behind it counts', () => {
  const bytes = bytesOfHex('1234 56ff');
  expect(sumBytes(bytes, 0, 3)).toBe(0x1234 + 0x5600);
  expect(sumBytes(bytes, 1, 3)).toBe(0x3456);
});

test('the largest packet folds without loss', () => {
  const bytes = new Uint8Array(65_536).fill(255);
  expect(foldChecksum(sumBytes(bytes, 0, bytes.length))).toBe(0);
});

test('adjusting equals summing again', () => {
  const word = fc.nat(0xffff);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 40 }),
      word,
      fc.nat(0xffff_ffff),
      (bytes, word16, word32) => {
        const sum = () => foldChecksum(sumBytes(bytes, 0, bytes.length, 6));
        const before = sum();
        const old16 = (bytes[2]! << 8) | bytes[3]!;
        writeU16(bytes, 2, word16);
        expect(adjustChecksum16(before, old16, word16)).toBe(sum());
        const between = sum();
        const old32 = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
        writeU32(bytes, 4, word32);
        expect(adjustChecksum32(between, old32, word32)).toBe(sum());
      },
    ),
  );
});
