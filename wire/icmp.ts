/**
 * ICMP (RFC 792): type, code, checksum, one 32-bit word whose meaning depends on the type, payload.
 * `at` is the offset of the ICMP header.
 *
 * An error quotes the packet that caused it: its IPv4 header and as much of the rest as fits into
 * 576 bytes in all, as Linux' `__icmp_send` (net/ipv4/icmp.c) does.
 */
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { adjustChecksum16, foldChecksum, sumBytes } from './checksum.ts';
import { IPV4_HEADER_BYTES } from './ipv4.ts';

/** Length of the ICMP header. */
export const ICMP_HEADER_BYTES = 8;

/** The longest error message that Linux sends, IPv4 header included. */
const ICMP_ERROR_BYTES_MAX = 576;

/** Types that swarmlab knows; the wire's numbers. */
export const IcmpType = {
  echoReply: 0,
  destinationUnreachable: 3,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;
/** See {@link IcmpType}. */
export type IcmpType = (typeof IcmpType)[keyof typeof IcmpType];

/** Codes of `destinationUnreachable`. */
export const UnreachableCode = {
  network: 0,
  host: 1,
  protocol: 2,
  port: 3,
  fragmentationNeeded: 4,
  sourceRouteFailed: 5,
  networkProhibited: 9,
  hostProhibited: 10,
  administrativelyProhibited: 13,
} as const;
/** See {@link UnreachableCode}. */
export type UnreachableCode = (typeof UnreachableCode)[keyof typeof UnreachableCode];

/** Codes of `timeExceeded`. */
export const TimeExceededCode = { ttl: 0, reassembly: 1 } as const;
/** See {@link TimeExceededCode}. */
export type TimeExceededCode = (typeof TimeExceededCode)[keyof typeof TimeExceededCode];

/** Codes of `redirect`. */
export const RedirectCode = { network: 0, host: 1 } as const;
/** See {@link RedirectCode}. */
export type RedirectCode = (typeof RedirectCode)[keyof typeof RedirectCode];

/** A message; `rest` is the 32-bit word: identifier and sequence, next-hop MTU, or gateway. */
export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
  readonly payload: Uint8Array;
}

/** The type. */
export function typeOf(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/** The code. */
export function codeOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 1]!;
}

/** The checksum as it stands there. */
function checksumOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2);
}

/** The 32-bit word after the checksum. */
export function restOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

/** The identifier of an echo: what conntrack and `ping` tell flows apart by. */
export function identifierOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 4);
}

/** The sequence number of an echo. */
export function sequenceNumberOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 6);
}

/** The MTU in a `fragmentationNeeded` (RFC 1191), in bytes; 0 from an old router. */
export function nextHopMtuOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 6);
}

/** True for the types that report an error about another packet, which they quote. */
export function isIcmpError(type: number): boolean {
  return (
    type === IcmpType.destinationUnreachable ||
    type === IcmpType.redirect ||
    type === IcmpType.timeExceeded ||
    type === IcmpType.parameterProblem ||
    type === 4
  );
}

/** Writes the identifier of an echo and adjusts the checksum. */
export function setIdentifier(bytes: Uint8Array, at: number, identifier: number): void {
  const checksum = adjustChecksum16(checksumOf(bytes, at), identifierOf(bytes, at), identifier);
  writeU16(bytes, at + 4, identifier);
  writeU16(bytes, at + 2, checksum);
}

/** Writes the 8 header bytes with checksum 0; {@link finishIcmpChecksum} completes them. */
function writeIcmpHeader(
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

/** Writes the header of an echo request or reply with checksum 0. */
export function writeIcmpEcho(
  bytes: Uint8Array,
  at: number,
  type: number,
  identifier: number,
  sequenceNumber: number,
): void {
  writeIcmpHeader(bytes, at, type, 0, 0);
  writeU16(bytes, at + 4, identifier);
  writeU16(bytes, at + 6, sequenceNumber);
}

/** Computes the checksum over `lengthBytes` from the header on, and writes it. */
export function finishIcmpChecksum(bytes: Uint8Array, at: number, lengthBytes: number): void {
  writeU16(bytes, at + 2, 0);
  writeU16(bytes, at + 2, foldChecksum(sumBytes(bytes, at, at + lengthBytes)));
}

/** True when the checksum over `lengthBytes` from the header on is right. */
export function isIcmpChecksumRight(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  return foldChecksum(sumBytes(bytes, at, at + lengthBytes)) === 0;
}

/** How many bytes of an offending packet of `packetBytes` an error quotes. */
export function quotedBytesOf(packetBytes: number): number {
  return Math.min(packetBytes, ICMP_ERROR_BYTES_MAX - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
}

/**
 * Writes an error that quotes the packet in [originalStart, originalEnd), with its checksum, and
 * returns its length; the room needed is ICMP_HEADER_BYTES + {@link quotedBytesOf}.
 */
export function writeIcmpError(
  bytes: Uint8Array,
  at: number,
  type: number,
  code: number,
  rest: number,
  original: Uint8Array,
  originalStart: number,
  originalEnd: number,
): number {
  const quotedBytes = quotedBytesOf(originalEnd - originalStart);
  writeIcmpHeader(bytes, at, type, code, rest);
  bytes.set(original.subarray(originalStart, originalStart + quotedBytes), at + ICMP_HEADER_BYTES);
  const lengthBytes = ICMP_HEADER_BYTES + quotedBytes;
  finishIcmpChecksum(bytes, at, lengthBytes);
  return lengthBytes;
}

/** The message in [at, end); `undefined` when cut short. The checksum is not checked. */
export function parseIcmp(bytes: Uint8Array, at: number, end: number): IcmpMessage | undefined {
  if (end - at < ICMP_HEADER_BYTES) return undefined;
  return {
    type: typeOf(bytes, at),
    code: codeOf(bytes, at),
    rest: restOf(bytes, at),
    payload: bytes.subarray(at + ICMP_HEADER_BYTES, end),
  };
}

/** The bytes of a message, checksum included. */
export function encodeIcmp(message: IcmpMessage): Uint8Array {
  const bytes = new Uint8Array(ICMP_HEADER_BYTES + message.payload.length);
  writeIcmpHeader(bytes, 0, message.type, message.code, message.rest);
  bytes.set(message.payload, ICMP_HEADER_BYTES);
  finishIcmpChecksum(bytes, 0, bytes.length);
  return bytes;
}
