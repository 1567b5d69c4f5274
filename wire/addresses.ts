/**
 * MAC addresses, IPv4 addresses and prefixes as numbers, and their text.
 *
 * A number compares, hashes and indexes for free; text is made only when somebody reads it. The
 * text forms are those of `ip`, `bridge` and Docker: lower-case colon-separated MAC addresses,
 * dotted quads without leading zeros (as Go's `net.ParseIP` and `inet_pton` demand).
 */

/** A MAC address: an unsigned 48-bit integer. */
export type Mac = number;

/** An IPv4 address: an unsigned 32-bit integer. */
export type Ipv4Address = number;

/** An IPv4 prefix; `address` may have host bits set, {@link networkOf} clears them. */
export interface Prefix {
  readonly address: Ipv4Address;
  readonly lengthBits: number;
}

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff;

/** 0.0.0.0. */
export const ANY_ADDRESS: Ipv4Address = 0;

/** 127.0.0.1. */
export const LOOPBACK_ADDRESS: Ipv4Address = 0x7f00_0001;

const DOT = 46;
const ZERO = 48;

/** The address of a dotted quad; `undefined` when the text is anything else. */
export function parseIpv4Address(text: string): Ipv4Address | undefined {
  let address = 0;
  let octet = 0;
  let digitCount = 0;
  let octetCount = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digitCount === 0 || octetCount === 4) return undefined;
      address = address * 256 + octet;
      octetCount++;
      octet = 0;
      digitCount = 0;
    } else {
      if (code < ZERO || code > ZERO + 9 || (digitCount > 0 && octet === 0)) return undefined;
      octet = octet * 10 + code - ZERO;
      digitCount++;
      if (octet > 255) return undefined;
    }
  }
  return octetCount === 4 ? address : undefined;
}

/** The dotted quad of an address. */
export function formatIpv4Address(address: Ipv4Address): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The MAC address of `02:42:0a:00:00:02` (either case); `undefined` for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(':', ''), 16);
}

/** The MAC address as `ip` prints it. */
export function formatMac(mac: Mac): string {
  const digits = mac.toString(16).padStart(12, '0');
  return digits.replaceAll(/(..)(?!$)/g, '$1:');
}

/** Docker's generated MAC: 02:42 and the address (libnetwork `netutils.GenerateMACFromIP`). */
export function macOfIpv4(address: Ipv4Address): Mac {
  return 0x0242_0000_0000 + address;
}

/** True for broadcast and multicast MAC addresses: the group bit of the first octet. */
export function isGroupMac(mac: Mac): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1;
}

/** True for 224.0.0.0/4. */
export function isMulticastAddress(address: Ipv4Address): boolean {
  return address >>> 28 === 14;
}

/** True for 127.0.0.0/8. */
export function isLoopbackAddress(address: Ipv4Address): boolean {
  return address >>> 24 === 127;
}

/** The prefix of `10.0.0.0/24`; `undefined` without a length or for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIpv4Address(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,2}$/.test(length)) return undefined;
  const lengthBits = Number(length);
  return lengthBits > 32 ? undefined : { address, lengthBits };
}

/** The prefix as `10.0.0.0/24`, host bits as they are. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIpv4Address(prefix.address)}/${prefix.lengthBits}`;
}

/** The netmask of so many bits (0 to 32), unsigned. */
export function prefixMask(lengthBits: number): number {
  return lengthBits === 0 ? 0 : (-1 << (32 - lengthBits)) >>> 0;
}

/** True when the address is within the prefix. */
export function prefixContains(prefix: Prefix, address: Ipv4Address): boolean {
  return ((address ^ prefix.address) & prefixMask(prefix.lengthBits)) === 0;
}

/** True when the two prefixes share an address. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return ((a.address ^ b.address) & prefixMask(Math.min(a.lengthBits, b.lengthBits))) === 0;
}

/** The first address of the prefix: host bits cleared. */
export function networkOf(prefix: Prefix): Ipv4Address {
  return (prefix.address & prefixMask(prefix.lengthBits)) >>> 0;
}

/** The last address of the prefix: host bits set. */
export function broadcastOf(prefix: Prefix): Ipv4Address {
  return (prefix.address | ~prefixMask(prefix.lengthBits)) >>> 0;
}
