/**
 * The IPv6 header and its extension headers (RFC 8200). `at` is the offset of the fixed header.
 *
 * Extension headers are walked, not interpreted: hop-by-hop, destination options and routing are
 * passed over by their length; the fragment header is read and written. There is no header checksum.
 * Validity is `ip6_rcv_core`'s in net/ipv6/ip6_input.c; fragmentation is `ip6_fragment`'s.
 */
import { assert } from '../../sim/assert.ts';
import { readU16, writeU16, writeU32 } from '../bytes.ts';
import { type IpAddress, readIpv6, writeIpv6 } from '../ip-address.ts';

/** Length of the fixed header. */
export const IPV6_HEADER_BYTES = 40;
/** Length of the fragment header. */
export const FRAGMENT_HEADER_BYTES = 8;
/** The smallest MTU that a link may have. */
export const IPV6_MTU_BYTES_MIN = 1280;

/** Next-header numbers of what is no protocol, and of ICMPv6. */
export const NextHeader = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  icmpv6: 58,
  none: 59,
  destinationOptions: 60,
} as const;

/** What {@link writeIpv6Header} writes. */
export interface Ipv6Header {
  /** What follows the fixed header, in bytes. */
  readonly payloadBytes: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
}

/** Writes a fixed header. */
export function writeIpv6Header(bytes: Uint8Array, at: number, header: Ipv6Header): void {
  const { trafficClass = 0, flowLabel = 0 } = header;
  writeU32(bytes, at, ((6 << 28) | (trafficClass << 20) | flowLabel) >>> 0);
  writeU16(bytes, at + 4, header.payloadBytes);
  bytes[at + 6] = header.nextHeader;
  bytes[at + 7] = header.hopLimit;
  writeIpv6(bytes, at + 8, header.source);
  writeIpv6(bytes, at + 24, header.destination);
}

/** DSCP and ECN. */
export function trafficClassOf(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) >> 4) & 255;
}

/** Writes DSCP and ECN. */
export function setTrafficClass(bytes: Uint8Array, at: number, trafficClass: number): void {
  writeU16(bytes, at, (readU16(bytes, at) & 0xf00f) | (trafficClass << 4));
}

/** What follows the fixed header, in bytes. */
export function payloadBytesOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 4);
}

/** The hops that are left. */
export function hopLimitOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 7]!;
}

/** The source address. */
export function ipv6SourceOf(bytes: Uint8Array, at: number): IpAddress {
  return readIpv6(bytes, at + 8);
}

/** The destination address. */
export function ipv6DestinationOf(bytes: Uint8Array, at: number): IpAddress {
  return readIpv6(bytes, at + 24);
}

/** True when version, room and length are right (`ip6_rcv_core`). */
export function isValidIpv6Header(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < IPV6_HEADER_BYTES || bytes[at]! >> 4 !== 6) return false;
  return IPV6_HEADER_BYTES + payloadBytesOf(bytes, at) <= end - at;
}

/** True for headers between the fixed one and the protocol's. */
function isExtension(nextHeader: number): boolean {
  return (
    nextHeader === NextHeader.hopByHop ||
    nextHeader === NextHeader.routing ||
    nextHeader === NextHeader.fragment ||
    nextHeader === NextHeader.destinationOptions
  );
}

/** Fixed and extension headers together, in bytes: where the protocol's own header begins. */
export function ipv6HeaderBytesOf(bytes: Uint8Array, at: number): number {
  let next = bytes[at + 6]!;
  let length = IPV6_HEADER_BYTES;
  while (isExtension(next) && at + length + 1 < bytes.length) {
    const here = at + length;
    const isLater = next === NextHeader.fragment && (readU16(bytes, here + 2) & 0xfff8) !== 0;
    length += next === NextHeader.fragment ? FRAGMENT_HEADER_BYTES : (bytes[here + 1]! + 1) << 3;
    if (isLater) break;
    next = bytes[here]!;
  }
  return length;
}

/** The protocol behind the extension headers; in a later fragment what its fragment header says. */
export function ipv6ProtocolOf(bytes: Uint8Array, at: number): number {
  let next = bytes[at + 6]!;
  let here = at + IPV6_HEADER_BYTES;
  while (isExtension(next) && here + 1 < bytes.length) {
    const isFragment = next === NextHeader.fragment;
    next = bytes[here]!;
    if (isFragment && (readU16(bytes, here + 2) & 0xfff8) !== 0) break;
    here += isFragment ? FRAGMENT_HEADER_BYTES : (bytes[here + 1]! + 1) << 3;
  }
  return next;
}

/** Where the fragment header is; -1 when there is none. */
export function fragmentHeaderAtOf(bytes: Uint8Array, at: number): number {
  let next = bytes[at + 6]!;
  let here = at + IPV6_HEADER_BYTES;
  while (isExtension(next) && here + 1 < bytes.length) {
    if (next === NextHeader.fragment) return here;
    next = bytes[here]!;
    here += (bytes[here + 1]! + 1) << 3;
  }
  return -1;
}

/** Where this fragment's payload belongs in the whole, in bytes; 0 for what is no fragment. */
export function ipv6FragmentOffsetBytesOf(bytes: Uint8Array, at: number): number {
  const fragmentAt = fragmentHeaderAtOf(bytes, at);
  return fragmentAt < 0 ? 0 : readU16(bytes, fragmentAt + 2) & 0xfff8;
}

/**
 * The fragments of the packet in [start, end) for links of `mtuBytes`, each in an array of its own
 * behind `headroomBytes` zeros. Only the fixed header stands before the fragment header: none of the
 * senders here writes headers that every router must see. `mtuBytes` is at least 1280.
 */
export function fragmentIpv6(
  bytes: Uint8Array,
  start: number,
  end: number,
  mtuBytes: number,
  identification: number,
  headroomBytes = 0,
): Uint8Array[] {
  const payloadBytes = end - start - IPV6_HEADER_BYTES;
  const stepBytes = (mtuBytes - IPV6_HEADER_BYTES - FRAGMENT_HEADER_BYTES) & ~7;
  assert(stepBytes > 0, `no room for a payload in fragments of ${mtuBytes} bytes`);
  const fragments: Uint8Array[] = [];
  for (let offset = 0; offset < payloadBytes; offset += stepBytes) {
    const length = Math.min(stepBytes, payloadBytes - offset);
    const headersBytes = IPV6_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
    const fragment = new Uint8Array(headroomBytes + headersBytes + length);
    const at = headroomBytes;
    fragment.set(bytes.subarray(start, start + IPV6_HEADER_BYTES), at);
    writeU16(fragment, at + 4, FRAGMENT_HEADER_BYTES + length);
    fragment[at + 6] = NextHeader.fragment;
    const fragmentAt = at + IPV6_HEADER_BYTES;
    fragment[fragmentAt] = bytes[start + 6]!;
    const isLast = offset + length >= payloadBytes;
    writeU16(fragment, fragmentAt + 2, offset | (isLast ? 0 : 1));
    writeU32(fragment, fragmentAt + 4, identification);
    const from = start + IPV6_HEADER_BYTES + offset;
    fragment.set(bytes.subarray(from, from + length), at + headersBytes);
    fragments.push(fragment);
  }
  return fragments;
}
