/**
 * IPv6 addresses as text: 16 bytes, and their canonical text (RFC 5952, as Go's `netip.Addr` prints).
 * In the network stack an address is a number (ip-address.ts).
 */
import { parseIpv4Address } from '../addresses.ts';
import { readU16, writeU16, writeU32 } from '../bytes.ts';

/** The 16 bytes of an address without a zone; `undefined` when the text is anything else. */
export function parseIpv6Address(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupBytesOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupBytesOf(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const count = head.length + tail.length;
  if (halves.length === 1 ? count !== 16 : count > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The canonical text of the 16 bytes at `at`: lower case, the longest run of zeros as `::`. */
export function formatIpv6Address(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && readU16(bytes, at + end * 2) === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    i = end + 1;
  }
  if (isMapped(bytes, at)) return `::ffff:${bytes.subarray(at + 12, at + 16).join('.')}`;
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::';
      i += runLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += readU16(bytes, at + i * 2).toString(16);
  }
  return text;
}

function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return readU16(bytes, at + 10) === 0xffff;
}

/** The bytes of colon-separated groups; a dotted quad may stand last. */
function groupBytesOf(text: string, mayEndInQuad: boolean): Uint8Array | undefined {
  if (text === '') return new Uint8Array(0);
  const groups = text.split(':');
  if (groups.length > 8) return undefined;
  const bytes = new Uint8Array(18);
  let length = 0;
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      writeU16(bytes, length, Number.parseInt(group, 16));
      length += 2;
      continue;
    }
    const quad = mayEndInQuad && i === groups.length - 1 ? parseIpv4Address(group) : undefined;
    if (quad === undefined) return undefined;
    writeU32(bytes, length, quad);
    length += 4;
  }
  return bytes.subarray(0, length);
}
