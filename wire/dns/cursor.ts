/**
 * Where a DNS parser or encoder stands in its bytes.
 *
 * A reader that meets malformed input sets `failed` once and goes on with zeros; the parser looks
 * at the flag at the end of each record instead of after each field. A writer grows its buffer and
 * remembers where names stand, which is what compression points at.
 */
import { readU16, readU32, writeU16, writeU32 } from '../bytes.ts';

/** Reads fields of the message in [start, end) from `at` on. */
export class DnsReader {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  at: number;
  failed = false;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.at = start;
  }

  /** Marks the message as malformed; returns an empty text for the caller to return. */
  fail(): string {
    this.failed = true;
    return '';
  }

  /** An unsigned byte; 0 past the end. */
  readU8(): number {
    return this.#take(1) ? this.bytes[this.at - 1]! : 0;
  }

  /** An unsigned 16-bit integer; 0 past the end. */
  readU16(): number {
    return this.#take(2) ? readU16(this.bytes, this.at - 2) : 0;
  }

  /** An unsigned 32-bit integer; 0 past the end. */
  readU32(): number {
    return this.#take(4) ? readU32(this.bytes, this.at - 4) : 0;
  }

  /** A copy of the next `count` bytes; empty past the end. */
  readBytes(count: number): Uint8Array {
    return this.#take(count) ? this.bytes.slice(this.at - count, this.at) : new Uint8Array(0);
  }

  #take(count: number): boolean {
    if (this.at + count > this.end) {
      this.failed = true;
      return false;
    }
    this.at += count;
    return true;
  }
}

/** Appends fields to a growing buffer. */
export class DnsWriter {
  #bytes = new Uint8Array(512);
  #length = 0;
  /** Offsets of the names written so far, by text; `undefined` when nothing is compressed. */
  readonly offsets: Map<string, number> | undefined;

  constructor(compresses: boolean) {
    this.offsets = compresses ? new Map() : undefined;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends the low 8 bits. */
  writeU8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  /** Appends the low 16 bits. */
  writeU16(value: number): void {
    const at = this.#reserve(2);
    writeU16(this.#bytes, at, value);
  }

  /** Appends the low 32 bits. */
  writeU32(value: number): void {
    const at = this.#reserve(4);
    writeU32(this.#bytes, at, value);
  }

  /** Appends bytes. */
  writeBytes(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes a 16-bit length at `at`: the bytes from behind that field to the present end. */
  patchLength(at: number): void {
    writeU16(this.#bytes, at, this.#length - at - 2);
  }

  /** What was written, in an array of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
}
