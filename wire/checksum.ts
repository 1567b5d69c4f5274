/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A NAT that changes one address adjusts the checksum instead of summing the packet again, as
 * Linux' `inet_proto_csum_replace4` does: a wrong checksum that came in goes out just as wrong.
 * A sum of 64 KiB stays below 2^32, so sums are plain numbers that are folded once at the end.
 */
import { addressSum, type IpAddress, isIpv6Address } from './ip-address.ts';

/** The unfolded sum of the big-endian 16-bit words in [start, end), an odd last byte padded. */
export function sumBytes(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  const evenEnd = start + ((end - start) & ~1);
  for (let at = start; at < evenEnd; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (evenEnd < end) sum += bytes[evenEnd]! << 8;
  return sum;
}

/** The checksum of an unfolded sum (below 2^32): folded to 16 bits and complemented. */
export function foldChecksum(sum: number): number {
  let folded = (sum & 0xffff) + (sum >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}

/** The checksum after one 16-bit word of what it covers changed (RFC 1624, equation 3). */
export function adjustChecksum16(checksum: number, oldWord: number, newWord: number): number {
  return foldChecksum((~checksum & 0xffff) + (~oldWord & 0xffff) + (newWord & 0xffff));
}

/** The checksum after one 32-bit word of what it covers changed. */
export function adjustChecksum32(checksum: number, old32: number, new32: number): number {
  return foldChecksum(
    (~checksum & 0xffff) + (~old32 & 0xffff) + (~old32 >>> 16) + (new32 & 0xffff) + (new32 >>> 16),
  );
}

/** The checksum after an address of either family, of the pseudo header or the header, changed. */
export function adjustChecksumForAddress(
  checksum: number,
  oldAddress: IpAddress,
  newAddress: IpAddress,
): number {
  if (!isIpv6Address(newAddress)) return adjustChecksum32(checksum, oldAddress, newAddress);
  // eight words of 16 bits each: their complements are 8 * 0xffff less their sum
  const removed = 8 * 0xffff - addressSum(oldAddress);
  return foldChecksum((~checksum & 0xffff) + removed + addressSum(newAddress));
}

/** The unfolded sum of the pseudo header of either version that transport checksums cover. */
export function pseudoHeaderSum(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  lengthBytes: number,
): number {
  if (isIpv6Address(destination)) {
    return addressSum(source) + addressSum(destination) + protocol + lengthBytes;
  }
  return (
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff) +
    protocol +
    lengthBytes
  );
}
