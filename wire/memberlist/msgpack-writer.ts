/**
 * Writes messages of any length in memberlist's dialect, for what is sent rarely: serf's messages.
 * What is sent often is sized first and written by the functions of msgpack.ts, which this calls.
 */
import { writeU16, writeU32 } from '../bytes.ts';
import {
  rawBytes,
  textBytes,
  writeBool,
  writeMapHeader,
  writeSlice,
  writeText,
  writeUint,
} from './msgpack.ts';

const INITIAL_BYTES = 128;
/** The longest header or number. */
const SCALAR_BYTES_MAX = 9;

/** Grows as it is written to; every method but {@link MsgpackWriter.take} returns the writer. */
export class MsgpackWriter {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #at = 0;

  /** A bare byte, such as a type before a message. */
  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  /** The header of a map; keys and values follow, the keys of a structure in ascending order. */
  map(keyCount: number): this {
    this.#reserve(SCALAR_BYTES_MAX);
    if (keyCount < 16) this.#at = writeMapHeader(this.#bytes, this.#at, keyCount);
    else this.#longHeader(0xde, keyCount);
    return this;
  }

  /** The header of an array; its values follow. */
  array(count: number): this {
    this.#reserve(SCALAR_BYTES_MAX);
    if (count < 16) this.#bytes[this.#at++] = 0x90 + count;
    else this.#longHeader(0xdc, count);
    return this;
  }

  /** An unsigned integer below 2^53. */
  uint(value: number): this {
    this.#reserve(SCALAR_BYTES_MAX);
    this.#at = writeUint(this.#bytes, this.#at, value);
    return this;
  }

  /** A boolean. */
  bool(value: boolean): this {
    this.#reserve(1);
    this.#at = writeBool(this.#bytes, this.#at, value);
    return this;
  }

  /** A number of double precision. */
  double(value: number): this {
    this.#reserve(SCALAR_BYTES_MAX);
    this.#bytes[this.#at] = 0xcb;
    new DataView(this.#bytes.buffer).setFloat64(this.#at + 1, value);
    this.#at += SCALAR_BYTES_MAX;
    return this;
  }

  /** A text, or a key. */
  text(value: string): this {
    this.#reserve(textBytes(value));
    this.#at = writeText(this.#bytes, this.#at, value);
    return this;
  }

  /** A slice of bytes; `undefined` is nil. */
  slice(value: Uint8Array | undefined): this {
    this.#reserve(rawBytes(value?.length ?? 0));
    this.#at = writeSlice(this.#bytes, this.#at, value);
    return this;
  }

  /** All that was written. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A count of 16 bits after the code, or of 32 after the next code. */
  #longHeader(code: number, count: number): void {
    if (count < 0x1_0000) {
      this.#bytes[this.#at] = code;
      writeU16(this.#bytes, this.#at + 1, count);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = code + 1;
      writeU32(this.#bytes, this.#at + 1, count);
      this.#at += 5;
    }
  }

  #reserve(lengthBytes: number): void {
    const needed = this.#at + lengthBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
