/**
 * A packet in one line for ways and logs, close to what tcpdump prints: protocol, addresses, ports.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { readU16 } from '../../wire/bytes.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  IpProtocol,
  protocolOf,
  sourceOf,
} from '../../wire/ipv4.ts';
import type { Packet } from '../packet.ts';

const NAMES = new Map<number, string>(
  Object.entries(IpProtocol).map(([name, number]) => [number, name.toUpperCase()]),
);

/** `TCP 10.0.0.2:34000 > 10.0.0.3:80`; `packet.start` is the IPv4 header. */
export function packetText(packet: Packet): string {
  const { bytes, start, end } = packet;
  const protocol = protocolOf(bytes, start);
  const at = start + headerBytesOf(bytes, start);
  const hasPorts =
    (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) &&
    fragmentOffsetBytesOf(bytes, start) === 0 &&
    at + 4 <= end;
  const sourcePort = hasPorts ? `:${readU16(bytes, at)}` : '';
  const destinationPort = hasPorts ? `:${readU16(bytes, at + 2)}` : '';
  const source = `${formatIpv4Address(sourceOf(bytes, start))}${sourcePort}`;
  const destination = `${formatIpv4Address(destinationOf(bytes, start))}${destinationPort}`;
  return `${NAMES.get(protocol) ?? `protocol ${protocol}`} ${source} > ${destination}`;
}
