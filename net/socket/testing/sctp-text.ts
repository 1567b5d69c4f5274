/**
 * SCTP packets as lines of a transcript: the chunks by name, and of DATA and SACK what counts. TSNs are
 * told by their last two digits.
 */
import { readU16, readU32 } from '../../../wire/bytes.ts';
import { totalLengthOf } from '../../../wire/ipv4.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkFlag,
  ChunkType,
  chunkFlagsOf,
  chunkLengthOf,
  chunkTypeOf,
  DATA_HEADER_BYTES,
  gapBlocksOf,
  isSctpChecksumRight,
  nextChunkAt,
  SCTP_HEADER_BYTES,
} from '../../../wire/sctp.ts';
import type { Packet } from '../../packet.ts';

const NAMES = Object.fromEntries(Object.entries(ChunkType).map(([name, type]) => [type, name]));

/** ` sack 02 +04-05, data 06 len 100 BE`; a blank in front. */
export function describeSctp(packet: Packet, at: number): string {
  const { bytes, start } = packet;
  const end = start + totalLengthOf(bytes, start);
  if (!isSctpChecksumRight(bytes, at, end)) return ' with a wrong checksum';
  const parts: string[] = [];
  let chunkAt = at + SCTP_HEADER_BYTES;
  while (end - chunkAt >= CHUNK_HEADER_BYTES) {
    parts.push(describeChunk(bytes, chunkAt));
    chunkAt = nextChunkAt(bytes, chunkAt);
  }
  return ` ${parts.join(', ')}`;
}

function describeChunk(bytes: Uint8Array, at: number): string {
  const type = chunkTypeOf(bytes, at);
  const flags = chunkFlagsOf(bytes, at);
  const name = NAMES[type] ?? String(type);
  if (type === ChunkType.data) {
    const place = (flags & ChunkFlag.first ? 'B' : '') + (flags & ChunkFlag.last ? 'E' : '');
    const payloadBytes = chunkLengthOf(bytes, at) - DATA_HEADER_BYTES;
    return `${name} ${shortTsn(readU32(bytes, at + 4))} len ${payloadBytes} ${place}`.trim();
  }
  if (type === ChunkType.sack) {
    const gaps = gapBlocksOf(bytes, at).map((b) => ` +${shortTsn(b.first)}-${shortTsn(b.last)}`);
    const duplicateCount = readU16(bytes, at + 14);
    const duplicates = duplicateCount === 0 ? '' : ` ${duplicateCount} twice`;
    return `${name} ${shortTsn(readU32(bytes, at + 4))}${gaps.join('')}${duplicates}`;
  }
  const isReflected =
    (type === ChunkType.abort || type === ChunkType.shutdownComplete) &&
    (flags & ChunkFlag.reflectedTag) !== 0;
  return isReflected ? `${name} (tag reflected)` : name;
}

function shortTsn(tsn: number): string {
  return (tsn & 0xff).toString(16).padStart(2, '0');
}
