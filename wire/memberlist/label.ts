/**
 * The label layer, outermost of all: type byte 244, a length of one byte, the label (memberlist
 * `label.go`, from 0.4.0 on).
 *
 * Packets carry it both ways, streams only from the side that dialled. Where there is encryption,
 * the label is part of what is authenticated even where it is not sent.
 */
import { assert } from '../../sim/assert.ts';
import { textOf, utf8Bytes, writeUtf8 } from '../utf8.ts';
import { MessageType } from './message.ts';

/** The longest label, in bytes (`LabelMaxSize`). */
const LABEL_BYTES_MAX = 255;

/** What the layer takes for this label: nothing for the empty one. */
export function labelOverheadOf(label: string): number {
  return label === '' ? 0 : 2 + utf8Bytes(label);
}

/** The label as additional authenticated data. */
export function labelBytesOf(label: string): Uint8Array {
  const bytes = new Uint8Array(utf8Bytes(label));
  writeUtf8(bytes, 0, label, bytes.length);
  return bytes;
}

/** The bytes with the label before them; the same bytes for the empty label. */
export function addLabel(bytes: Uint8Array, label: string): Uint8Array {
  if (label === '') return bytes;
  const labelBytes = labelBytesOf(label);
  assert(labelBytes.length <= LABEL_BYTES_MAX, 'a label is longer than its length byte can say');
  const framed = new Uint8Array(2 + labelBytes.length + bytes.length);
  framed[0] = MessageType.hasLabel;
  framed[1] = labelBytes.length;
  framed.set(labelBytes, 2);
  framed.set(bytes, 2 + labelBytes.length);
  return framed;
}

/** A label that was read, and where what it labels begins. */
export interface LabelHeader {
  /** Empty when there is no label. */
  readonly label: string;
  readonly nextAt: number;
}

/** The label at `start`, or upstream's error text for packets. */
export function parseLabel(bytes: Uint8Array, start: number, end: number): LabelHeader | string {
  if (end <= start || bytes[start] !== MessageType.hasLabel) return { label: '', nextAt: start };
  if (end - start < 2) return 'cannot decode label; packet has been truncated';
  const lengthBytes = bytes[start + 1]!;
  if (lengthBytes < 1) return 'label header cannot be empty when present';
  const nextAt = start + 2 + lengthBytes;
  if (nextAt > end) return 'cannot decode label; packet has been truncated';
  return { label: textOf(bytes, start + 2, nextAt), nextAt };
}
