/**
 * SCTP packets (RFC 9260): the common header with its CRC-32c, and the chunks behind it.
 *
 * ```
 * common header   source port 2 | destination port 2 | verification tag 4 | checksum 4
 * chunk           type 1 | flags 1 | length 2 | value, padded to four bytes
 * ```
 * `at` is the offset of the common header, `chunkAt` that of a chunk. The checksum covers header and
 * chunks but no address, so that NAT of addresses leaves it alone; it stands in the packet with its
 * least significant byte first. Ports are where TCP and UDP have theirs (`wire/udp.ts` reads them).
 */
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';

/** Length of the common header. */
export const SCTP_HEADER_BYTES = 12;
/** Length of a chunk's type, flags and length. */
export const CHUNK_HEADER_BYTES = 4;
/** A DATA chunk in front of its payload. */
export const DATA_HEADER_BYTES = 16;
/** The fixed part of INIT and INIT ACK. */
export const INIT_BYTES = 20;

/** Chunk types (RFC 9260, 3.2). */
export const ChunkType = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  ecnEcho: 12,
  cwr: 13,
  shutdownComplete: 14,
} as const;
/** See {@link ChunkType}. */
export type ChunkType = (typeof ChunkType)[keyof typeof ChunkType];

/** Flags of chunks: a fragment's place in its message, and the reflected tag of ABORT. */
export const ChunkFlag = { last: 1, first: 2, unordered: 4, reflectedTag: 1 } as const;

/** Parameters of INIT and INIT ACK. */
export const InitParameter = {
  heartbeatInfo: 1,
  stateCookie: 7,
  supportedAddressTypes: 12,
  ecnCapable: 0x8000,
  forwardTsnSupported: 0xc000,
} as const;

/** Causes of ERROR and ABORT (RFC 9260, 3.3.10). */
export const ErrorCause = {
  staleCookie: 3,
  outOfResource: 4,
  userInitiatedAbort: 12,
} as const;

/** The meaning of INIT and INIT ACK. */
export interface InitFields {
  readonly tag: number;
  /** The sender's advertised receiver window, in bytes. */
  readonly windowBytes: number;
  readonly outStreams: number;
  readonly inStreams: number;
  readonly initialTsn: number;
}

/** One stretch of TSNs behind the cumulative one that arrived, both ends included. */
export interface GapBlock {
  readonly first: number;
  readonly last: number;
}

/** The verification tag. */
export function verificationTagOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

/** The type of the chunk at `chunkAt`. */
export function chunkTypeOf(bytes: Uint8Array, chunkAt: number): number {
  return bytes[chunkAt]!;
}

/** The flags of the chunk at `chunkAt`. */
export function chunkFlagsOf(bytes: Uint8Array, chunkAt: number): number {
  return bytes[chunkAt + 1]!;
}

/** Header and value of the chunk at `chunkAt`, without its padding, in bytes. */
export function chunkLengthOf(bytes: Uint8Array, chunkAt: number): number {
  return readU16(bytes, chunkAt + 2);
}

/** A length with the padding behind it. */
export function paddedBytes(lengthBytes: number): number {
  return (lengthBytes + 3) & ~3;
}

/** Where the next chunk begins: behind the padding of this one. */
export function nextChunkAt(bytes: Uint8Array, chunkAt: number): number {
  return chunkAt + paddedBytes(chunkLengthOf(bytes, chunkAt));
}

/** The first chunk's type, by which whoever looks on judges a packet; undefined without any. */
export function firstChunkTypeOf(bytes: Uint8Array, at: number, end: number): number | undefined {
  const chunkAt = at + SCTP_HEADER_BYTES;
  return end - chunkAt >= CHUNK_HEADER_BYTES ? chunkTypeOf(bytes, chunkAt) : undefined;
}

/** True for a packet whose chunks all lie within it, at least one. */
export function isWholeSctp(bytes: Uint8Array, at: number, end: number): boolean {
  let chunkAt = at + SCTP_HEADER_BYTES;
  if (end - chunkAt < CHUNK_HEADER_BYTES) return false;
  while (end - chunkAt >= CHUNK_HEADER_BYTES) {
    const lengthBytes = chunkLengthOf(bytes, chunkAt);
    const hasRoom = lengthBytes >= CHUNK_HEADER_BYTES && lengthBytes <= end - chunkAt;
    if (!hasRoom || lengthBytes < leastBytesOf(bytes[chunkAt]!)) return false;
    chunkAt = nextChunkAt(bytes, chunkAt);
  }
  return true;
}

/** The shortest chunk of a type. */
function leastBytesOf(type: number): number {
  switch (type) {
    case ChunkType.data:
      return DATA_HEADER_BYTES + 1;
    case ChunkType.init:
    case ChunkType.initAck:
      return INIT_BYTES;
    case ChunkType.sack:
      return 16;
    case ChunkType.shutdown:
      return 8;
    default:
      return CHUNK_HEADER_BYTES;
  }
}

/** The fixed part of an INIT or INIT ACK. */
export function parseInit(bytes: Uint8Array, chunkAt: number): InitFields {
  return {
    tag: readU32(bytes, chunkAt + 4),
    windowBytes: readU32(bytes, chunkAt + 8),
    outStreams: readU16(bytes, chunkAt + 12),
    inStreams: readU16(bytes, chunkAt + 14),
    initialTsn: readU32(bytes, chunkAt + 16),
  };
}

/** Writes the fixed part of an INIT or INIT ACK behind its chunk header. */
export function writeInit(bytes: Uint8Array, chunkAt: number, fields: InitFields): void {
  writeU32(bytes, chunkAt + 4, fields.tag);
  writeU32(bytes, chunkAt + 8, fields.windowBytes);
  writeU16(bytes, chunkAt + 12, fields.outStreams);
  writeU16(bytes, chunkAt + 14, fields.inStreams);
  writeU32(bytes, chunkAt + 16, fields.initialTsn);
}

/** Where the value of an INIT's parameter stands, and how long it is; undefined without it. */
export function findInitParameter(
  bytes: Uint8Array,
  chunkAt: number,
  type: number,
): { readonly at: number; readonly lengthBytes: number } | undefined {
  const end = chunkAt + chunkLengthOf(bytes, chunkAt);
  let at = chunkAt + INIT_BYTES;
  while (end - at >= 4) {
    const lengthBytes = readU16(bytes, at + 2);
    if (lengthBytes < 4 || lengthBytes > end - at) return undefined;
    if (readU16(bytes, at) === type) return { at: at + 4, lengthBytes: lengthBytes - 4 };
    at += paddedBytes(lengthBytes);
  }
  return undefined;
}

/** The gap blocks of a SACK, as TSNs. */
export function gapBlocksOf(bytes: Uint8Array, chunkAt: number): GapBlock[] {
  const cumulative = readU32(bytes, chunkAt + 4);
  const room = Math.floor((chunkLengthOf(bytes, chunkAt) - 16) / 4);
  const count = Math.min(readU16(bytes, chunkAt + 12), room);
  return Array.from({ length: count }, (_, i) => ({
    first: (cumulative + readU16(bytes, chunkAt + 16 + 4 * i)) >>> 0,
    last: (cumulative + readU16(bytes, chunkAt + 18 + 4 * i)) >>> 0,
  }));
}

/** Writes type, flags and length of a chunk. */
export function writeChunkHeader(
  bytes: Uint8Array,
  chunkAt: number,
  type: number,
  flags: number,
  lengthBytes: number,
): void {
  bytes[chunkAt] = type;
  bytes[chunkAt + 1] = flags;
  writeU16(bytes, chunkAt + 2, lengthBytes);
}

/** Writes the common header of a packet whose chunks are there already, and its checksum. */
export function finishSctp(
  bytes: Uint8Array,
  at: number,
  end: number,
  sourcePort: number,
  destinationPort: number,
  tag: number,
): void {
  writeU16(bytes, at, sourcePort);
  writeU16(bytes, at + 2, destinationPort);
  writeU32(bytes, at + 4, tag);
  finishSctpChecksum(bytes, at, end);
}

/** Computes the checksum and writes it. */
export function finishSctpChecksum(bytes: Uint8Array, at: number, end: number): void {
  const checksum = checksumOver(bytes, at, end);
  bytes[at + 8] = checksum;
  bytes[at + 9] = checksum >>> 8;
  bytes[at + 10] = checksum >>> 16;
  bytes[at + 11] = checksum >>> 24;
}

/** True when the checksum is right. */
export function isSctpChecksumRight(bytes: Uint8Array, at: number, end: number): boolean {
  const written =
    (bytes[at + 8]! | (bytes[at + 9]! << 8) | (bytes[at + 10]! << 16) | (bytes[at + 11]! << 24)) >>>
    0;
  return written === checksumOver(bytes, at, end);
}

/** CRC-32c of the packet, its checksum field taken for zeros; unsigned. */
function checksumOver(bytes: Uint8Array, at: number, end: number): number {
  let crc = crcOver(bytes, at, at + 8, -1);
  for (let i = 0; i < 4; i++) crc = CRC_TABLE[crc & 255]! ^ (crc >>> 8);
  return ~crcOver(bytes, at + SCTP_HEADER_BYTES, end, crc) >>> 0;
}

function crcOver(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let crc = initial;
  for (let i = start; i < end; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return crc;
}

/** Castagnoli's polynomial, bits reversed, byte by byte. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  return crc;
});
