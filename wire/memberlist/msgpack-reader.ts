/**
 * The reader of memberlist's dialect of MessagePack: a cursor that takes what go-msgpack takes, which
 * is more than it writes, and remembers its first failure, so that hostile bytes are an error as
 * data. Structures come as maps with keys in any order, unknown ones among them, or as arrays in the
 * order of their fields; nil is the zero value of anything; integers have any width.
 *
 * memberlist 0.2.2 and 0.4.0 read with go-msgpack 0.5, 0.6.0 with go-msgpack 2, which differ
 * ({@link GoMsgpack}). Failures have the texts of 0.5.
 */
import { readU16, readU32 } from '../bytes.ts';
import { goTextOf } from './go-text.ts';

/**
 * Whose reader it is. Version 2 takes bin and arrays of bytes for texts and an empty raw for an empty
 * slice; 0.5 leaves a slice as it is then, which is nil. Version 2 refuses keys of structures that
 * are empty, extensions of type -1 that are no time, and what is nested more than 1022 times; 0.5
 * refuses containers as keys of what it does not know.
 */
export type GoMsgpack = '0.5' | '2';

/** The byte of nil, which stands for the zero value of anything. */
const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const TWO_TO_32 = 0x1_0000_0000;

/** The most values that a reader skips: no sender has so many fields that we do not know. */
const SKIPPED_VALUES_MAX = 65_536;
/** Containers in each other that version 2 skips: `decDefMaxDepth` with the structure around. */
const SKIPPED_DEPTH_MAX = 1022;

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
  readonly #isV2: boolean;
  /** The fields of a structure that comes as an array, the next one first. */
  #ordered: string[] | undefined = undefined;
  #skippedCount = 0;

  constructor(bytes: Uint8Array, start: number, end: number, codec: GoMsgpack = '0.5') {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#isV2 = codec === '2';
  }

  /**
   * How many fields of a structure follow, each a {@link field} and a value; nil is an empty one.
   * `names` are all that it has, in Go's order, in which an array has them.
   */
  fieldCount(names: readonly string[]): number {
    const code = this.#code();
    this.#ordered = undefined;
    if (code >>> 4 === 8) return code & 15;
    if (code === 0xde) return this.#uint16();
    if (code === 0xdf) return this.#uint32();
    const type = valueTypeOf(code);
    if (type === 'a') {
      this.#ordered = [...names];
      return this.#arrayCountAfter(code);
    }
    if (code !== NIL) {
      this.#fail(`Only encoded map or array can be decoded into a struct. (valueType: ${type})`);
    }
    return 0;
  }

  /** The name of the next field; empty for what an array has beyond the fields. */
  field(): string {
    if (this.#ordered !== undefined) return this.#ordered.shift() ?? '';
    const name = this.text();
    if (this.#isV2 && name === '')
      this.#fail('runtime error: index out of range [0] with length 0');
    return name;
  }

  /** The number of keys of a map; nil is an empty one. */
  mapKeyCount(): number {
    const code = this.#code();
    if (code >>> 4 === 8) return code & 15;
    if (code === 0xde) return this.#uint16();
    if (code === 0xdf) return this.#uint32();
    if (code !== NIL) this.#fail(`readMapLen: ${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`);
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

  /** Go's `int`, rounded beyond 2^53; unsigned ones above its range are negative. */
  int(): number {
    const code = this.#code();
    return code === 0xcf ? this.#uint64(true) : this.#integerAfter(code);
  }

  /** The number of values of an array; nil is an empty one. */
  arrayCount(): number {
    const code = this.#code();
    const type = valueTypeOf(code);
    if (type === 'a') return this.#arrayCountAfter(code);
    if (code !== NIL) {
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
    if (this.#isV2 && !(code >= 0xa0 && code < 0xc0)) return this.#textOfV2(code);
    // 0.5 tests the bits of a0 only, so that e0 to ff are lengths of 64 to 95
    const length = (code & 0xa0) === 0xa0 ? code ^ 0xa0 : this.#strLengthAfter(code);
    return this.#textOf(length);
  }

  /** A copy of the bytes of a slice that was `before`; `undefined` for nil. */
  slice(before: Uint8Array | undefined): Uint8Array | undefined {
    const view = this.viewAfter(before);
    return view === before ? before : view?.slice();
  }

  /** A view of the bytes of a slice, not a copy where they are together; empty for nil. */
  view(): Uint8Array {
    return this.viewAfter(undefined) ?? this.bytes.subarray(0, 0);
  }

  /** As {@link view}, of a slice that was `before`; `undefined` for nil. */
  viewAfter(before: Uint8Array | undefined): Uint8Array | undefined {
    const code = this.#code();
    if (code === NIL) return undefined;
    const type = valueTypeOf(code);
    if (type === 'a' || type === '9') return this.#byteArray(code, type === '9', before);
    if (type === '0') {
      const bytes = `${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`;
      this.#fail(`currentEncodedType: Undeciphered descriptor: ${bytes}`);
    } else if (type !== '8') {
      this.#fail(`Only encoded map or array can be decoded into a slice. (valueType: ${type})`);
    }
    const length = code >>> 5 === 5 ? code & 31 : this.#lengthAfter(code);
    if (length === 0 && !this.#isV2) return before;
    const start = this.#take(length);
    return this.failure === undefined ? this.bytes.subarray(start, start + length) : undefined;
  }

  /** Skips one value of any kind. Nesting costs no stack, and there is a limit to it all. */
  skip(): void {
    const code = this.#skipCode();
    const count = this.#skipBody(code);
    if (count > 0) this.#skipWithin(code, count);
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

  #arrayCountAfter(code: number): number {
    if (code < 0xdc) return code & 15;
    return code === 0xdc ? this.#uint16() : this.#uint32();
  }

  /** The length of a str or bin with a length of its own, -1 for nil. */
  #lengthAfter(code: number): number {
    switch (code) {
      case 0xc4:
        return this.#uint8();
      case 0xc5:
        return this.#uint16();
      case 0xc6:
        return this.#uint32();
      default:
        return this.#strLengthAfter(code);
    }
  }

  #strLengthAfter(code: number): number {
    switch (code) {
      case NIL:
        return -1;
      case 0xd9:
        return this.#uint8();
      case 0xda:
        return this.#uint16();
      case 0xdb:
        return this.#uint32();
      default:
        this.#fail(`readContainerLen: ${UNRECOGNIZED}: ${hexAndDecimalOf(code)}`);
        return -1;
    }
  }

  #textOf(length: number): string {
    if (length <= 0) return '';
    const start = this.#take(length);
    return this.failure === undefined ? goTextOf(this.bytes, start, start + length) : '';
  }

  /** Text that begins with another code than those of short ones. */
  #textOfV2(code: number): string {
    if (valueTypeOf(code) !== 'a') return this.#textOf(this.#lengthAfter(code));
    const bytes = this.#byteArray(code, false, undefined);
    return goTextOf(bytes, 0, bytes.length);
  }

  /**
   * The bytes of an array of integers, or of a map: upstream takes its keys and values for such.
   * 0.5 writes them over a slice that was there before.
   */
  #byteArray(code: number, isMap: boolean, before: Uint8Array | undefined): Uint8Array {
    let count = code & 15;
    if (code >= 0xdc) count = code & 1 ? this.#uint32() : this.#uint16();
    if (isMap) count *= 2;
    // each takes a byte at least, whatever is claimed
    const values = new Uint8Array(Math.min(count, this.end - this.at));
    for (let i = 0; i < count && this.failure === undefined; i++) values[i] = this.uint(255);
    if (this.#isV2 || before === undefined || before.length <= values.length) return values;
    const longer = before.slice();
    longer.set(values);
    return longer;
  }

  /** The first byte of a value that is skipped. */
  #skipCode(): number {
    if (++this.#skippedCount > SKIPPED_VALUES_MAX) this.#fail('too many unknown values');
    return this.#code();
  }

  /** Skips the values in a container. */
  #skipWithin(code: number, count: number): void {
    const levels = [{ left: count, isMap: valueTypeOf(code) === '9' }];
    while (levels.length > 0 && this.failure === undefined) {
      const level = levels[levels.length - 1]!;
      if (level.left === 0) {
        levels.pop();
        continue;
      }
      const isKey = level.isMap && level.left % 2 === 0;
      level.left--;
      const inner = this.#skipCode();
      const innerCount = this.#skipBody(inner);
      const type = valueTypeOf(inner);
      if (isKey && !this.#isV2 && UNHASHABLE[type] !== undefined) {
        this.failure ??= `runtime error: hash of unhashable type ${UNHASHABLE[type]}`;
      }
      if (innerCount > 0) levels.push({ left: innerCount, isMap: type === '9' });
      if (this.#isV2 && levels.length > SKIPPED_DEPTH_MAX) {
        this.#fail('maximum decoding depth exceeded');
      }
    }
  }

  /** Skips what follows a code, and returns how many values it holds. */
  #skipBody(code: number): number {
    if (code < 0x80 || code >= 0xe0) return 0;
    if (code < 0x90) return 2 * (code & 15);
    if (code < 0xa0) return code & 15;
    if (code < 0xc0) {
      this.#take(code & 31);
      return 0;
    }
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
    const type = this.#uint8();
    const isTime = lengthBytes === 4 || lengthBytes === 8 || lengthBytes === 12;
    if (this.#isV2 && type === TIME_EXTENSION && !isTime) {
      this.#fail(`invalid bytes for decoding time - got ${lengthBytes}`);
    }
    this.#take(lengthBytes);
  }
}

/** The extension that is a time: -1. */
const TIME_EXTENSION = 0xff;

/** Go's types of what cannot be a key, by value type. */
const UNHASHABLE: Readonly<Record<string, string>> = {
  '9': 'map[interface {}]interface {}',
  a: '[]interface {}',
  c: 'codec.RawExt',
};

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
