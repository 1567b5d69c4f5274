/**
 * Text as UTF-8 bytes, with its size known before it is written.
 *
 * Nearly all text on the wire is short ASCII (names, addresses, keys), which takes plain loops and
 * no coder. What is not text in either direction becomes U+FFFD, as in Go's conversions.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Longer texts are faster with a decoder, ASCII or not. */
const LOOP_BYTES_MAX = 64;

/** Bytes of a text in UTF-8; a lone surrogate counts as the U+FFFD that is written for it. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else {
      bytes += 2;
      if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++;
    }
  }
  return bytes;
}

/** Writes a text that takes {@link utf8Bytes} `lengthBytes` at `at`. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string, lengthBytes: number): void {
  if (lengthBytes === text.length) {
    for (let i = 0; i < lengthBytes; i++) bytes[at + i] = text.charCodeAt(i);
  } else {
    encoder.encodeInto(text, bytes.subarray(at));
  }
}

/** The text of a range of bytes. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > LOOP_BYTES_MAX) return decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}
