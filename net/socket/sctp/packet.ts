/**
 * Building SCTP packets: chunks behind a common header and a header of either version of IP.
 *
 * Don't-fragment is set on what the path takes whole; a chunk that got its TSN before the path became
 * shorter goes out in IP fragments, as Linux sends it.
 */
import { writeU16, writeU32 } from '../../../wire/bytes.ts';
import { plainHeaderBytes, writeIpHeader } from '../../../wire/ip.ts';
import { type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkFlag,
  ChunkType,
  ErrorCause,
  finishSctp,
  INIT_BYTES,
  type InitFields,
  InitParameter,
  paddedBytes,
  writeChunkHeader,
  writeInit,
} from '../../../wire/sctp.ts';
import { Packet } from '../../packet.ts';
import { headersBytesTo } from './constants.ts';

const TTL_DEFAULT = 64;

/** The two ends of an association, seen from here. */
export interface SctpEnds {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
}

/** A whole packet, ready for IP; `tag` is the verification tag that the receiver expects. */
export function packetOf(
  ends: SctpEnds,
  tag: number,
  chunks: readonly Uint8Array[],
  identification: number,
  mtuBytes: number,
): Packet {
  let chunkBytes = 0;
  for (const chunk of chunks) chunkBytes += paddedBytes(chunk.length);
  const headersBytes = headersBytesTo(ends.remoteAddress);
  const totalLengthBytes = headersBytes + chunkBytes;
  const packet = Packet.allocate(totalLengthBytes);
  const { bytes, start, end } = packet;
  let at = start + headersBytes;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += paddedBytes(chunk.length);
  }
  finishSctp(
    bytes,
    start + plainHeaderBytes(ends.remoteAddress),
    end,
    ends.localPort,
    ends.remotePort,
    tag,
  );
  writeIpHeader(bytes, start, {
    totalLengthBytes,
    identification,
    dontFragment: totalLengthBytes <= mtuBytes,
    ttl: TTL_DEFAULT,
    protocol: IpProtocol.sctp,
    source: ends.localAddress,
    destination: ends.remoteAddress,
  });
  return packet;
}

/** A chunk of a value, without the padding behind it. */
export function chunkOf(
  type: number,
  value: Uint8Array = new Uint8Array(0),
  flags = 0,
): Uint8Array {
  const chunk = new Uint8Array(CHUNK_HEADER_BYTES + value.length);
  writeChunkHeader(chunk, 0, type, flags, chunk.length);
  chunk.set(value, CHUNK_HEADER_BYTES);
  return chunk;
}

/**
 * INIT as Linux sends it to an address: of addresses it can use IPv4 alone, or both on a socket of IPv6;
 * able to do ECN and partial reliability.
 */
export function initChunk(fields: InitFields, to: IpAddress): Uint8Array {
  const chunk = new Uint8Array(INIT_BYTES + 8 + 4 + 4);
  writeChunkHeader(chunk, 0, ChunkType.init, 0, chunk.length);
  writeInit(chunk, 0, fields);
  const types = isIpv6Address(to) ? [AddressType.ipv6, AddressType.ipv4] : [AddressType.ipv4];
  const lengthBytes = 4 + 2 * types.length;
  writeParameter(chunk, INIT_BYTES, InitParameter.supportedAddressTypes, lengthBytes);
  for (const [index, type] of types.entries()) writeU16(chunk, INIT_BYTES + 4 + 2 * index, type);
  writeParameter(chunk, INIT_BYTES + 8, InitParameter.ecnCapable, 4);
  writeParameter(chunk, INIT_BYTES + 12, InitParameter.forwardTsnSupported, 4);
  return chunk;
}

/** INIT ACK with its cookie. */
export function initAckChunk(fields: InitFields, cookie: Uint8Array): Uint8Array {
  const cookieAt = INIT_BYTES;
  const chunk = new Uint8Array(cookieAt + 4 + cookie.length + 8);
  writeChunkHeader(chunk, 0, ChunkType.initAck, 0, chunk.length);
  writeInit(chunk, 0, fields);
  writeParameter(chunk, cookieAt, InitParameter.stateCookie, 4 + cookie.length);
  chunk.set(cookie, cookieAt + 4);
  const behind = cookieAt + 4 + cookie.length;
  writeParameter(chunk, behind, InitParameter.ecnCapable, 4);
  writeParameter(chunk, behind + 4, InitParameter.forwardTsnSupported, 4);
  return chunk;
}

const AddressType = { ipv4: 5, ipv6: 6 } as const;

function writeParameter(bytes: Uint8Array, at: number, type: number, lengthBytes: number): void {
  writeU16(bytes, at, type);
  writeU16(bytes, at + 2, lengthBytes);
}

/** A chunk whose value is one 32-bit number: SHUTDOWN with the cumulative TSN. */
export function shutdownChunk(cumulativeTsn: number): Uint8Array {
  const value = new Uint8Array(4);
  writeU32(value, 0, cumulativeTsn);
  return chunkOf(ChunkType.shutdown, value);
}

/** ABORT by the program. */
export function abortChunk(): Uint8Array {
  const cause = new Uint8Array(4);
  writeU16(cause, 0, ErrorCause.userInitiatedAbort);
  writeU16(cause, 2, 4);
  return chunkOf(ChunkType.abort, cause);
}

/** ABORT and SHUTDOWN COMPLETE for who has no association here; the tag is then the sender's own. */
export function reflectedChunk(type: ChunkType): Uint8Array {
  return chunkOf(type, new Uint8Array(0), ChunkFlag.reflectedTag);
}
