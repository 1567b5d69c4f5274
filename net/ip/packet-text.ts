/**
 * A packet in one line for ways and logs, close to what tcpdump prints: protocol, addresses, ports.
 */
import { readU16 } from '../../wire/bytes.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  protocolOf,
  sourceOf,
} from '../../wire/ip.ts';
import { formatIp, formatIpPort } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import type { Packet } from '../packet.ts';

const NAMES = new Map<number, string>(
  Object.entries(IpProtocol).map(([name, number]) => [number, name.toUpperCase()]),
).set(NextHeader.icmpv6, 'ICMPv6');

/** `TCP 10.0.0.2:34000 > 10.0.0.3:80`; `packet.start` is the IP header. */
export function packetText(packet: Packet): string {
  const { bytes, start, end } = packet;
  const protocol = protocolOf(bytes, start);
  const at = start + headerBytesOf(bytes, start);
  const hasPorts =
    (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) &&
    fragmentOffsetBytesOf(bytes, start) === 0 &&
    at + 4 <= end;
  const from = sourceOf(bytes, start);
  const to = destinationOf(bytes, start);
  const source = hasPorts ? formatIpPort(from, readU16(bytes, at)) : formatIp(from);
  const destination = hasPorts ? formatIpPort(to, readU16(bytes, at + 2)) : formatIp(to);
  return `${NAMES.get(protocol) ?? `protocol ${protocol}`} ${source} > ${destination}`;
}
