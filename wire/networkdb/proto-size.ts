/**
 * Encoded sizes of proto3 fields as gogo/protobuf writes them: zero values are left out, varints are
 * minimal. Every field number here is below 16, so that a tag is one byte.
 */
import { utf8Bytes } from '../utf8.ts';

/**
 * An unsigned 64-bit integer: a number up to 2^53 - 1, a bigint above. Real Lamport times are
 * numbers; the rest must survive decoding and encoding.
 */
export type Uint64 = number | bigint;

/** Bytes of an unsigned varint. */
function varintBytes(value: Uint64): number {
  let bytes = 1;
  if (typeof value === 'bigint') {
    for (let rest = value >> 7n; rest > 0n; rest >>= 7n) bytes++;
    return bytes;
  }
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Bytes of an unsigned field; nothing when it is zero. */
export function uintFieldBytes(value: Uint64): number {
  return value === 0 || value === 0n ? 0 : 1 + varintBytes(value);
}

/** Bytes of an int32 or enumeration field; negative ones are sign-extended to ten bytes. */
export function int32FieldBytes(value: number): number {
  return value < 0 ? 11 : uintFieldBytes(value);
}

/** Bytes of a boolean field. */
export function boolFieldBytes(value: boolean): number {
  return value ? 2 : 0;
}

/** Bytes of a length-delimited element of so many bytes, which may be empty. */
export function elementBytes(lengthBytes: number): number {
  return 1 + varintBytes(lengthBytes) + lengthBytes;
}

/** Bytes of a bytes field; nothing when it is empty. */
export function bytesFieldBytes(lengthBytes: number): number {
  return lengthBytes === 0 ? 0 : elementBytes(lengthBytes);
}

/** Bytes of a string field; nothing when it is empty. */
export function textFieldBytes(text: string): number {
  return bytesFieldBytes(utf8Bytes(text));
}

/** Bytes of a repeated string field, whose elements may be empty. */
export function textsFieldBytes(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += elementBytes(utf8Bytes(text));
  return bytes;
}
