/**
 * Names of protocols (`/etc/protocols` of Debian 12 and `xtables_chain_protos`) and numbers, as iptables
 * takes and prints them.
 */
import { portOfService } from '../services.ts';

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
  ['ethernet', 143],
  ['icmpv6', 58],
  ['mh', 135],
  ['ip', 0],
];

const numberByName = new Map(PROTOCOLS);
const nameByNumber = new Map<number, string>();
for (const [name, number] of PROTOCOLS) {
  if (!nameByNumber.has(number)) nameByNumber.set(number, name);
}

/** The protocol that `-p` names; 0 for `all`, undefined when unknown. */
export function parseProtocol(text: string): number | undefined {
  const number = parseUnsigned32(text);
  if (number !== undefined) return number <= 255 ? number : undefined;
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
