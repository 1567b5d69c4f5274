/**
 * ICMPv6 (RFC 4443): type, code, checksum, one 32-bit word, payload. `at` is the offset of its
 * header. The checksum covers a pseudo header, unlike ICMP's.
 *
 * An error quotes as much of the packet that caused it as fits into 1280 bytes in all.
 */
import { readU32, writeU16, writeU32 } from '../bytes.ts';
import { foldChecksum, pseudoHeaderSum, sumBytes } from '../checksum.ts';
import type { IpAddress } from '../ip-address.ts';
import { IPV6_HEADER_BYTES, IPV6_MTU_BYTES_MIN, NextHeader } from './header.ts';

/** Length of the header. */
export const ICMPV6_HEADER_BYTES = 8;

/** Types that swarmlab knows; the wire's numbers. */
export const Icmpv6Type = {
  destinationUnreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
  multicastReport: 143,
} as const;
/** See {@link Icmpv6Type}. */
export type Icmpv6Type = (typeof Icmpv6Type)[keyof typeof Icmpv6Type];

/** Codes of `destinationUnreachable`. */
export const Unreachable6Code = {
  noRoute: 0,
  prohibited: 1,
  beyondScope: 2,
  address: 3,
  port: 4,
  policy: 5,
  rejectRoute: 6,
} as const;

/** Codes of `timeExceeded`. */
export const TimeExceeded6Code = { hopLimit: 0, reassembly: 1 } as const;
/** Codes of `parameterProblem`. */
export const ParameterProblemCode = { header: 0, nextHeader: 1, option: 2 } as const;

/** True for the types that report an error about another packet, which they quote. */
export function isIcmpv6Error(type: number): boolean {
  return type < 128;
}

/** The MTU that `packetTooBig` names, in bytes. */
export function mtuOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

/** Writes the 8 header bytes with checksum 0. */
export function writeIcmpv6Header(
  bytes: Uint8Array,
  at: number,
  type: number,
  code: number,
  rest: number,
): void {
  bytes[at] = type;
  bytes[at + 1] = code;
  writeU16(bytes, at + 2, 0);
  writeU32(bytes, at + 4, rest);
}

/** Computes the checksum over pseudo header and `lengthBytes` from the header on; writes it. */
export function finishIcmpv6Checksum(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): void {
  writeU16(bytes, at + 2, 0);
  const pseudo = pseudoHeaderSum(source, destination, NextHeader.icmpv6, lengthBytes);
  writeU16(bytes, at + 2, foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo)));
}

/** True when the checksum over pseudo header and `lengthBytes` is right. */
export function isIcmpv6ChecksumRight(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): boolean {
  const pseudo = pseudoHeaderSum(source, destination, NextHeader.icmpv6, lengthBytes);
  return foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo)) === 0;
}

/** How many bytes of an offending packet of `packetBytes` an error quotes. */
export function quoted6BytesOf(packetBytes: number): number {
  return Math.min(packetBytes, IPV6_MTU_BYTES_MIN - IPV6_HEADER_BYTES - ICMPV6_HEADER_BYTES);
}

/** Writes an error that quotes the packet in [originalStart, originalEnd), with checksum 0. */
export function writeIcmpv6Error(
  bytes: Uint8Array,
  at: number,
  type: number,
  code: number,
  rest: number,
  original: Uint8Array,
  originalStart: number,
  originalEnd: number,
): void {
  const quotedBytes = quoted6BytesOf(originalEnd - originalStart);
  writeIcmpv6Header(bytes, at, type, code, rest);
  const quoted = original.subarray(originalStart, originalStart + quotedBytes);
  bytes.set(quoted, at + ICMPV6_HEADER_BYTES);
}
