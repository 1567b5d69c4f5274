/**
 * Go's strings are bytes, and a node may be named by any of them. Here they are text; a byte that is
 * no part of UTF-8 stands as the lone surrogate U+DC80 to U+DCFF of its value, which no UTF-8 makes,
 * so that every name goes back to the bytes that it came from.
 */
import { textOf, utf8Bytes, writeUtf8 } from '../utf8.ts';

/** What a byte that is no part of UTF-8 becomes: this and its value. */
const ESCAPE = 0xdc00;
const REPLACEMENT = '\uFFFD';
/** Longer texts are no names; in them such bytes become U+FFFD. */
const KEPT_BYTES_MAX = 0xffff;

/** Bytes of a text. */
export function goTextBytes(text: string): number {
  const bytes = utf8Bytes(text);
  if (bytes === text.length) return bytes;
  let escapeCount = 0;
  for (let i = 0; i < text.length; i++) if (isEscape(text, i)) escapeCount++;
  return bytes - 2 * escapeCount; // it was counted as U+FFFD, which takes three
}

/** Writes a text that takes {@link goTextBytes} `lengthBytes` at `at`. */
export function writeGoText(
  bytes: Uint8Array,
  at: number,
  text: string,
  lengthBytes: number,
): void {
  if (lengthBytes === text.length && utf8Bytes(text) === lengthBytes) {
    writeUtf8(bytes, at, text, lengthBytes);
    return;
  }
  let next = at;
  let first = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !isEscape(text, i)) continue;
    const run = text.slice(first, i);
    const runBytes = utf8Bytes(run);
    writeUtf8(bytes, next, run, runBytes);
    next += runBytes;
    if (i < text.length) bytes[next++] = text.charCodeAt(i) - ESCAPE;
    first = i + 1;
  }
}

/** The text of a range of bytes. */
export function goTextOf(bytes: Uint8Array, start: number, end: number): string {
  const text = textOf(bytes, start, end);
  if (end - start > KEPT_BYTES_MAX || !text.includes(REPLACEMENT)) return text;
  const kept: string[] = [];
  let first = start;
  for (let at = start; at < end; ) {
    const size = sequenceBytes(bytes, at, end);
    if (size === 0) {
      kept.push(textOf(bytes, first, at), String.fromCharCode(ESCAPE + bytes[at]!));
      first = at + 1;
    }
    at += Math.max(1, size);
  }
  kept.push(textOf(bytes, first, end));
  return kept.join('');
}

/** Whether the surrogate at `i` stands for a byte: it is alone, and of the range that does. */
function isEscape(text: string, i: number): boolean {
  const unit = text.charCodeAt(i);
  if (unit < ESCAPE + 0x80 || unit > ESCAPE + 0xff) return false;
  return i === 0 || (text.charCodeAt(i - 1) & 0xfc00) !== 0xd800;
}

/** How many bytes the UTF-8 sequence at `at` has; 0 for what is none. */
function sequenceBytes(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > end) return 0;
  const second = bytes[at + 1]!;
  const min = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const max = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < min || second > max) return 0;
  for (let i = 2; i < size; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return size;
}
