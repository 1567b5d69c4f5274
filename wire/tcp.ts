/**
 * The TCP header (RFC 9293) and the options that Linux uses. `at` is the offset of its first byte.
 *
 * Options are written in the order and with the padding of `tcp_options_write` in
 * net/ipv4/tcp_output.c, so that a capture looks like one of a Linux host. Parsing follows
 * `tcp_parse_options`: unknown options are skipped, a malformed one ends the list.
 */
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import {
  adjustChecksum16,
  adjustChecksumForAddress,
  foldChecksum,
  pseudoHeaderSum,
  sumBytes,
} from './checksum.ts';
import type { IpAddress } from './ip-address.ts';

/** Length of the TCP header without options. */
export const TCP_HEADER_BYTES = 20;

const TCP_PROTOCOL = 6;

/** The flag bits of byte 13. */
export const TcpFlag = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ece: 64,
  cwr: 128,
} as const;
/** See {@link TcpFlag}. */
export type TcpFlag = (typeof TcpFlag)[keyof typeof TcpFlag];

/** Option kinds; the wire's numbers. */
const TcpOptionKind = {
  end: 0,
  noOperation: 1,
  maximumSegment: 2,
  windowScale: 3,
  sackPermitted: 4,
  sack: 5,
  timestamp: 8,
} as const;

/** The options that swarmlab speaks; a missing or `undefined` one is not sent. */
export interface TcpOptions {
  /** Maximum segment size, in bytes. */
  readonly maximumSegmentBytes?: number | undefined;
  /** Shift count, 0 to 14. */
  readonly windowScale?: number | undefined;
  readonly sackPermitted?: boolean | undefined;
  /** TSval and, once one was received, TSecr. */
  readonly timestampValue?: number | undefined;
  readonly timestampEcho?: number | undefined;
  /** Left and right edges in turn: 2 numbers a block, at most 4 blocks (3 with a timestamp). */
  readonly sackEdges?: readonly number[] | undefined;
}

/** What {@link writeTcpHeader} writes. */
export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** A sum of {@link TcpFlag} bits. */
  readonly flags: number;
  /** As on the wire: not scaled. */
  readonly window: number;
  readonly urgentPointer?: number | undefined;
  readonly options?: TcpOptions | undefined;
}

/** The source port. */
export function sourcePortOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at);
}

/** The destination port. */
export function destinationPortOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2);
}

/** The sequence number. */
export function sequenceOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

/** The acknowledgement number. */
export function acknowledgementOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 8);
}

/** Length of the header with its options, in bytes; below 20 when malformed. */
export function dataOffsetBytesOf(bytes: Uint8Array, at: number): number {
  return (bytes[at + 12]! >> 4) << 2;
}

/** The flag bits; see {@link TcpFlag}. */
export function flagsOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 13]!;
}

/** The window as on the wire: not scaled. */
export function windowOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 14);
}

/** The checksum as it stands there. */
export function checksumOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 16);
}

/** The urgent pointer. */
function urgentPointerOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 18);
}

/** Writes the source port and adjusts the checksum. */
export function setSourcePort(bytes: Uint8Array, at: number, port: number): void {
  adjustTcpChecksum16(bytes, at, sourcePortOf(bytes, at), port);
  writeU16(bytes, at, port);
}

/** Writes the destination port and adjusts the checksum. */
export function setDestinationPort(bytes: Uint8Array, at: number, port: number): void {
  adjustTcpChecksum16(bytes, at, destinationPortOf(bytes, at), port);
  writeU16(bytes, at + 2, port);
}

/** Adjusts the checksum after an address of the pseudo header changed. */
export function adjustTcpForAddress(
  bytes: Uint8Array,
  at: number,
  oldAddress: IpAddress,
  newAddress: IpAddress,
): void {
  writeU16(bytes, at + 16, adjustChecksumForAddress(checksumOf(bytes, at), oldAddress, newAddress));
}

/** True when the ports and a whole header with its options lie in [at, end). */
export function isWholeTcpHeader(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < TCP_HEADER_BYTES) return false;
  const headerBytes = dataOffsetBytesOf(bytes, at);
  return headerBytes >= TCP_HEADER_BYTES && headerBytes <= end - at;
}

/** Length of the options as they will be written: a multiple of 4. */
export function tcpOptionsBytesOf(options: TcpOptions): number {
  let count = 0;
  if (options.maximumSegmentBytes !== undefined) count += 4;
  if (options.timestampValue !== undefined) count += 12;
  else if (options.sackPermitted === true) count += 4;
  if (options.windowScale !== undefined) count += 4;
  const edgeCount = options.sackEdges?.length ?? 0;
  if (edgeCount > 0) count += 4 + edgeCount * 4;
  return count;
}

/** Writes a header with its options and checksum 0 and returns its length in bytes. */
export function writeTcpHeader(bytes: Uint8Array, at: number, header: TcpHeader): number {
  writeU16(bytes, at, header.sourcePort);
  writeU16(bytes, at + 2, header.destinationPort);
  writeU32(bytes, at + 4, header.sequence);
  writeU32(bytes, at + 8, header.acknowledgement);
  bytes[at + 13] = header.flags;
  writeU16(bytes, at + 14, header.window);
  writeU16(bytes, at + 16, 0);
  writeU16(bytes, at + 18, header.urgentPointer ?? 0);
  let end = at + TCP_HEADER_BYTES;
  if (header.options !== undefined) end = writeTcpOptions(bytes, end, header.options);
  bytes[at + 12] = ((end - at) >> 2) << 4;
  return end - at;
}

/** Writes options and returns the offset behind them. */
export function writeTcpOptions(bytes: Uint8Array, at: number, options: TcpOptions): number {
  let end = at;
  if (options.maximumSegmentBytes !== undefined) {
    writeU16(bytes, end, 0x0204);
    writeU16(bytes, end + 2, options.maximumSegmentBytes);
    end += 4;
  }
  const sackPermitted = options.sackPermitted === true;
  if (options.timestampValue !== undefined) {
    writeU16(bytes, end, sackPermitted ? 0x0402 : 0x0101);
    writeU16(bytes, end + 2, 0x080a);
    writeU32(bytes, end + 4, options.timestampValue);
    writeU32(bytes, end + 8, options.timestampEcho ?? 0);
    end += 12;
  } else if (sackPermitted) {
    writeU32(bytes, end, 0x0101_0402);
    end += 4;
  }
  if (options.windowScale !== undefined) {
    writeU32(bytes, end, 0x0103_0300 | (options.windowScale & 255));
    end += 4;
  }
  const edges = options.sackEdges;
  if (edges !== undefined && edges.length > 0) {
    writeU32(bytes, end, 0x0101_0500 | (2 + edges.length * 4));
    end += 4;
    for (const edge of edges) {
      writeU32(bytes, end, edge);
      end += 4;
    }
  }
  return end;
}

/** The options of the header at `at`, which {@link isWholeTcpHeader} found whole. */
export function parseTcpOptions(bytes: Uint8Array, at: number): TcpOptions {
  let maximumSegmentBytes: number | undefined;
  let windowScale: number | undefined;
  let sackPermitted = false;
  let timestampValue: number | undefined;
  let timestampEcho: number | undefined;
  let sackEdges: number[] | undefined;
  const end = at + dataOffsetBytesOf(bytes, at);
  let next = at + TCP_HEADER_BYTES;
  while (next < end) {
    const kind = bytes[next]!;
    if (kind === TcpOptionKind.end) break;
    if (kind === TcpOptionKind.noOperation) {
      next++;
      continue;
    }
    const length = next + 1 < end ? bytes[next + 1]! : 0;
    if (length < 2 || next + length > end) break;
    if (kind === TcpOptionKind.maximumSegment && length === 4) {
      maximumSegmentBytes = readU16(bytes, next + 2);
    } else if (kind === TcpOptionKind.windowScale && length === 3) {
      windowScale = Math.min(bytes[next + 2]!, 14);
    } else if (kind === TcpOptionKind.sackPermitted && length === 2) {
      sackPermitted = true;
    } else if (kind === TcpOptionKind.timestamp && length === 10) {
      timestampValue = readU32(bytes, next + 2);
      timestampEcho = readU32(bytes, next + 6);
    } else if (kind === TcpOptionKind.sack && length >= 10 && (length - 2) % 8 === 0) {
      sackEdges = [];
      for (let edge = next + 2; edge < next + length; edge += 4) {
        sackEdges.push(readU32(bytes, edge));
      }
    }
    next += length;
  }
  return {
    maximumSegmentBytes,
    windowScale,
    sackPermitted,
    timestampValue,
    timestampEcho,
    sackEdges,
  };
}

/** The header at `at` with its options; `undefined` when it is not whole. */
export function parseTcp(bytes: Uint8Array, at: number, end: number): TcpHeader | undefined {
  if (!isWholeTcpHeader(bytes, at, end)) return undefined;
  return {
    sourcePort: sourcePortOf(bytes, at),
    destinationPort: destinationPortOf(bytes, at),
    sequence: sequenceOf(bytes, at),
    acknowledgement: acknowledgementOf(bytes, at),
    flags: flagsOf(bytes, at),
    window: windowOf(bytes, at),
    urgentPointer: urgentPointerOf(bytes, at),
    options: parseTcpOptions(bytes, at),
  };
}

/** Computes the checksum over pseudo header and `lengthBytes` from the header on; writes it. */
export function finishTcpChecksum(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): void {
  writeU16(bytes, at + 16, 0);
  const pseudo = pseudoHeaderSum(source, destination, TCP_PROTOCOL, lengthBytes);
  writeU16(bytes, at + 16, foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo)));
}

/** True when the checksum over pseudo header and `lengthBytes` is right. */
export function isTcpChecksumRight(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): boolean {
  const pseudo = pseudoHeaderSum(source, destination, TCP_PROTOCOL, lengthBytes);
  return foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo)) === 0;
}

function adjustTcpChecksum16(bytes: Uint8Array, at: number, old: number, now: number): void {
  writeU16(bytes, at + 16, adjustChecksum16(checksumOf(bytes, at), old, now));
}
