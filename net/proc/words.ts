/**
 * How the kernel writes addresses and numbers in `/proc/net`: hexadecimal words in the order of the
 * machine's bytes (x86 is little-endian).
 */
import { type IpAddress, ipv6Words, isIpv6Address } from '../../wire/ip-address.ts';

/** `%08X` with any width. */
export function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** An address as its words lie in memory: `0100007F`, four of them for IPv6. */
export function addressHex(address: IpAddress): string {
  if (!isIpv6Address(address)) return hex(swapped(address), 8);
  return Array.from(ipv6Words(address), (word) => hex(swapped(word), 8)).join('');
}

/** The bytes of a 32-bit word turned round. */
function swapped(word: number): number {
  const [a, b, c, d] = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
  return ((d << 24) | (c << 16) | (b << 8) | a) >>> 0;
}
