/**
 * ICMP errors about balanced packets (`ip_vs_in_icmp`, `ip_vs_out_icmp`, `ip_vs_nat_icmp`): one
 * about a request comes from the real server's side and must look to the client as if it came from
 * the virtual address; one about a reply comes from the client's side and must reach the server.
 */
import { rewriteIcmpError } from '../net/conntrack/nat-rewrite.ts';
import { Verdict } from '../net/netfilter/hook.ts';
import type { Packet } from '../net/packet.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { readU16 } from '../wire/bytes.ts';
import { ICMP_HEADER_BYTES, IcmpType } from '../wire/icmp.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  protocolOf,
  sourceOf,
} from '../wire/ipv4.ts';
import { becomeUntracked, type IpvsConnection } from './connection.ts';
import type { Ipvs } from './ipvs.ts';
import { countOut } from './service.ts';

const SOURCE_QUENCH = 4;

/** The connection whose reply this error is about. */
export function connectionOfRequestError(ipvs: Ipvs, packet: Packet): IpvsConnection | undefined {
  const quoted = quotedAt(packet);
  if (quoted < 0) return undefined;
  const { bytes } = packet;
  const ports = quoted + headerBytesOf(bytes, quoted);
  return ipvs.connections.ofRequest(
    protocolOf(bytes, quoted),
    destinationOf(bytes, quoted),
    readU16(bytes, ports + 2),
    sourceOf(bytes, quoted),
    readU16(bytes, ports),
  );
}

/** Makes an error about a reply one for the real server; false when it is cut short. */
export function rewriteRequestError(packet: Packet, connection: IpvsConnection): boolean {
  const server = {
    protocol: connection.protocol,
    source: connection.destinationAddress,
    sourcePort: connection.destinationPort,
    destination: connection.destinationAddress,
    destinationPort: connection.destinationPort,
  };
  return rewriteIcmpError(packet.bytes, packet.start, packet.end, server, server, false);
}

/** An error about a request comes from the virtual address from here on. */
export function rewriteReplyError(ipvs: Ipvs, packet: Packet): Verdict {
  const quoted = quotedAt(packet);
  if (quoted < 0) return Verdict.accept;
  const { bytes, start, end } = packet;
  const ports = quoted + headerBytesOf(bytes, quoted);
  const protocol = protocolOf(bytes, quoted);
  const connection = ipvs.connections.ofReply(
    protocol,
    destinationOf(bytes, quoted),
    readU16(bytes, ports + 2),
    sourceOf(bytes, quoted),
    readU16(bytes, ports),
  );
  if (connection === undefined || connection.destination.method !== 'masq') return Verdict.accept;
  const { virtualAddress, virtualPort } = connection;
  const virtual = {
    protocol,
    source: virtualAddress,
    sourcePort: virtualPort,
    destination: virtualAddress,
    destinationPort: virtualPort,
  };
  if (packet.way !== undefined) {
    const from = formatIpv4Address(sourceOf(bytes, start));
    ipvs.note(packet, 'rewrite', `src ${from} -> ${formatIpv4Address(virtualAddress)}`);
  }
  if (!rewriteIcmpError(bytes, start, end, virtual, virtual, true)) {
    return ipvs.drop(packet, 'ICMP error is cut short');
  }
  countOut(connection.destination, end - start);
  packet.ipvsProperty = true;
  if (!connection.isTracked) becomeUntracked(packet);
  return Verdict.accept;
}

/** Where the quoted packet of an ICMP error begins; -1 when there is none with ports. */
function quotedAt(packet: Packet): number {
  const { bytes, start, end } = packet;
  if (fragmentOffsetBytesOf(bytes, start) !== 0) return -1;
  const icmp = start + headerBytesOf(bytes, start);
  const quoted = icmp + ICMP_HEADER_BYTES;
  if (end - quoted < IPV4_HEADER_BYTES + 8) return -1;
  const type = bytes[icmp]!;
  const { destinationUnreachable, timeExceeded } = IcmpType;
  if (type !== destinationUnreachable && type !== timeExceeded && type !== SOURCE_QUENCH) return -1;
  if (end - quoted < headerBytesOf(bytes, quoted) + 8) return -1;
  if (fragmentOffsetBytesOf(bytes, quoted) !== 0) return -1;
  const protocol = protocolOf(bytes, quoted);
  return protocol === IpProtocol.tcp || protocol === IpProtocol.udp ? quoted : -1;
}
