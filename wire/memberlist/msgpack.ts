/**
 * memberlist's dialect of MessagePack: what go-msgpack writes with a zero `MsgpackHandle`, in all of
 * its versions.
 *
 * It is the specification of before 2013: text and bytes are both `raw` (no str8, no bin), a nil
 * slice is nil. Maps are written with their keys in ascending order and integers in their shortest
 * unsigned form. Writers are functions on (bytes, at) that return the next offset, because the size
 * is known before. What is read is more: msgpack-reader.ts.
 */
import { writeU16, writeU32 } from '../bytes.ts';
import { goTextBytes, writeGoText } from './go-text.ts';

/** The byte of nil, which stands for the zero value of anything. */
const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const TWO_TO_32 = 0x1_0000_0000;

/** Encoded bytes of an unsigned integer below 2^53. */
export function uintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  if (value < 0x1_0000) return 3;
  return value < TWO_TO_32 ? 5 : 9;
}

/** Encoded bytes of a raw of so many bytes, its header included. */
export function rawBytes(lengthBytes: number): number {
  if (lengthBytes < 32) return 1 + lengthBytes;
  return lengthBytes < 0x1_0000 ? 3 + lengthBytes : 5 + lengthBytes;
}

/** Encoded bytes of a text, its header included. */
export function textBytes(text: string): number {
  return rawBytes(goTextBytes(text));
}

/** Encoded bytes of a slice; `undefined` is a nil slice. */
export function sliceBytes(slice: Uint8Array | undefined): number {
  return slice === undefined ? 1 : rawBytes(slice.length);
}

/** Writes the header of a map of at most 15 keys. */
export function writeMapHeader(bytes: Uint8Array, at: number, keyCount: number): number {
  bytes[at] = 0x80 + keyCount;
  return at + 1;
}

/** Writes an unsigned integer below 2^53 in its shortest form. */
export function writeUint(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x100) {
    bytes[at] = 0xcc;
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value < 0x1_0000) {
    bytes[at] = 0xcd;
    writeU16(bytes, at + 1, value);
    return at + 3;
  }
  if (value < TWO_TO_32) {
    bytes[at] = 0xce;
    writeU32(bytes, at + 1, value);
    return at + 5;
  }
  bytes[at] = 0xcf;
  writeU32(bytes, at + 1, Math.floor(value / TWO_TO_32));
  writeU32(bytes, at + 5, value >>> 0);
  return at + 9;
}

/** Writes a boolean. */
export function writeBool(bytes: Uint8Array, at: number, value: boolean): number {
  bytes[at] = value ? TRUE : FALSE;
  return at + 1;
}

/** Writes the header of a raw of so many bytes. */
export function writeRawHeader(bytes: Uint8Array, at: number, lengthBytes: number): number {
  if (lengthBytes < 32) {
    bytes[at] = 0xa0 + lengthBytes;
    return at + 1;
  }
  if (lengthBytes < 0x1_0000) {
    bytes[at] = 0xda;
    writeU16(bytes, at + 1, lengthBytes);
    return at + 3;
  }
  bytes[at] = 0xdb;
  writeU32(bytes, at + 1, lengthBytes);
  return at + 5;
}

/** Writes a text. */
export function writeText(bytes: Uint8Array, at: number, text: string): number {
  const lengthBytes = goTextBytes(text);
  const start = writeRawHeader(bytes, at, lengthBytes);
  writeGoText(bytes, start, text, lengthBytes);
  return start + lengthBytes;
}

/** Writes a slice; `undefined` is a nil slice. */
export function writeSlice(bytes: Uint8Array, at: number, slice: Uint8Array | undefined): number {
  if (slice === undefined) {
    bytes[at] = NIL;
    return at + 1;
  }
  const start = writeRawHeader(bytes, at, slice.length);
  bytes.set(slice, start);
  return start + slice.length;
}

/** Copies bytes that were encoded before, such as a key. */
export function writeEncoded(bytes: Uint8Array, at: number, encoded: Uint8Array): number {
  for (let i = 0; i < encoded.length; i++) bytes[at + i] = encoded[i]!;
  return at + encoded.length;
}

/** The encoded form of a key. */
export function encodedKeyOf(key: string): Uint8Array {
  const bytes = new Uint8Array(textBytes(key));
  writeText(bytes, 0, key);
  return bytes;
}
