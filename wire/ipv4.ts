/**
 * The IPv4 header (RFC 791). `at` is the offset of its first byte.
 *
 * Readers are plain functions on the bytes; setters keep the header checksum right by adjusting it
 * (RFC 1624), as Linux' `csum_replace4` and `ip_decrease_ttl` do. Validity is `ip_rcv_core`'s in
 * net/ipv4/ip_input.c. Options are carried but not interpreted.
 * Fragmentation is `ip_do_fragment`'s; reassembly with its timers belongs to net/.
 */
import { assert } from '../sim/assert.ts';
import type { Ipv4Address } from './addresses.ts';
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { adjustChecksum16, adjustChecksum32, foldChecksum, sumBytes } from './checksum.ts';

/** Length of a header without options. */
export const IPV4_HEADER_BYTES = 20;

/** The longest packet that the total length field can tell. */
export const IPV4_TOTAL_BYTES_MAX = 65_535;

/** Protocol numbers that swarmlab knows. */
export const IpProtocol = {
  icmp: 1,
  ipip: 4,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  sctp: 132,
} as const;
/** See {@link IpProtocol}. */
export type IpProtocol = (typeof IpProtocol)[keyof typeof IpProtocol];

/** What {@link writeIpv4Header} writes and {@link parseIpv4} reads; options are not among it. */
export interface Ipv4Header {
  /** Header and payload, in bytes. */
  readonly totalLengthBytes: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments?: boolean;
  /** A multiple of 8. */
  readonly fragmentOffsetBytes?: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** The whole former type-of-service octet: DSCP and ECN. */
  readonly tos?: number;
}

/** Length of the header with its options, in bytes; below 20 when malformed. */
export function headerBytesOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! & 15) << 2;
}

/** The type-of-service octet: DSCP and ECN. */
export function tosOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 1]!;
}

/** Header and payload, in bytes. */
export function totalLengthOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2);
}

/** The identification that all fragments of a packet share. */
export function identificationOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 4);
}

/** True when no router may fragment it. */
export function hasDontFragment(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 6]! & 0x40) !== 0;
}

/** True for every fragment but the last. */
export function hasMoreFragments(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 6]! & 0x20) !== 0;
}

/** Where this fragment's payload belongs in the whole, in bytes. */
export function fragmentOffsetBytesOf(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at + 6) & 0x1fff) << 3;
}

/** True for any fragment, the first included (Linux' `ip_is_fragment`). */
export function isFragment(bytes: Uint8Array, at: number): boolean {
  return (readU16(bytes, at + 6) & 0x3fff) !== 0;
}

/** The hops that are left. */
export function ttlOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 8]!;
}

/** The protocol of the payload; {@link IpProtocol} names some. */
export function protocolOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 9]!;
}

/** The header checksum as it stands there. */
function headerChecksumOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 10);
}

/** The source address. */
export function sourceOf(bytes: Uint8Array, at: number): Ipv4Address {
  return readU32(bytes, at + 12);
}

/** The destination address. */
export function destinationOf(bytes: Uint8Array, at: number): Ipv4Address {
  return readU32(bytes, at + 16);
}

/** Writes the source address and adjusts the header checksum; transport checksums are not here. */
export function setSource(bytes: Uint8Array, at: number, address: Ipv4Address): void {
  setWord32(bytes, at, 12, address);
}

/** Writes the destination address and adjusts the header checksum. */
export function setDestination(bytes: Uint8Array, at: number, address: Ipv4Address): void {
  setWord32(bytes, at, 16, address);
}

/** Writes the TTL and adjusts the header checksum. */
export function setTtl(bytes: Uint8Array, at: number, ttl: number): void {
  setWord16(bytes, at, 8, (ttl << 8) | bytes[at + 9]!);
}

/** Takes one hop off the TTL, adjusts the header checksum, and returns the TTL that is left. */
export function decrementTtl(bytes: Uint8Array, at: number): number {
  const ttl = (bytes[at + 8]! - 1) & 255;
  setTtl(bytes, at, ttl);
  return ttl;
}

/** Writes the type-of-service octet and adjusts the header checksum. */
export function setTos(bytes: Uint8Array, at: number, tos: number): void {
  setWord16(bytes, at, 0, (bytes[at]! << 8) | (tos & 255));
}

/** Writes the total length and adjusts the header checksum. */
export function setTotalLength(bytes: Uint8Array, at: number, totalLengthBytes: number): void {
  setWord16(bytes, at, 2, totalLengthBytes);
}

/** Writes the identification and adjusts the header checksum. */
export function setIdentification(bytes: Uint8Array, at: number, identification: number): void {
  setWord16(bytes, at, 4, identification);
}

/** Writes the protocol and adjusts the header checksum. */
export function setProtocol(bytes: Uint8Array, at: number, protocol: number): void {
  setWord16(bytes, at, 8, (bytes[at + 8]! << 8) | (protocol & 255));
}

/** Writes both flags and the offset (a multiple of 8) and adjusts the header checksum. */
export function setFragment(
  bytes: Uint8Array,
  at: number,
  dontFragment: boolean,
  moreFragments: boolean,
  fragmentOffsetBytes: number,
): void {
  setWord16(bytes, at, 6, fragmentWord(dontFragment, moreFragments, fragmentOffsetBytes));
}

/** Computes the header checksum anew over the header with its options, and writes it. */
export function finishIpv4Checksum(bytes: Uint8Array, at: number): void {
  writeU16(bytes, at + 10, 0);
  writeU16(bytes, at + 10, foldChecksum(sumBytes(bytes, at, at + headerBytesOf(bytes, at))));
}

/**
 * True when `ip_rcv_core` would take it: version 4, a header of at least 20 bytes that is there, a
 * right checksum, and a total length that covers the header and does not pass `end`.
 */
export function isValidIpv4Header(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < IPV4_HEADER_BYTES || bytes[at]! >> 4 !== 4) return false;
  const headerBytes = headerBytesOf(bytes, at);
  if (headerBytes < IPV4_HEADER_BYTES || end - at < headerBytes) return false;
  if (foldChecksum(sumBytes(bytes, at, at + headerBytes)) !== 0) return false;
  const totalLengthBytes = totalLengthOf(bytes, at);
  return totalLengthBytes >= headerBytes && totalLengthBytes <= end - at;
}

/** Writes a 20-byte header with its checksum. */
export function writeIpv4Header(bytes: Uint8Array, at: number, header: Ipv4Header): void {
  bytes[at] = 0x45;
  bytes[at + 1] = header.tos ?? 0;
  writeU16(bytes, at + 2, header.totalLengthBytes);
  writeU16(bytes, at + 4, header.identification);
  const { dontFragment, moreFragments = false, fragmentOffsetBytes = 0 } = header;
  writeU16(bytes, at + 6, fragmentWord(dontFragment, moreFragments, fragmentOffsetBytes));
  bytes[at + 8] = header.ttl;
  bytes[at + 9] = header.protocol;
  writeU16(bytes, at + 10, 0);
  writeU32(bytes, at + 12, header.source);
  writeU32(bytes, at + 16, header.destination);
  writeU16(bytes, at + 10, foldChecksum(sumBytes(bytes, at, at + IPV4_HEADER_BYTES)));
}

/** The header at `at`, every field present; `undefined` when {@link isValidIpv4Header} is false. */
export function parseIpv4(
  bytes: Uint8Array,
  at: number,
  end: number,
): Required<Ipv4Header> | undefined {
  if (!isValidIpv4Header(bytes, at, end)) return undefined;
  return {
    totalLengthBytes: totalLengthOf(bytes, at),
    identification: identificationOf(bytes, at),
    dontFragment: hasDontFragment(bytes, at),
    moreFragments: hasMoreFragments(bytes, at),
    fragmentOffsetBytes: fragmentOffsetBytesOf(bytes, at),
    ttl: ttlOf(bytes, at),
    protocol: protocolOf(bytes, at),
    source: sourceOf(bytes, at),
    destination: destinationOf(bytes, at),
    tos: tosOf(bytes, at),
  };
}

/**
 * The fragments of the packet in [start, end) for links of `mtuBytes`, each in an array of its own
 * behind `headroomBytes` zeros, with right headers and checksums.
 *
 * Mirrors `ip_do_fragment`: every payload but the last is the largest multiple of 8 that fits,
 * options without the copy bit become no-operations behind the first fragment, and a fragment of a
 * fragment keeps its offset. The caller has judged the don't-fragment flag, which is kept.
 * A packet that fits comes back whole. `mtuBytes` is at least 68 (RFC 791).
 */
export function fragmentIpv4(
  bytes: Uint8Array,
  start: number,
  end: number,
  mtuBytes: number,
  headroomBytes = 0,
): Uint8Array[] {
  const headerBytes = headerBytesOf(bytes, start);
  const payloadBytes = end - start - headerBytes;
  const fits = end - start <= mtuBytes;
  const stepBytes = fits ? Math.max(payloadBytes, 1) : (mtuBytes - headerBytes) & ~7;
  assert(stepBytes > 0, `no room for a payload in fragments of ${mtuBytes} bytes`);
  const baseBytes = fragmentOffsetBytesOf(bytes, start);
  const wasFollowed = hasMoreFragments(bytes, start);
  const dontFragment = hasDontFragment(bytes, start);
  const fragments: Uint8Array[] = [];
  for (let offset = 0; offset < payloadBytes || offset === 0; offset += stepBytes) {
    const length = Math.min(stepBytes, payloadBytes - offset);
    const isLast = offset + length >= payloadBytes;
    const at = headroomBytes;
    const fragment = new Uint8Array(at + headerBytes + length);
    fragment.set(bytes.subarray(start, start + headerBytes), at);
    const from = start + headerBytes + offset;
    fragment.set(bytes.subarray(from, from + length), at + headerBytes);
    if (offset > 0) blankUncopiedOptions(fragment, at);
    writeU16(fragment, at + 2, headerBytes + length);
    const word = fragmentWord(dontFragment, !isLast || wasFollowed, baseBytes + offset);
    writeU16(fragment, at + 6, word);
    finishIpv4Checksum(fragment, at);
    fragments.push(fragment);
  }
  return fragments;
}

/** `ip_options_fragment`: options without the copy bit (0x80) are overwritten. */
function blankUncopiedOptions(bytes: Uint8Array, at: number): void {
  const end = at + headerBytesOf(bytes, at);
  let next = at + IPV4_HEADER_BYTES;
  while (next < end && bytes[next] !== 0) {
    if (bytes[next] === 1) {
      next++;
      continue;
    }
    const length = next + 1 < end ? bytes[next + 1]! : 0;
    if (length < 2 || next + length > end) return;
    if ((bytes[next]! & 0x80) === 0) bytes.fill(1, next, next + length);
    next += length;
  }
}

function fragmentWord(dontFragment: boolean, moreFragments: boolean, offsetBytes: number): number {
  return (dontFragment ? 0x4000 : 0) | (moreFragments ? 0x2000 : 0) | (offsetBytes >>> 3);
}

function setWord16(bytes: Uint8Array, at: number, offset: number, word: number): void {
  const checksum = adjustChecksum16(headerChecksumOf(bytes, at), readU16(bytes, at + offset), word);
  writeU16(bytes, at + offset, word);
  writeU16(bytes, at + 10, checksum);
}

function setWord32(bytes: Uint8Array, at: number, offset: number, word: number): void {
  const checksum = adjustChecksum32(headerChecksumOf(bytes, at), readU32(bytes, at + offset), word);
  writeU32(bytes, at + offset, word);
  writeU16(bytes, at + 10, checksum);
}
