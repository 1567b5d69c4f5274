/**
 * Addresses of either family as one number, so that tables, tuples and sockets need not know which.
 *
 * An IPv4 address is its 32-bit integer. An IPv6 address is a number above that: 52 bits that a hash
 * makes of its 16 bytes, which are remembered here under it. Equal addresses are identical numbers in
 * every process, whatever was seen before; so they compare, hash and index as IPv4 addresses do, and
 * IPv4 pays for the other family with one comparison. (Two addresses with one hash, which nobody will
 * live to see, would get numbers in the order of their appearance.)
 */
import { formatIpv4Address, parseIpv4Address, prefixMask } from './addresses.ts';
import { readU32, writeU32 } from './bytes.ts';
import { formatIpv6Address, parseIpv6Address } from './ipv6/text.ts';

/** An IPv4 address below 2^32, or the number of an IPv6 address. */
export type IpAddress = number;

/** A prefix of either family; `address` may have host bits set. */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly lengthBits: number;
}

const IPV4_MAX = 0xffff_ffff;
const TWO_32 = 0x1_0000_0000;

/** What is remembered of an IPv6 address: four words, their checksum sum, its text once asked for. */
interface Known {
  /** Unsigned 32-bit words, the first one first. */
  readonly words: Uint32Array;
  /** The sum of its eight 16-bit words. */
  readonly sum: number;
  text: string | undefined;
}

const knownByNumber = new Map<number, Known>();

/** The number of the address with these words. */
export function ipv6Of(a: number, b: number, c: number, d: number): IpAddress {
  let low = Math.imul(a ^ (d << 13) ^ (d >>> 19), 0x9e3779b1) ^ b;
  low = Math.imul(low ^ (low >>> 15), 0x85ebca6b) ^ c;
  low = Math.imul(low ^ (low >>> 13), 0xc2b2ae35) ^ d;
  low ^= low >>> 16;
  let high = Math.imul(d ^ 0x27d4eb2f, 0x165667b1) ^ Math.imul(c, 0x9e3779b1);
  high = Math.imul(high ^ (high >>> 14), 0x85ebca6b) ^ Math.imul(a ^ b, 0xc2b2ae35);
  let number = (1 + (high >>> 12)) * TWO_32 + (low >>> 0);
  for (;;) {
    const known = knownByNumber.get(number);
    if (known === undefined) {
      const words = Uint32Array.of(a, b, c, d);
      knownByNumber.set(number, { words, sum: sumOf(words), text: undefined });
      return number;
    }
    const { words } = known;
    if (words[0] === a >>> 0 && words[1] === b >>> 0 && words[2] === c >>> 0) {
      if (words[3] === d >>> 0) return number;
    }
    number++;
  }
}

function sumOf(words: Uint32Array): number {
  let sum = 0;
  for (const word of words) sum += (word >>> 16) + (word & 0xffff);
  return sum;
}

function knownOf(address: IpAddress): Known {
  return knownByNumber.get(address)!;
}

/** `::`. */
export const ANY_IPV6: IpAddress = ipv6Of(0, 0, 0, 0);
/** `::1`. */
export const LOOPBACK_IPV6: IpAddress = ipv6Of(0, 0, 0, 1);
/** `ff02::1`. */
export const ALL_NODES: IpAddress = ipv6Of(0xff02_0000, 0, 0, 1);
/** `ff02::2`. */
export const ALL_ROUTERS: IpAddress = ipv6Of(0xff02_0000, 0, 0, 2);

/** True for the number of an IPv6 address. */
export function isIpv6Address(address: IpAddress): boolean {
  return address > IPV4_MAX;
}

/** True for `0.0.0.0` and `::`. */
export function isUnspecified(address: IpAddress): boolean {
  return address === 0 || address === ANY_IPV6;
}

/** `0.0.0.0` or `::`, of the family of `address`. */
export function anyAddressLike(address: IpAddress): IpAddress {
  return address > IPV4_MAX ? ANY_IPV6 : 0;
}

/** The IPv6 address at `at`. */
export function readIpv6(bytes: Uint8Array, at: number): IpAddress {
  return ipv6Of(
    readU32(bytes, at),
    readU32(bytes, at + 4),
    readU32(bytes, at + 8),
    readU32(bytes, at + 12),
  );
}

/** The address that 4 or 16 bytes are; `undefined` for other lengths. */
export function ipOfBytes(bytes: Uint8Array): IpAddress | undefined {
  if (bytes.length === 4) return readU32(bytes, 0);
  return bytes.length === 16 ? readIpv6(bytes, 0) : undefined;
}

/** Writes the 16 bytes of an IPv6 address. */
export function writeIpv6(bytes: Uint8Array, at: number, address: IpAddress): void {
  const { words } = knownOf(address);
  for (let i = 0; i < 4; i++) writeU32(bytes, at + 4 * i, words[i]!);
}

/** The 4 or 16 bytes of an address. */
export function ipBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(address > IPV4_MAX ? 16 : 4);
  if (address > IPV4_MAX) writeIpv6(bytes, 0, address);
  else writeU32(bytes, 0, address);
  return bytes;
}

/** The unsigned 32-bit words of an IPv6 address; not to be changed. */
export function ipv6Words(address: IpAddress): Uint32Array {
  return knownOf(address).words;
}

/** The sum of an address' 16-bit words, for the checksums that cover it. */
export function addressSum(address: IpAddress): number {
  if (address <= IPV4_MAX) return (address >>> 16) + (address & 0xffff);
  return knownOf(address).sum;
}

/** The address of a text of either family; `undefined` when it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) return parseIpv4Address(text);
  const bytes = parseIpv6Address(text);
  return bytes === undefined ? undefined : readIpv6(bytes, 0);
}

/** The canonical text of an address. */
export function formatIp(address: IpAddress): string {
  if (address <= IPV4_MAX) return formatIpv4Address(address);
  const known = knownOf(address);
  known.text ??= formatIpv6Address(ipBytes(address), 0);
  return known.text;
}

/** The text of an address with a port: `10.0.0.1:80`, `[::1]:80`. */
export function formatIpPort(address: IpAddress, port: number | string): string {
  return address > IPV4_MAX ? `[${formatIp(address)}]:${port}` : `${formatIp(address)}:${port}`;
}

/** The prefix of `10.0.0.0/24` or `fd00::/64`; `undefined` without a length or for anything else. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,3}$/.test(length)) return undefined;
  const lengthBits = Number(length);
  return lengthBits > addressBits(address) ? undefined : { address, lengthBits };
}

/** The prefix as text, host bits as they are. */
export function formatIpPrefix(prefix: IpPrefix): string {
  return `${formatIp(prefix.address)}/${prefix.lengthBits}`;
}

/** How many bits an address of this family has. */
export function addressBits(address: IpAddress): number {
  return address > IPV4_MAX ? 128 : 32;
}

/** The first address of a prefix: host bits cleared. */
export function maskedIp(address: IpAddress, lengthBits: number): IpAddress {
  if (address <= IPV4_MAX) return (address & prefixMask(lengthBits)) >>> 0;
  if (lengthBits === 128) return address;
  const { words } = knownOf(address);
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => (words[i]! & maskWord(lengthBits, i)) >>> 0);
  return ipv6Of(a!, b!, c!, d!);
}

/** The bits of an address that a mask of its family has. */
export function ipMaskedBy(address: IpAddress, mask: IpAddress): IpAddress {
  if (address <= IPV4_MAX) return (address & mask) >>> 0;
  const words = ipv6Words(address);
  const [a, b, c, d] = ipv6Words(mask).map((word, i) => (word & words[i]!) >>> 0);
  return ipv6Of(a!, b!, c!, d!);
}

/** The `index`th word of a mask of `lengthBits` ones. */
function maskWord(lengthBits: number, index: number): number {
  return prefixMask(Math.min(Math.max(lengthBits - 32 * index, 0), 32));
}

/** The last address of a prefix: host bits set. */
export function lastIpOf({ address, lengthBits }: IpPrefix): IpAddress {
  if (address <= IPV4_MAX) return (address | ~prefixMask(lengthBits)) >>> 0;
  const { words } = knownOf(address);
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => (words[i]! | ~maskWord(lengthBits, i)) >>> 0);
  return ipv6Of(a!, b!, c!, d!);
}

/** True when the address is within the prefix; never across families. */
export function isInPrefix(
  { address: network, lengthBits }: IpPrefix,
  address: IpAddress,
): boolean {
  if (network <= IPV4_MAX) {
    return address <= IPV4_MAX && ((address ^ network) & prefixMask(lengthBits)) === 0;
  }
  return address > IPV4_MAX && commonPrefixBits(network, address) >= lengthBits;
}

/** True when the two prefixes share an address. */
export function ipPrefixesOverlap(a: IpPrefix, b: IpPrefix): boolean {
  return isInPrefix(
    { address: a.address, lengthBits: Math.min(a.lengthBits, b.lengthBits) },
    b.address,
  );
}

/** How many leading bits two addresses of one family share. */
export function commonPrefixBits(a: IpAddress, b: IpAddress): number {
  if (a <= IPV4_MAX) return Math.clz32(a ^ b);
  const left = knownOf(a).words;
  const right = knownOf(b).words;
  for (let i = 0; i < 4; i++) {
    const difference = left[i]! ^ right[i]!;
    if (difference !== 0) return 32 * i + Math.clz32(difference);
  }
  return 128;
}

/** Negative, 0 or positive: IPv4 first, then by value. */
export function compareIps(a: IpAddress, b: IpAddress): number {
  if (a <= IPV4_MAX || b <= IPV4_MAX) return a - b;
  const left = knownOf(a).words;
  const right = knownOf(b).words;
  for (let i = 0; i < 4; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return 0;
}

/** The integer that an address is, for counting in pools. */
export function ipToInteger(address: IpAddress): bigint {
  let integer = 0n;
  for (const byte of ipBytes(address)) integer = (integer << 8n) | BigInt(byte);
  return integer;
}

/** The IPv6 address that an integer is. */
export function ipv6OfInteger(integer: bigint): IpAddress {
  const word = (index: number) => Number((integer >> BigInt(32 * (3 - index))) & 0xffff_ffffn);
  return ipv6Of(word(0), word(1), word(2), word(3));
}
