/**
 * The checksum layer of packets: type byte 12 and the CRC-32 (IEEE) of what follows.
 *
 * memberlist adds it only where it knows that the target speaks protocol 5 (`net.go`
 * `rawSendMsgPacket`), and checks it only outside of everything else but encryption and label.
 */
import { readU32, writeU32 } from '../bytes.ts';
import { MessageType } from './message.ts';

/** What the layer takes. */
export const CRC_HEADER_BYTES = 5;

const table = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  table[i] = value;
}

/** The CRC-32 of a range of bytes, unsigned. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffff_ffff;
  for (let i = start; i < end; i++) crc = table[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** True when a checksum layer begins at `start`: shorter packets with its type byte are refused. */
export function hasCrcHeader(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= CRC_HEADER_BYTES && bytes[start] === MessageType.hasCrc;
}

/** The checksum that the layer at `start` claims. */
export function claimedCrcOf(bytes: Uint8Array, start: number): number {
  return readU32(bytes, start + 1);
}

/** The bytes with a checksum layer around them. */
export function addCrc(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(CRC_HEADER_BYTES + bytes.length);
  framed[0] = MessageType.hasCrc;
  writeU32(framed, 1, crc32(bytes, 0, bytes.length));
  framed.set(bytes, CRC_HEADER_BYTES);
  return framed;
}
