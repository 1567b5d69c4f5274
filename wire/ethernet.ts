/**
 * The Ethernet II header: destination, source, type. `at` is the offset of the header's first byte.
 *
 * A VLAN tag is no part of this header here: behind type 0x8100 stands the tag, whose accessors are
 * below, and then the real type, as in IEEE 802.1Q.
 */
import type { Mac } from './addresses.ts';
import { readU16, readU48, writeU16, writeU48 } from './bytes.ts';

/** Length of the header without a VLAN tag. */
export const ETHERNET_HEADER_BYTES = 14;

/** Length of an 802.1Q tag: the priority and VLAN id, and the type of what follows. */
export const VLAN_TAG_BYTES = 4;

/** Types that swarmlab knows; the wire's numbers. */
export const EtherType = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
/** See {@link EtherType}. */
export type EtherType = (typeof EtherType)[keyof typeof EtherType];

/** The meaning of an Ethernet header; `etherType` is any 16-bit number. */
export interface EthernetHeader {
  readonly destination: Mac;
  readonly source: Mac;
  readonly etherType: number;
}

/** The destination MAC address. */
export function destinationMacOf(bytes: Uint8Array, at: number): Mac {
  return readU48(bytes, at);
}

/** The source MAC address. */
export function sourceMacOf(bytes: Uint8Array, at: number): Mac {
  return readU48(bytes, at + 6);
}

/** The type of what follows the header. */
export function etherTypeOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 12);
}

/** The VLAN id (12 bits) of a frame whose type is `vlan`. */
export function vlanIdOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + ETHERNET_HEADER_BYTES) & 0xfff;
}

/** The type of what follows the VLAN tag. */
export function vlanEtherTypeOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + ETHERNET_HEADER_BYTES + 2);
}

/** Writes the destination MAC address. */
export function setDestinationMac(bytes: Uint8Array, at: number, mac: Mac): void {
  writeU48(bytes, at, mac);
}

/** Changes the sender's MAC address. */
export function setSourceMac(bytes: Uint8Array, at: number, mac: Mac): void {
  writeU48(bytes, at + 6, mac);
}

/** Writes the 14 bytes of a header. */
export function writeEthernetHeader(
  bytes: Uint8Array,
  at: number,
  destination: Mac,
  source: Mac,
  etherType: number,
): void {
  writeU48(bytes, at, destination);
  writeU48(bytes, at + 6, source);
  writeU16(bytes, at + 12, etherType);
}

/** Writes the 4 bytes of an 802.1Q tag with priority 0; `at` is the tag's own offset. */
export function writeVlanTag(
  bytes: Uint8Array,
  at: number,
  vlanId: number,
  etherType: number,
): void {
  writeU16(bytes, at, vlanId & 0xfff);
  writeU16(bytes, at + 2, etherType);
}

/** The header at `at`; `undefined` when fewer than 14 bytes are left before `end`. */
export function parseEthernet(
  bytes: Uint8Array,
  at: number,
  end: number,
): EthernetHeader | undefined {
  if (end - at < ETHERNET_HEADER_BYTES) return undefined;
  return {
    destination: destinationMacOf(bytes, at),
    source: sourceMacOf(bytes, at),
    etherType: etherTypeOf(bytes, at),
  };
}
