/**
 * Names and numbers of IPv4's type of service and of the DSCP in its upper six bits, which IPv6 has in
 * its traffic class.
 * Mirrors `extensions/tos_values.c` and `dscp_helper.c`.
 */
import { isIpv6 } from '../../../wire/ip.ts';
import { tosOf } from '../../../wire/ipv4.ts';
import { trafficClassOf } from '../../../wire/ipv6/header.ts';
import type { MaskedValue } from '../options.ts';
import { parseUnsigned32 } from '../protocols.ts';

const TOS_NAMES: readonly (readonly [string, number])[] = [
  ['Minimize-Delay', 0x10],
  ['Maximize-Throughput', 0x08],
  ['Maximize-Reliability', 0x04],
  ['Minimize-Cost', 0x02],
  ['Normal-Service', 0],
];
const NAMED_MASK = 0x3f;

/** `0x10`, `0x10/0x3f`, `Minimize-Delay`; a string is iptables' error text. */
export function parseTos(text: string): MaskedValue | string {
  const named = TOS_NAMES.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (named !== undefined) return { value: named[1], mask: NAMED_MASK };
  const slash = text.indexOf('/');
  const value = parseUnsigned32(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 0xff : parseUnsigned32(text.slice(slash + 1));
  if (value === undefined || value > 255) return `Symbolic name "${text}" is unknown`;
  return mask === undefined || mask > 255 ? `Illegal value: "${text}"` : { value, mask };
}

/** `Minimize-Delay`; undefined for what has no name. */
export function tosName({ value, mask }: MaskedValue): string | undefined {
  if (mask !== NAMED_MASK) return undefined;
  return TOS_NAMES.find(([, named]) => named === value)?.[0];
}

/** The byte of the header that says how the packet is to be served, of either version. */
export function serviceByteOf(bytes: Uint8Array, at: number): number {
  return isIpv6(bytes, at) ? trafficClassOf(bytes, at) : tosOf(bytes, at);
}

/** `EF`, `CS1`, `AF31` as a DSCP; a string is iptables' error text. */
export function parseDscpClass(text: string): number | string {
  const name = text.toUpperCase();
  if (name === 'BE') return 0;
  if (name === 'EF') return 0x2e;
  const selector = /^CS([0-7])$/.exec(name);
  if (selector !== null) return Number(selector[1]) << 3;
  const assured = /^AF([1-4])([1-3])$/.exec(name);
  if (assured !== null) return (Number(assured[1]) << 3) | (Number(assured[2]) << 1);
  return `Invalid DSCP value \`${text}'`;
}

/** `0x0a`. */
export function byteText(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
