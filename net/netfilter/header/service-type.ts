/**
 * Names and numbers of IPv4's type of service and of the DSCP in its upper six bits.
 * Mirrors `extensions/tos_values.c` and `dscp_helper.c`.
 */
import type { MaskedValue } from '../options.ts';
import { parseUnsigned32 } from '../protocols.ts';

const TOS_NAMES: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0,
};

/** `0x10`, `0x10/0x3f`, `Minimize-Delay`; a string is iptables' error text. */
export function parseTos(text: string): MaskedValue | string {
  const named = TOS_NAMES[text.toLowerCase()];
  if (named !== undefined) return { value: named, mask: 0x3f };
  const slash = text.indexOf('/');
  const value = parseUnsigned32(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 0xff : parseUnsigned32(text.slice(slash + 1));
  if (value === undefined || mask === undefined || value > 255 || mask > 255) {
    return `Symbolic name "${text}" is unknown`;
  }
  return { value, mask };
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
