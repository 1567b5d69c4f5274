/** SCTP's checksum against a published value, and what counts as a whole packet. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ChunkType,
  finishSctp,
  finishSctpChecksum,
  isSctpChecksumRight,
  isWholeSctp,
  SCTP_HEADER_BYTES,
  writeChunkHeader,
} from './sctp.ts';

test('32 bytes of zeros have the CRC-32c of RFC 3720, least significant byte first', () => {
  const bytes = new Uint8Array(32);
  finishSctpChecksum(bytes, 0, 32);
  expect([...bytes.subarray(8, 12)]).toEqual([0xaa, 0x36, 0x91, 0x8a]);
});

test('every changed bit is found', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 80 }), fc.nat(), (bytes, bit) => {
      finishSctp(bytes, 0, bytes.length, 1, 2, 3);
      expect(isSctpChecksumRight(bytes, 0, bytes.length)).toBe(true);
      bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
      expect(isSctpChecksumRight(bytes, 0, bytes.length)).toBe(false);
    }),
  );
});

test.each([
  ['no chunk', ChunkType.sack, 0, 0, false],
  ['a chunk as long as its packet', ChunkType.cookieAck, 4, 4, true],
  ['the padding behind the last chunk', ChunkType.cookieEcho, 5, 8, true],
  ['a chunk longer than its packet', ChunkType.cookieEcho, 8, 4, false],
  ['a chunk shorter than its header', ChunkType.cookieEcho, 3, 4, false],
  ['DATA without payload', ChunkType.data, 16, 16, false],
  ['DATA with a byte', ChunkType.data, 17, 20, true],
  ['half an INIT', ChunkType.init, 12, 12, false],
])('%s', (_, type, lengthBytes, roomBytes, isWhole) => {
  const bytes = new Uint8Array(SCTP_HEADER_BYTES + roomBytes);
  if (roomBytes > 0) writeChunkHeader(bytes, SCTP_HEADER_BYTES, type, 0, lengthBytes);
  expect(isWholeSctp(bytes, 0, bytes.length)).toBe(isWhole);
});
