/**
 * The UDP header (RFC 768). `at` is the offset of its first byte.
 *
 * A checksum of 0 means that the sender computed none; adjusting it leaves it 0. A computed 0 is sent
 * as 0xffff. Docker's VXLAN devices do compute it: libnetwork leaves out IFLA_VXLAN_UDP_CSUM, and
 * without it the kernel's default is on.
 */
import { readU16, writeU16 } from './bytes.ts';
import {
  adjustChecksum16,
  adjustChecksumForAddress,
  foldChecksum,
  pseudoHeaderSum,
  sumBytes,
} from './checksum.ts';
import type { IpAddress } from './ip-address.ts';

/** Length of the UDP header. */
export const UDP_HEADER_BYTES = 8;

const UDP_PROTOCOL = 17;

/** The meaning of a UDP header; `lengthBytes` covers header and payload. */
export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly lengthBytes: number;
  readonly checksum: number;
}

/** The source port. */
export function sourcePortOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at);
}

/** The destination port. */
export function destinationPortOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2);
}

/** Header and payload, in bytes. */
export function lengthOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 4);
}

/** The checksum as it stands there; 0 when the sender computed none. */
export function checksumOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 6);
}

/** Writes the source port and adjusts the checksum. */
export function setSourcePort(bytes: Uint8Array, at: number, port: number): void {
  adjustUdpChecksum16(bytes, at, sourcePortOf(bytes, at), port);
  writeU16(bytes, at, port);
}

/** Writes the destination port and adjusts the checksum. */
export function setDestinationPort(bytes: Uint8Array, at: number, port: number): void {
  adjustUdpChecksum16(bytes, at, destinationPortOf(bytes, at), port);
  writeU16(bytes, at + 2, port);
}

/** Adjusts the checksum after an address of the pseudo header changed. */
export function adjustUdpForAddress(
  bytes: Uint8Array,
  at: number,
  oldAddress: IpAddress,
  newAddress: IpAddress,
): void {
  const checksum = checksumOf(bytes, at);
  if (checksum === 0) return;
  writeU16(bytes, at + 6, adjustChecksumForAddress(checksum, oldAddress, newAddress) || 0xffff);
}

/** Writes the 8 bytes of a header. */
export function writeUdpHeader(
  bytes: Uint8Array,
  at: number,
  sourcePort: number,
  destinationPort: number,
  lengthBytes: number,
  checksum: number,
): void {
  writeU16(bytes, at, sourcePort);
  writeU16(bytes, at + 2, destinationPort);
  writeU16(bytes, at + 4, lengthBytes);
  writeU16(bytes, at + 6, checksum);
}

/** Computes the checksum over pseudo header and `lengthBytes` from the header on; writes it. */
export function finishUdpChecksum(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): void {
  writeU16(bytes, at + 6, 0);
  const pseudo = pseudoHeaderSum(source, destination, UDP_PROTOCOL, lengthBytes);
  const checksum = foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo));
  writeU16(bytes, at + 6, checksum || 0xffff);
}

/** True when the checksum is right or was not computed. */
export function isUdpChecksumRight(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  source: IpAddress,
  destination: IpAddress,
): boolean {
  if (checksumOf(bytes, at) === 0) return true;
  const pseudo = pseudoHeaderSum(source, destination, UDP_PROTOCOL, lengthBytes);
  return foldChecksum(sumBytes(bytes, at, at + lengthBytes, pseudo)) === 0;
}

/** The header at `at`; `undefined` when cut short or when its length is impossible. */
export function parseUdp(bytes: Uint8Array, at: number, end: number): UdpHeader | undefined {
  if (end - at < UDP_HEADER_BYTES) return undefined;
  const lengthBytes = lengthOf(bytes, at);
  if (lengthBytes < UDP_HEADER_BYTES || lengthBytes > end - at) return undefined;
  return {
    sourcePort: sourcePortOf(bytes, at),
    destinationPort: destinationPortOf(bytes, at),
    lengthBytes,
    checksum: checksumOf(bytes, at),
  };
}

function adjustUdpChecksum16(bytes: Uint8Array, at: number, old: number, now: number): void {
  const checksum = checksumOf(bytes, at);
  if (checksum === 0) return;
  writeU16(bytes, at + 6, adjustChecksum16(checksum, old, now) || 0xffff);
}
