/**
 * ARP for IPv4 over Ethernet (RFC 826): the 28 bytes behind an Ethernet header of type 0x0806.
 *
 * Linux takes only hardware type 1 and protocol type 0x0800 with lengths 6 and 4 on Ethernet
 * devices (`arp_process` in net/ipv4/arp.c); anything else is no ARP message here either.
 */
import type { Ipv4Address, Mac } from './addresses.ts';
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from './bytes.ts';

/** Length of an ARP message for IPv4 over Ethernet. */
export const ARP_BYTES = 28;

/** The two operations that hosts use. */
export const ArpOperation = { request: 1, reply: 2 } as const;
/** See {@link ArpOperation}. */
export type ArpOperation = (typeof ArpOperation)[keyof typeof ArpOperation];

/** Who asks or answers (`sender…`), and about whom (`target…`). */
export interface ArpMessage {
  /** Any 16-bit number; {@link ArpOperation} names those in use. */
  readonly operation: number;
  readonly senderMac: Mac;
  readonly senderAddress: Ipv4Address;
  readonly targetMac: Mac;
  readonly targetAddress: Ipv4Address;
}

/** The operation, without parsing the rest. */
function operationOf(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 6);
}

/** The sender's protocol address. */
function senderAddressOf(bytes: Uint8Array, at: number): Ipv4Address {
  return readU32(bytes, at + 14);
}

/** The address that is asked about. */
export function targetAddressOf(bytes: Uint8Array, at: number): Ipv4Address {
  return readU32(bytes, at + 24);
}

/** The message at `at`; `undefined` when it is cut short or not IPv4 over Ethernet. */
export function parseArp(bytes: Uint8Array, at: number, end: number): ArpMessage | undefined {
  if (end - at < ARP_BYTES) return undefined;
  if (readU32(bytes, at) !== 0x0001_0800 || readU16(bytes, at + 4) !== 0x0604) return undefined;
  return {
    operation: operationOf(bytes, at),
    senderMac: readU48(bytes, at + 8),
    senderAddress: senderAddressOf(bytes, at),
    targetMac: readU48(bytes, at + 18),
    targetAddress: targetAddressOf(bytes, at),
  };
}

/** Writes the 28 bytes of a message. */
export function writeArp(bytes: Uint8Array, at: number, message: ArpMessage): void {
  writeU32(bytes, at, 0x0001_0800);
  writeU16(bytes, at + 4, 0x0604);
  writeU16(bytes, at + 6, message.operation);
  writeU48(bytes, at + 8, message.senderMac);
  writeU32(bytes, at + 14, message.senderAddress);
  writeU48(bytes, at + 18, message.targetMac);
  writeU32(bytes, at + 24, message.targetAddress);
}
