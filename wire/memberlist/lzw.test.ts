/** Go's own LZW, byte for byte, over every width and past the reset; bombs stop at the limit. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { compressedSizeOf, compressPayload, decompressPayload } from './compress.ts';
import { crc32 } from './crc.ts';
import { inflatedBytesMax, lzwBytesMax, lzwDecode, lzwEncodeInto, lzwSizeOf } from './lzw.ts';

interface GoCases {
  readonly encode: [alphabet: number, first: number, last: number, bytes: number, crc: string][];
  readonly decode: [alphabet: number, length: number, seed: number, result: string][];
}

const path = new URL('testdata/lzw-go.json', import.meta.url);
const go: GoCases = JSON.parse(readFileSync(path, 'utf8'));

/** The generator that the Go program used. */
function drawsFrom(seed: number): () => number {
  let x = seed >>> 0;
  return () => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return x >>> 16;
  };
}

function inputOf(alphabet: number, length: number): Uint8Array {
  const draw = drawsFrom(alphabet * 65537 + length);
  return Uint8Array.from({ length }, () => draw() % alphabet);
}

function encode(bytes: Uint8Array): Uint8Array {
  const output = new Uint8Array(lzwBytesMax(bytes.length));
  return output.slice(0, lzwEncodeInto(bytes, 0, bytes.length, output));
}

function hexOfCrc(bytes: Uint8Array): string {
  return crc32(bytes, 0, bytes.length).toString(16).padStart(8, '0');
}

test('crc32 is IEEE', () => {
  expect(hexOfCrc(new TextEncoder().encode('123456789'))).toBe('cbf43926');
});

test.each(go.encode)('encodes %i letters, lengths %i to %i', (alphabet, first, last, size, crc) => {
  const outputs: number[] = [];
  for (let length = first; length <= last; length++) {
    const input = inputOf(alphabet, length);
    const output = encode(input);
    for (const byte of output) outputs.push(byte);
    expect(lzwSizeOf(input, 0, length)).toBe(output.length);
    const inflated = lzwDecode(output, 0, output.length, length) as Uint8Array;
    expect(Buffer.compare(inflated, input)).toBe(0);
  }
  expect([outputs.length, hexOfCrc(Uint8Array.from(outputs))]).toEqual([size, crc]);
});

test('what is inflated from damaged bytes, or why not, is what Go says', () => {
  for (const [alphabet, length, seed, result] of go.decode) {
    const bytes = encode(inputOf(alphabet, length));
    const draw = drawsFrom(alphabet * 1_000_000 + length * 100 + seed);
    const changeCount = (draw() % 3) + 1;
    for (let i = 0; i < changeCount; i++) {
      const at = (((draw() << 15) | (draw() & 0x7fff)) >>> 0) % bytes.length;
      bytes[at] = draw();
    }
    const inflated = lzwDecode(bytes, 0, bytes.length, 1 << 24);
    const seen =
      typeof inflated === 'string' ? inflated : `${inflated.length} ${hexOfCrc(inflated)}`;
    expect(seen, `${alphabet} ${length} ${seed}`).toBe(result);
  }
});

test('43 times a', () => {
  const bytes = new Uint8Array(43).fill(97);
  const hex = '0982a4416c676f00a3427566ad00c3081c48b0a0c183080f0604';
  expect(compressPayload(bytes, 0, 43)).toEqual(bytesOfHex(hex));
  expect(compressedSizeOf(bytes, 0, 43)).toBe(hex.length / 2);
});

test('the limit holds to the byte', () => {
  const bomb = new Uint8Array(3_000_000);
  const bytes = compressPayload(bomb, 0, bomb.length);
  expect(bytes.length).toBeLessThan(5000);
  const inflate = (limit: number) => decompressPayload(bytes, 1, bytes.length, limit);
  expect(Buffer.compare(inflate(3_000_000) as Uint8Array, bomb)).toBe(0);
  const text = 'decompressed message is larger than limit (2999999)';
  expect(inflate(2_999_999)).toBe(text);
  expect(inflate(0)).toBe('decompressed message is larger than limit (0)');
});

test('random bytes inflate to nothing above the limit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(5000), (bytes, limit) => {
      const inflated = lzwDecode(bytes, 0, bytes.length, limit);
      if (typeof inflated === 'string') return;
      expect(inflated.length).toBeLessThanOrEqual(limit);
      expect(inflated.buffer.byteLength).toBeLessThanOrEqual(limit);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('any bytes survive, and no output is longer than foreseen', () => {
  const zeros = fc.nat(60_000).map((length) => new Uint8Array(length));
  const random = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 9000 }));
  const bytes = fc.oneof(random, zeros);
  fc.assert(
    fc.property(bytes, (input) => {
      const output = encode(input);
      expect(output.length).toBeLessThanOrEqual(lzwBytesMax(input.length));
      expect(input.length).toBeLessThanOrEqual(inflatedBytesMax(output.length));
      const inflated = lzwDecode(output, 0, output.length, input.length) as Uint8Array;
      expect(Buffer.compare(inflated, input)).toBe(0);
    }),
    { seed: 1, numRuns: 100 },
  );
});
