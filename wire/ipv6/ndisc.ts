/**
 * Neighbour discovery messages (RFC 4861): ICMPv6 bodies with a target and options. `at` is the
 * offset of the ICMPv6 header. Unknown options are passed over; one of length 0 spoils the message.
 */
import type { Mac } from '../addresses.ts';
import { readU48, writeU48 } from '../bytes.ts';
import { type IpAddress, readIpv6, writeIpv6 } from '../ip-address.ts';
import { Icmpv6Type, writeIcmpv6Header } from './icmpv6.ts';

/** Option types. */
const NdOption = {
  sourceLinkAddress: 1,
  targetLinkAddress: 2,
} as const;

/** Length of a link-layer address option for Ethernet. */
const LINK_OPTION_BYTES = 8;
/** Length of a solicitation or advertisement without options. */
const NEIGHBOUR_BYTES = 24;
const REDIRECT_BYTES = 40;

/** A neighbour solicitation or advertisement. */
export interface NeighbourMessage {
  readonly target: IpAddress;
  /** Who sends (solicitation) or has (advertisement) the address; undefined when it does not say. */
  readonly mac: Mac | undefined;
  readonly isRouter: boolean;
  readonly isSolicited: boolean;
  readonly isOverride: boolean;
}

/** A redirect. */
export interface RedirectMessage {
  readonly target: IpAddress;
  readonly destination: IpAddress;
  readonly mac: Mac | undefined;
}

/** Calls `take` for every option in [at, end); false when they are malformed. */
function walkOptions(
  bytes: Uint8Array,
  at: number,
  end: number,
  take: (type: number, at: number, lengthBytes: number) => void,
): boolean {
  let next = at;
  while (next + 2 <= end) {
    const lengthBytes = bytes[next + 1]! << 3;
    if (lengthBytes === 0 || next + lengthBytes > end) return false;
    take(bytes[next]!, next, lengthBytes);
    next += lengthBytes;
  }
  return next === end;
}

/** The link-layer address among the options; null when they are malformed. */
function linkAddressOf(
  bytes: Uint8Array,
  at: number,
  end: number,
  option: number,
): Mac | undefined | null {
  let mac: Mac | undefined;
  const isWhole = walkOptions(bytes, at, end, (type, here, lengthBytes) => {
    if (type === option && lengthBytes === LINK_OPTION_BYTES) mac = readU48(bytes, here + 2);
  });
  return isWhole ? mac : null;
}

/** The solicitation or advertisement in [at, end); undefined when it is malformed. */
export function parseNeighbourMessage(
  bytes: Uint8Array,
  at: number,
  end: number,
): NeighbourMessage | undefined {
  if (end - at < NEIGHBOUR_BYTES) return undefined;
  const isSolicitation = bytes[at] === Icmpv6Type.neighbourSolicitation;
  const option = isSolicitation ? NdOption.sourceLinkAddress : NdOption.targetLinkAddress;
  const mac = linkAddressOf(bytes, at + NEIGHBOUR_BYTES, end, option);
  if (mac === null) return undefined;
  const flags = isSolicitation ? 0 : bytes[at + 4]!;
  return {
    target: readIpv6(bytes, at + 8),
    mac,
    isRouter: (flags & 0x80) !== 0,
    isSolicited: (flags & 0x40) !== 0,
    isOverride: (flags & 0x20) !== 0,
  };
}

/** How long {@link writeNeighbourMessage} makes it, in bytes. */
export function neighbourMessageBytes(message: NeighbourMessage): number {
  return NEIGHBOUR_BYTES + (message.mac === undefined ? 0 : LINK_OPTION_BYTES);
}

/** Writes a solicitation or advertisement with checksum 0. */
export function writeNeighbourMessage(
  bytes: Uint8Array,
  at: number,
  type: number,
  message: NeighbourMessage,
): void {
  const { isRouter, isSolicited, isOverride, mac } = message;
  const flags = (isRouter ? 0x80 : 0) | (isSolicited ? 0x40 : 0) | (isOverride ? 0x20 : 0);
  writeIcmpv6Header(bytes, at, type, 0, (flags << 24) >>> 0);
  writeIpv6(bytes, at + 8, message.target);
  if (mac === undefined) return;
  const isSolicitation = type === Icmpv6Type.neighbourSolicitation;
  const option = isSolicitation ? NdOption.sourceLinkAddress : NdOption.targetLinkAddress;
  writeLinkOption(bytes, at + NEIGHBOUR_BYTES, option, mac);
}

function writeLinkOption(bytes: Uint8Array, at: number, option: number, mac: Mac): void {
  bytes[at] = option;
  bytes[at + 1] = 1;
  writeU48(bytes, at + 2, mac);
}

/** The redirect in [at, end); undefined when it is malformed. */
export function parseRedirect(
  bytes: Uint8Array,
  at: number,
  end: number,
): RedirectMessage | undefined {
  if (end - at < REDIRECT_BYTES) return undefined;
  const mac = linkAddressOf(bytes, at + REDIRECT_BYTES, end, NdOption.targetLinkAddress);
  if (mac === null) return undefined;
  return { target: readIpv6(bytes, at + 8), destination: readIpv6(bytes, at + 24), mac };
}

/** How long {@link writeRedirect} makes it, in bytes. */
export function redirectBytes(message: RedirectMessage): number {
  return REDIRECT_BYTES + (message.mac === undefined ? 0 : LINK_OPTION_BYTES);
}

/** Writes a redirect with checksum 0, without quoting the packet that caused it. */
export function writeRedirect(bytes: Uint8Array, at: number, message: RedirectMessage): void {
  writeIcmpv6Header(bytes, at, Icmpv6Type.redirect, 0, 0);
  writeIpv6(bytes, at + 8, message.target);
  writeIpv6(bytes, at + 24, message.destination);
  if (message.mac !== undefined) {
    writeLinkOption(bytes, at + REDIRECT_BYTES, NdOption.targetLinkAddress, message.mac);
  }
}
