/**
 * Captures compared packet kind by packet kind: length, protocol and ends of each frame, outer ones
 * included, in order. A summary line of the lab (tshark's columns) and a simulated frame make the
 * same text: `148 VXLAN 4097 192.168.56.101 > 192.168.56.102, ICMP <CT1> > <CT2>`.
 *
 * Lengths of TCP segments are left out, because the simulated stack sends no timestamps.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { parseArp } from '../../wire/arp.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherTypeOf } from '../../wire/ethernet.ts';
import {
  destinationOf,
  hasMoreFragments,
  headerBytesOf,
  IpProtocol,
  protocolOf,
  sourceOf,
} from '../../wire/ipv4.ts';
import { flagsOf, TcpFlag } from '../../wire/tcp.ts';
import { destinationPortOf, UDP_HEADER_BYTES } from '../../wire/udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES, VXLAN_PORT } from '../../wire/vxlan.ts';
import type { Roles } from './mapping.ts';

/** The kind of an Ethernet frame. */
export function kindOfFrame(bytes: Uint8Array, start: number, end: number): string {
  return `${end - start} ${contentOf(bytes, start, end)}`;
}

/** The kinds on one interface in a capture of a summary file, named as in its `==` line. */
export function kindsOfSummary(
  summary: string,
  capture: string,
  device: string,
  roles: Roles,
): string[] {
  const section = summary.split(/^== /m).find((text) => text.startsWith(`${capture}.pcapng`));
  if (section === undefined) throw new Error(`the summary has no ${capture}`);
  const rows = section.split('\n').map((line) => line.split('|'));
  const own = rows.filter(([number, name]) => /^\d+$/.test(number!) && name === device);
  return own.map((row) => withRoles(kindOfRow(row), roles));
}

/** A kind with addresses as roles. */
export function withRoles(kind: string, roles: Roles): string {
  return kind.replaceAll(/\d+\.\d+\.\d+\.\d+/g, (address) => roles.get(address) ?? address);
}

function kindOfRow(columns: readonly string[]): string {
  const [, , , length, , , protocol, sources = '', destinations = '', vni, info = ''] = columns;
  if (protocol === 'ARP') return `${length} ${arpText(info)}`;
  const [from, innerFrom] = sources.split(',');
  const [to, innerTo] = destinations.split(',');
  const isFragment = info.startsWith('Fragmented');
  let name = isFragment ? 'fragment' : protocol!;
  if (protocol === 'TCP') name = `TCP ${/\[([A-Z, ]+)\] Seq/.exec(info)?.[1] ?? ''}`;
  if (innerFrom === undefined) return lengthOf(name, `${length} ${name} ${from} > ${to}`);
  const inner = lengthOf(name, `${name} ${innerFrom} > ${innerTo}`);
  return lengthOf(name, `${length} VXLAN ${vni} ${from} > ${to}, ${inner}`);
}

function arpText(info: string): string {
  const asks = /^Who has (\S+)\? Tell (\S+)$/.exec(info);
  if (asks !== null) return `ARP ${asks[2]} asks for ${asks[1]}`;
  return `ARP ${/^(\S+) is at/.exec(info)?.[1]} answers`;
}

function lengthOf(name: string, text: string): string {
  return name.startsWith('TCP') ? text.replace(/^\d+/, 'any') : text;
}

function contentOf(bytes: Uint8Array, start: number, end: number): string {
  const at = start + ETHERNET_HEADER_BYTES;
  if (etherTypeOf(bytes, start) === EtherType.arp) {
    const arp = parseArp(bytes, at, end)!;
    const sender = formatIpv4Address(arp.senderAddress);
    if (arp.operation !== 1) return `ARP ${sender} answers`;
    return `ARP ${sender} asks for ${formatIpv4Address(arp.targetAddress)}`;
  }
  const ends = `${formatIpv4Address(sourceOf(bytes, at))} > ${formatIpv4Address(destinationOf(bytes, at))}`;
  if (hasMoreFragments(bytes, at)) return `fragment ${ends}`;
  const transport = at + headerBytesOf(bytes, at);
  switch (protocolOf(bytes, at)) {
    case IpProtocol.icmp:
      return `ICMP ${ends}`;
    case IpProtocol.esp:
      return `ESP ${ends}`;
    case IpProtocol.tcp:
      return `TCP ${flagText(flagsOf(bytes, transport))} ${ends}`;
    default: {
      if (destinationPortOf(bytes, transport) !== VXLAN_PORT) return `UDP ${ends}`;
      const header = transport + UDP_HEADER_BYTES;
      const vni = parseVxlan(bytes, header, end);
      return `VXLAN ${vni} ${ends}, ${contentOf(bytes, header + VXLAN_HEADER_BYTES, end)}`;
    }
  }
}

function flagText(flags: number): string {
  const names = { fin: 'FIN', syn: 'SYN', rst: 'RST', psh: 'PSH', ack: 'ACK' } as const;
  return Object.entries(names)
    .filter(([name]) => (flags & TcpFlag[name as keyof typeof names]) !== 0)
    .map(([, text]) => text)
    .join(', ');
}
