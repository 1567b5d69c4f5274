/**
 * The compression layer: type byte 9 and {Algo, Buf}, where 0 is LZW (memberlist `util.go`
 * `compressPayload`, `decompressPayload`).
 *
 * A packet is compressed only if that makes it strictly smaller, a stream always. Upstream bounds
 * what it inflates since 0.6.0; this decoder always does.
 */
import { lzwBytesMax, lzwDecode, lzwEncodeInto, lzwSizeOf } from './lzw.ts';
import { MessageType } from './message.ts';
import { encodedKeyOf, rawBytes, writeEncoded, writeMapHeader, writeRawHeader } from './msgpack.ts';
import { type GoMsgpack, MsgpackReader } from './msgpack-reader.ts';

/** The most that one compressed message may inflate to (`maxDecompressedBytes`). */
export const MAX_DECOMPRESSED_BYTES = 40 * 1024 * 1024;

const LZW_ALGORITHM = 0;
const COMPRESS_FIELDS = ['Algo', 'Buf'];
const NO_BYTES = new Uint8Array(0);
const ALGO = encodedKeyOf('Algo');
const BUF = encodedKeyOf('Buf');
const FIXED_BYTES = 3 + ALGO.length + BUF.length;

// results up to this size are made here first, because their length is not known before
const scratch = new Uint8Array(64 * 1024);

/** A range of bytes within its compression layer, even if that is larger. */
export function compressPayload(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const buffer = bufferFor(end - start);
  const lengthBytes = lzwEncodeInto(bytes, start, end, buffer);
  const compressed = new Uint8Array(FIXED_BYTES + rawBytes(lengthBytes));
  compressed[0] = MessageType.compress;
  let at = writeEncoded(compressed, writeMapHeader(compressed, 1, 2), ALGO);
  compressed[at] = LZW_ALGORITHM;
  at = writeEncoded(compressed, at + 1, BUF);
  at = writeRawHeader(compressed, at, lengthBytes);
  compressed.set(buffer.subarray(0, lengthBytes), at);
  return compressed;
}

/** Bytes of {@link compressPayload}, without making them. */
export function compressedSizeOf(bytes: Uint8Array, start: number, end: number): number {
  return FIXED_BYTES + rawBytes(lzwSizeOf(bytes, start, end));
}

/** What a {@link MsgpackReader} at a compression layer's map found there. */
export interface Compressed {
  readonly algorithm: number;
  /** A view, not a copy. */
  readonly buffer: Uint8Array;
}

/** Reads {Algo, Buf}; meaningless if the reader has failed. */
export function readCompressed(reader: MsgpackReader): Compressed {
  let algorithm = LZW_ALGORITHM;
  let buffer: Uint8Array | undefined;
  const count = reader.fieldCount(COMPRESS_FIELDS);
  for (let left = count; left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (key === 'Algo') algorithm = reader.uint(255);
    else if (key === 'Buf') buffer = reader.viewAfter(buffer);
    else reader.skip();
  }
  return { algorithm, buffer: buffer ?? NO_BYTES };
}

/** The inflated bytes, at most so many, or upstream's error text. */
export function inflate(compressed: Compressed, outputBytesMax: number): Uint8Array | string {
  if (compressed.algorithm !== LZW_ALGORITHM) {
    return `Cannot decompress unknown algorithm ${compressed.algorithm}`;
  }
  return lzwDecode(compressed.buffer, 0, compressed.buffer.length, outputBytesMax);
}

/**
 * The content of a compression layer whose type byte is before `start`: at most `outputBytesMax`
 * bytes, or upstream's error text.
 */
export function decompressPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  outputBytesMax: number,
  codec: GoMsgpack = '0.5',
): Uint8Array | string {
  const reader = new MsgpackReader(bytes, start, end, codec);
  const compressed = readCompressed(reader);
  return reader.failure ?? inflate(compressed, outputBytesMax);
}

function bufferFor(inputBytes: number): Uint8Array {
  const bytesMax = lzwBytesMax(inputBytes);
  return bytesMax <= scratch.length ? scratch : new Uint8Array(bytesMax);
}
