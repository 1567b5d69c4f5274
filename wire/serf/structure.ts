/**
 * How serf's structures are read: a type byte, and a map or an array in memberlist's dialect of
 * MessagePack.
 */
import { MsgpackReader } from '../memberlist/msgpack-reader.ts';

/** How each field of a structure is read, in Go's order. */
export type Fields = Readonly<Record<string, (reader: MsgpackReader) => unknown>>;

/** Reads the structure after the type byte; false if that failed. */
export function readFields(payload: Uint8Array, fields: Fields): boolean {
  const reader = new MsgpackReader(payload, 1, payload.length);
  readStructure(reader, fields);
  return reader.failure === undefined;
}

/** Reads a structure where the reader is. */
export function readStructure(reader: MsgpackReader, fields: Fields): void {
  const count = reader.fieldCount(Object.keys(fields));
  for (let left = count; left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (Object.hasOwn(fields, key)) fields[key]!(reader);
    else reader.skip();
  }
}
