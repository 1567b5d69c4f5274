/**
 * memberlist's dialect of MessagePack: what go-msgpack 0.5.5 writes with a zero `MsgpackHandle`.
 *
 * It is the specification of before 2013: text and bytes are both `raw` (no str8, no bin), a nil
 * slice is nil. Maps are written with their keys in ascending order and integers in their shortest
 * unsigned form. The reader takes more than the writer writes: str8 and bin, keys in any order,
 * unknown keys, nil for anything. Writers are functions on (bytes, at) that return the next offset,
 * because the size is known before; the reader is a cursor that remembers its first failure, so
 * that hostile bytes are an error as data, with go-msgpack's text where there is one.
 */
import { readU16, readU32, writeU16, writeU32 } from '../bytes.ts';
import { goTextBytes, goTextOf, writeGoText } from './go-text.ts';

/** The byte of nil, which stands for the zero value of anything. */
const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const TWO_TO_32 = 0x1_0000_0000;

/** The most values that a reader skips: no sender has so many fields that we do not know. */
const SKIPPED_VALUES_MAX = 65_536;

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

/**
 * Reads values from a range of bytes. After the first failure every method returns a zero value and
 * `failure` keeps its text; `isTruncated` tells that more bytes could have helped. Nothing is
 * allocated but the values returned, which are never longer than the range.
 */
export class MsgpackReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  failure: string | undefined = undefined;
  isTruncated = false;
  #skippedCount = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** The number of keys of a map that stands for a structure; nil is an empty one. */
  mapKeyCount(): number {
    const code = this.#code();
    if (code >>> 4 === 8) return code & 15;
    if (code === 0xde) return this.#uint16();
    if (code === 0xdf) return this.#uint32();
    if (code !== NIL) {
      const type = valueTypeOf(code);
      this.#fail(`Only encoded map or array can be decoded into a struct. (valueType: ${type})`);
    }
    return 0;
  }

  /** An unsigned integer of at most `max`, which is below 2^53. */
  uint(max: number): number {
    const code = this.#code();
    const value = this.#integerAfter(code);
    if (value >= 0 && value <= max) return value;
    if (value > max) this.#fail(`Overflow uint value: ${BigInt(value)}`);
    const printed = code >= 0xe0 ? code : value;
    this.#fail(`Assigning negative signed value: ${printed}, to unsigned type`);
    return 0;
  }

  /** Go's `int`, rounded beyond 2^53. */
  int(): number {
    return this.#integerAfter(this.#code());
  }

  /** The number of values of an array; nil is an empty one. */
  arrayCount(): number {
    const code = this.#code();
    if (code >>> 4 === 9) return code & 15;
    if (code === 0xdc) return this.#uint16();
    if (code === 0xdd) return this.#uint32();
    if (code !== NIL) {
      const type = valueTypeOf(code);
      this.#fail(`Only encoded map or array can be decoded into a slice. (valueType: ${type})`);
    }
    return 0;
  }

  /** A number of either precision, or an integer. */
  double(): number {
    const code = this.#code();
    if (code !== 0xca && code !== 0xcb) return this.#integerAfter(code);
    const lengthBytes = code === 0xca ? 4 : 8;
    const at = this.#take(lengthBytes);
    if (this.failure !== undefined) return 0;
    const { buffer, byteOffset } = this.bytes;
    const view = new DataView(buffer, byteOffset + at, lengthBytes);
    return code === 0xca ? view.getFloat32(0) : view.getFloat64(0);
  }

  /** Passes over a nil value; false when the next value is another, which is still to be read. */
  isNil(): boolean {
    if (this.failure !== undefined || this.at >= this.end || this.bytes[this.at] !== NIL) {
      return false;
    }
    this.at++;
    return true;
  }

  /** A boolean, or the integers 0 and 1. */
  bool(): boolean {
    const code = this.#code();
    if (code === TRUE || code === 1) return true;
    if (code !== FALSE && code !== 0 && code !== NIL) {
      this.#fail(`Invalid single-byte value for bool: ${UNRECOGNIZED}: ${code.toString(16)}`);
    }
    return false;
  }

  /** Text, as go-text.ts keeps Go's strings; nil is the empty text. */
  text(): string {
    const code = this.#code();
    // upstream tests the bits of a0 only, so that e0 to ff are lengths of 64 to 95
    const length = (code & 0xa0) === 0xa0 ? code ^ 0xa0 : this.#lengthAfter(code);
    if (length <= 0) return '';
    const start = this.#take(length);
    return this.failure === undefined ? goTextOf(this.bytes, start, start + length) : '';
  }

  /** A copy of the bytes of a slice; `undefined` for nil. */
  slice(): Uint8Array | undefined {
    const view = this.#view(this.#code());
    return view?.slice();
  }

  /** A view of the bytes of a slice, not a copy where they are together; empty for nil. */
  view(): Uint8Array {
    return this.#view(this.#code()) ?? this.bytes.subarray(0, 0);
  }

  /** Skips one value of any kind. Nesting costs no stack, and there is a limit to it all. */
  skip(): void {
    for (let pending = 1; pending > 0 && this.failure === undefined; pending--) {
      if (++this.#skippedCount > SKIPPED_VALUES_MAX) this.#fail('too many unknown values');
      const code = this.#code();
      if (code < 0x80 || code >= 0xe0) continue;
      if (code < 0x90) pending += 2 * (code & 15);
      else if (code < 0xa0) pending += code & 15;
      else if (code < 0xc0) this.#take(code & 31);
      else pending += this.#skipBody(code);
    }
  }

  #fail(text: string): void {
    this.failure ??= `codec.decoder: ${text}`;
  }

  /** Moves past so many bytes and returns where they begin. */
  #take(lengthBytes: number): number {
    const start = this.at;
    if (lengthBytes <= this.end - start) {
      this.at = start + lengthBytes;
    } else if (this.failure === undefined) {
      this.failure = start === this.end ? 'EOF' : 'unexpected EOF';
      this.isTruncated = true;
    }
    return start;
  }

  /** The next byte; nil after a failure, which ends every loop. */
  #code(): number {
    const at = this.#take(1);
    return this.failure === undefined ? this.bytes[at]! : NIL;
  }

  #uint8(): number {
    const at = this.#take(1);
    return this.failure === undefined ? this.bytes[at]! : 0;
  }

  #uint16(): number {
    const at = this.#take(2);
    return this.failure === undefined ? readU16(this.bytes, at) : 0;
  }

  #uint32(): number {
    const at = this.#take(4);
    return this.failure === undefined ? readU32(this.bytes, at) : 0;
  }

  /** Two words are taken as one, so that a cut between them is told as upstream tells it. */
  #uint64(isSigned: boolean): number {
    const at = this.#take(8);
    if (this.failure !== undefined) return 0;
    const high = readU32(this.bytes, at);
    return (isSigned ? high | 0 : high) * TWO_TO_32 + readU32(this.bytes, at + 4);
  }

  /** The integer that begins with `code`; beyond 2^53 it is rounded. */
  #integerAfter(code: number): number {
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    switch (code) {
      case NIL:
        return 0;
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#uint64(false);
      case 0xd0:
        return (this.#uint8() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return this.#uint64(true);
      default: {
        const hex = code.toString(16);
        this.#fail(`Unhandled single-byte unsigned integer value: ${UNRECOGNIZED}: ${hex}`);
        return 0;
      }
    }
  }

  /** The length of a str or bin with a length of its own, -1 for nil. */
  #lengthAfter(code: number): number {
    switch (code) {
      case NIL:
        return -1;
      case 0xc4:
      case 0xd9:
        return this.#uint8();
      case 0xc5:
      case 0xda:
        return this.#uint16();
      case 0xc6:
      case 0xdb:
        return this.#uint32();
      default:
        this.#fail(`readContainerLen: ${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`);
        return -1;
    }
  }

  #view(code: number): Uint8Array | undefined {
    if (code === NIL) return undefined;
    const type = valueTypeOf(code);
    if (type === 'a' || type === '9') return this.#byteArray(code, type === '9');
    if (type === '0') {
      const bytes = `${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`;
      this.#fail(`currentEncodedType: Undeciphered descriptor: ${bytes}`);
    } else if (type !== '8') {
      this.#fail(`Only encoded map or array can be decoded into a slice. (valueType: ${type})`);
    }
    const length = code >>> 5 === 5 ? code & 31 : this.#lengthAfter(code);
    const start = this.#take(length);
    return this.failure === undefined ? this.bytes.subarray(start, start + length) : undefined;
  }

  /** The bytes of an array of integers, or of a map: upstream takes its keys and values for such. */
  #byteArray(code: number, isMap: boolean): Uint8Array {
    let count = code & 15;
    if (code >= 0xdc) count = code & 1 ? this.#uint32() : this.#uint16();
    if (isMap) count *= 2;
    // each takes a byte at least, whatever is claimed
    const values = new Uint8Array(Math.min(count, this.end - this.at));
    for (let i = 0; i < count && this.failure === undefined; i++) values[i] = this.uint(255);
    return values;
  }

  /** Skips what follows a code from c0 to df, and returns how many values it holds. */
  #skipBody(code: number): number {
    if (code >= 0xca && code <= 0xd3) {
      this.#take(FIXED_BYTES[code - 0xca]!);
      return 0;
    }
    if (code >= 0xd4 && code <= 0xd8) {
      this.#skipExtension(1 << (code - 0xd4));
      return 0;
    }
    switch (code) {
      case NIL:
      case FALSE:
      case TRUE:
        return 0;
      case 0xc1:
        this.#fail(`Nil-Deciphered DecodeValue: ${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`);
        return 0;
      case 0xc7:
        this.#skipExtension(this.#uint8());
        return 0;
      case 0xc8:
        this.#skipExtension(this.#uint16());
        return 0;
      case 0xc9:
        this.#skipExtension(this.#uint32());
        return 0;
      case 0xdc:
        return this.#uint16();
      case 0xdd:
        return this.#uint32();
      case 0xde:
        return 2 * this.#uint16();
      case 0xdf:
        return 2 * this.#uint32();
      default:
        this.#take(this.#lengthAfter(code));
        return 0;
    }
  }

  #skipExtension(lengthBytes: number): void {
    this.#uint8();
    this.#take(lengthBytes);
  }
}

/** Bytes after the codes ca to d3: floats, unsigned and signed integers. */
const FIXED_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

const UNRECOGNIZED = 'Unrecognized descriptor byte';

function hexAndDecimalOf(code: number): string {
  return `hex: ${code.toString(16)}, dec: ${code}`;
}

/** go-msgpack's `valueType` of what begins with a code, as it prints it; `0` for none. */
function valueTypeOf(code: number): string {
  if (code < 0x80 || code >= 0xe0) return '2';
  if (code < 0x90 || code >= 0xde) return '9';
  if (code < 0xa0 || code >= 0xdc) return 'a';
  return code < 0xc0 ? '8' : VALUE_TYPES.charAt(code - 0xc0);
}

/** The value types of the codes c0 to db. */
const VALUE_TYPES = '10558' + '88ccc' + '44333' + '32222' + 'ccccc' + '888';
