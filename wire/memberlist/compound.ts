/**
 * Several messages in one packet: a count of one byte, as many lengths of two, then the parts
 * (memberlist `util.go` `makeCompoundMessage`, `decodeCompoundMessage`).
 *
 * A compound whose last parts are cut off still delivers those before.
 */
import { readU16, writeU16 } from '../bytes.ts';
import { encodeMessageInto } from './encode.ts';
import { MessageType, type PacketMessage, sizeOf } from './message.ts';

/** What a compound takes besides its parts and their lengths (`compoundHeaderOverhead`). */
const COMPOUND_HEADER_BYTES = 2;

/** What each part takes besides its bytes (`compoundOverhead`). */
const COMPOUND_PART_BYTES = 2;

/** The most parts; a sender with more makes several compounds (`makeCompoundMessages`). */
export const COMPOUND_PARTS_MAX = 255;

/** Bytes of a compound of so many parts that take so many bytes together. */
function sizeOfCompound(partCount: number, partsBytes: number): number {
  return COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * partCount + partsBytes;
}

/** Bytes of the messages of a packet: one is bare, more are a compound. */
export function sizeOfMessages(messages: readonly PacketMessage[]): number {
  if (messages.length === 1) return sizeOf(messages[0]!);
  let partsBytes = 0;
  for (const message of messages) partsBytes += sizeOf(message);
  return sizeOfCompound(messages.length, partsBytes);
}

/**
 * The bytes of the messages of a packet, at most {@link COMPOUND_PARTS_MAX}: one is bare, more (or
 * none) are a compound. As upstream, a part of 65536 bytes or more would have its length cut.
 */
export function encodeMessages(messages: readonly PacketMessage[]): Uint8Array {
  const bytes = new Uint8Array(sizeOfMessages(messages));
  encodeMessagesInto(messages, bytes);
  return bytes;
}

/** {@link encodeMessages} into a buffer of at least {@link sizeOfMessages}; returns that size. */
function encodeMessagesInto(messages: readonly PacketMessage[], bytes: Uint8Array): number {
  if (messages.length === 1) return encodeMessageInto(messages[0]!, bytes, 0);
  bytes[0] = MessageType.compound;
  bytes[1] = messages.length;
  let lengthAt = COMPOUND_HEADER_BYTES;
  let at = lengthAt + COMPOUND_PART_BYTES * messages.length;
  for (const message of messages) {
    const next = encodeMessageInto(message, bytes, at);
    writeU16(bytes, lengthAt, next - at);
    lengthAt += COMPOUND_PART_BYTES;
    at = next;
  }
  return at;
}

/** Where the parts of a compound are. */
export interface CompoundParts {
  /** Offset of each complete part, and of the end of the last one. */
  readonly offsets: readonly number[];
  /** Parts that are cut off. */
  readonly truncatedCount: number;
}

/** The parts of the compound whose type byte is before `start`, or upstream's error text. */
export function compoundPartsOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): CompoundParts | string {
  if (end <= start) return 'missing compound length byte';
  const partCount = bytes[start]!;
  const lengthsAt = start + 1;
  let at = lengthsAt + COMPOUND_PART_BYTES * partCount;
  if (at > end) return 'truncated len slice';
  const offsets = [at];
  for (let i = 0; i < partCount; i++) {
    at += readU16(bytes, lengthsAt + COMPOUND_PART_BYTES * i);
    if (at > end) return { offsets, truncatedCount: partCount - i };
    offsets.push(at);
  }
  return { offsets, truncatedCount: 0 };
}
