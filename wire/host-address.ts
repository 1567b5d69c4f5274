/**
 * Addresses of either family in one value: IPv4 as a number, IPv6 as its canonical text. Equal
 * addresses are identical, and IPv4 in its 16-byte form is IPv4, as for Go's `net.IP`.
 */
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from './addresses.ts';
import { readU32, writeU32 } from './bytes.ts';
import { formatIpv6Address, parseIpv6Address } from './ipv6/text.ts';

/** An address of either family. */
export type HostAddress = Ipv4Address | string;

const MAPPED = '::ffff:';

/** The address that 4 or 16 bytes are; `undefined` for other lengths. */
export function hostAddressOf(bytes: Uint8Array): HostAddress | undefined {
  if (bytes.length === 4) return readU32(bytes, 0);
  return bytes.length === 16 ? canonicalOf(bytes) : undefined;
}

/** The 4 or 16 bytes of an address. */
export function hostAddressBytes(address: HostAddress): Uint8Array {
  if (typeof address === 'string') return parseIpv6Address(address)!;
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, address);
  return bytes;
}

/** The address that a text is, with or without a zone; `undefined` when it is none. */
export function parseHostAddress(text: string): HostAddress | undefined {
  const [bare = ''] = text.split('%');
  const ipv6 = parseIpv6Address(bare);
  return ipv6 === undefined ? parseIpv4Address(text) : canonicalOf(ipv6);
}

/** The text of an address. */
export function formatHostAddress(address: HostAddress): string {
  return typeof address === 'string' ? address : formatIpv4Address(address);
}

/** The text of an address with a port: `127.0.0.1:7946`, `[::1]:7946`. */
export function formatHostPort(address: HostAddress, port: number): string {
  return typeof address === 'string'
    ? `[${address}]:${port}`
    : `${formatIpv4Address(address)}:${port}`;
}

function canonicalOf(bytes: Uint8Array): HostAddress {
  const text = formatIpv6Address(bytes, 0);
  return text.startsWith(MAPPED) && text.includes('.') ? readU32(bytes, 12) : text;
}
