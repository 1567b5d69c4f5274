/**
 * Domain names: labels on the wire, dotted text with a final dot elsewhere, case kept.
 *
 * The text is miekg/dns' presentation form, which is what moby's resolver compares and logs: bytes
 * that are not printable ASCII become `\DDD`, the characters `. '@;()"\` and blank get a backslash.
 * Compression pointers are followed at most 126 times, so that a loop ends (`UnpackDomainName`).
 */
import { assert } from '../../sim/assert.ts';
import type { DnsReader, DnsWriter } from './cursor.ts';

/** The longest label, in bytes. */
const DNS_LABEL_BYTES_MAX = 63;

/** The longest name on the wire, in bytes, length bytes and the root label included. */
const DNS_NAME_BYTES_MAX = 255;

const POINTER_LIMIT = 126;
const POINTER_OFFSET_LIMIT = 0x4000;
const DOT = 46;
const BACKSLASH = 92;
const SPECIAL = '. \'@;()"\\';

/** Reads a name, following pointers; marks the reader as failed on a malformed one. */
export function readName(reader: DnsReader): string {
  const { bytes, start, end } = reader;
  let at = reader.at;
  let next = -1;
  let pointerCount = 0;
  let wireBytes = 1;
  let name = '';
  for (;;) {
    const length = at < end ? bytes[at]! : 0x80;
    if (length === 0) break;
    if (length >= 0xc0 && at + 1 < end) {
      if (next < 0) next = at + 2;
      if (++pointerCount > POINTER_LIMIT) return reader.fail();
      at = start + (((length & 0x3f) << 8) | bytes[at + 1]!);
      continue;
    }
    wireBytes += length + 1;
    if (length > DNS_LABEL_BYTES_MAX || at + length >= end || wireBytes > DNS_NAME_BYTES_MAX) {
      return reader.fail();
    }
    for (let i = at + 1; i <= at + length; i++) name += formatByte(bytes[i]!);
    name += '.';
    at += length + 1;
  }
  reader.at = next < 0 ? at + 1 : next;
  return name === '' ? '.' : name;
}

/**
 * Writes a name, with or without its final dot. With `mayCompress` and a compressing writer the
 * longest suffix that stands in the message already becomes a pointer.
 */
export function writeName(writer: DnsWriter, name: string, mayCompress: boolean): void {
  if (writer.offsets === undefined && writePlainName(writer, name)) return;
  const labels = labelsOf(name);
  assert(labels !== undefined, `not a domain name: ${JSON.stringify(name)}`);
  for (let i = 0; i < labels.length; i++) {
    if (writer.offsets !== undefined) {
      const suffix = labels.slice(i).map(formatLabel).join('.');
      const known = writer.offsets.get(suffix);
      if (known !== undefined && mayCompress) {
        writer.writeU16(0xc000 | known);
        return;
      }
      if (known === undefined && writer.length < POINTER_OFFSET_LIMIT) {
        writer.offsets.set(suffix, writer.length);
      }
    }
    const label = labels[i]!;
    writer.writeU8(label.length);
    writer.writeBytes(label);
  }
  writer.writeU8(0);
}

/**
 * Writes a name of plain labels straight from its text and returns true; false, with nothing written,
 * for one that needs a second look. A third of what a query and its answer cost were the labels.
 */
function writePlainName(writer: DnsWriter, name: string): boolean {
  const end = name.endsWith('.') ? name.length - 1 : name.length;
  if (end === 0 || end + 2 > DNS_NAME_BYTES_MAX) return false;
  let labelStart = 0;
  for (let i = 0; i <= end; i++) {
    const code = i === end ? DOT : name.charCodeAt(i);
    if (code === BACKSLASH || code > 126) return false;
    if (code !== DOT) continue;
    if (i === labelStart || i - labelStart > DNS_LABEL_BYTES_MAX) return false;
    labelStart = i + 1;
  }
  for (let start = 0; start < end; start = labelStart) {
    const dot = name.indexOf('.', start);
    const labelEnd = dot < 0 ? end : dot;
    writer.writeU8(labelEnd - start);
    for (let i = start; i < labelEnd; i++) writer.writeU8(name.charCodeAt(i));
    labelStart = labelEnd + 1;
  }
  writer.writeU8(0);
  return true;
}

/** True when the text can be a name on the wire: labels of 1 to 63 bytes, 255 bytes in all. */
export function isDnsName(name: string): boolean {
  return labelsOf(name) !== undefined;
}

/** The labels of a name in text form; `undefined` when it cannot be on the wire. */
function labelsOf(name: string): Uint8Array[] | undefined {
  if (name === '.') return [];
  const text = new TextEncoder().encode(name);
  const labels: Uint8Array[] = [];
  const label = new Uint8Array(text.length);
  let length = 0;
  let wireBytes = 1;
  for (let i = 0; i <= text.length; i++) {
    const isEnd = i === text.length;
    if (isEnd && length === 0 && labels.length > 0) break;
    if (isEnd || text[i] === DOT) {
      wireBytes += length + 1;
      if (length === 0 || length > DNS_LABEL_BYTES_MAX) return undefined;
      labels.push(label.slice(0, length));
      length = 0;
    } else if (text[i] === BACKSLASH) {
      const decimal = decimalAt(text, i + 1);
      if (i + 1 === text.length || decimal > 255) return undefined;
      label[length++] = decimal < 0 ? text[i + 1]! : decimal;
      i += decimal < 0 ? 1 : 3;
    } else {
      label[length++] = text[i]!;
    }
  }
  return wireBytes > DNS_NAME_BYTES_MAX ? undefined : labels;
}

/** The number of three decimal digits at `at`, or -1. */
function decimalAt(text: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = i < text.length ? text[i]! - 48 : -1;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function formatLabel(label: Uint8Array): string {
  let text = '';
  for (const byte of label) text += formatByte(byte);
  return text;
}

function formatByte(byte: number): string {
  if (byte < 32 || byte > 126) return `\\${String(byte).padStart(3, '0')}`;
  const character = String.fromCharCode(byte);
  return SPECIAL.includes(character) ? `\\${character}` : character;
}
