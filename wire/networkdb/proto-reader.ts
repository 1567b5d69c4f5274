/**
 * Reads proto3 fields as gogo/protobuf's generated code does: any order, the last of a repeated
 * scalar wins, unknown fields are skipped, a known field of another wire type is an error.
 *
 * The library's reader throws on malformed bytes; {@link decodeFields} is the one place where that
 * is caught and becomes an error as data.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Uint64 } from './proto-size.ts';

/** The fields of one message, in the order of the wire. */
export class ProtoReader {
  readonly #reader: BinaryReader;
  readonly #end: number;
  #field = 0;
  #wireType: WireType = WireType.Varint;

  constructor(bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
    this.#end = bytes.length;
  }

  /** The number of the next field, 0 at the end. */
  nextField(): number {
    if (this.#reader.pos >= this.#end) return 0;
    const [field, wireType] = this.#reader.tag();
    this.#field = field;
    this.#wireType = wireType;
    return field;
  }

  /** The value of this field as an unsigned 64-bit integer. */
  uint64(): Uint64 {
    this.#expect(WireType.Varint);
    const value = BigInt(this.#reader.uint64());
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  /** The value of this field as an unsigned 32-bit integer; higher bits are cut off. */
  uint32(): number {
    this.#expect(WireType.Varint);
    return this.#reader.uint32();
  }

  /** The value of this field as a signed 32-bit integer or enumeration; higher bits are cut off. */
  int32(): number {
    this.#expect(WireType.Varint);
    return this.#reader.int32();
  }

  /** The value of this field as a boolean. */
  bool(): boolean {
    this.#expect(WireType.Varint);
    return this.#reader.bool();
  }

  /** The value of this field as text; bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.string();
  }

  /** The bytes of this field: a view, not a copy. */
  view(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.bytes();
  }

  /** Skips the value of this field. */
  skip(): void {
    if (this.#wireType === WireType.EndGroup) throw new Error('wiretype end group for non-group');
    this.#reader.skip(this.#wireType, this.#field);
  }

  #expect(wireType: WireType): void {
    if (this.#wireType !== wireType) {
      throw new Error(`wrong wireType = ${this.#wireType} for field ${this.#field}`);
    }
  }
}

/** What `read` returns for these bytes, or the text of what is wrong with them. */
export function decodeFields<T extends object>(
  bytes: Uint8Array,
  read: (reader: ProtoReader) => T,
): T | string {
  try {
    return read(new ProtoReader(bytes));
  } catch (error) {
    if (error instanceof RangeError) return 'unexpected EOF';
    return `proto: ${(error as Error).message}`;
  }
}
