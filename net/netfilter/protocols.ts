/**
 * Names of protocols and services that iptables takes and prints (`xtables_chain_protos`,
 * `/etc/services` as far as people write it in rules).
 */
import { portOfService } from '../services.ts';

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['tcp', 6],
  ['sctp', 132],
  ['udp', 17],
  ['udplite', 136],
  ['icmp', 1],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['esp', 50],
  ['ah', 51],
  ['mobility-header', 135],
  ['igmp', 2],
  ['ipencap', 4],
  ['ipip', 94],
  ['dccp', 33],
  ['ipv6', 41],
  ['gre', 47],
  ['ospf', 89],
  ['pim', 103],
  ['vrrp', 112],
  ['l2tp', 115],
];

const numberByName = new Map(PROTOCOLS);
const nameByNumber = new Map<number, string>();
for (const [name, number] of PROTOCOLS) {
  if (!nameByNumber.has(number)) nameByNumber.set(number, name);
}

/** The protocol that `-p` names; 0 for `all`, undefined when unknown. */
export function parseProtocol(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number <= 255 ? number : undefined;
  }
  const name = text.toLowerCase();
  return name === 'all' ? 0 : numberByName.get(name);
}

/** The name that `iptables-save` prints, or the number. */
export function protocolName(protocol: number): string {
  return nameByNumber.get(protocol) ?? String(protocol);
}

/**
 * A port number, or the name of a service of this protocol (`any` for whichever has it); undefined
 * when it is neither.
 */
export function parsePort(text: string, protocol = 'any'): number | undefined {
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) {
    const port = Number(text);
    return port <= 65_535 ? port : undefined;
  }
  return portOfService(text, protocol);
}

/** A number from 0 to 2^32-1 in decimal, hexadecimal or octal, as `xtables_strtoui` takes it. */
export function parseUnsigned32(text: string): number | undefined {
  let number: number;
  if (/^0x[0-9a-f]+$/i.test(text)) number = Number.parseInt(text, 16);
  else if (/^0[0-7]+$/.test(text)) number = Number.parseInt(text, 8);
  else if (/^\d+$/.test(text)) number = Number(text);
  else return undefined;
  return number <= 0xffff_ffff ? number : undefined;
}

/** `0x1f`, as iptables prints marks. */
export function hexText(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
