/**
 * The way of a balanced packet to its real server (`ip_vs_xmit.c`).
 *
 * `masq` rewrites the destination and sends through OUTPUT and POSTROUTING, where Docker's
 * `-m ipvs --ipvs` rule gives it the balancer's own address; `route` leaves the packet as it is and
 * only chooses the neighbour; `tunnel` puts an IPv4 header around it.
 */
import { sendIpv4Along } from '../net/ip/output.ts';
import { Verdict } from '../net/netfilter/hook.ts';
import { ConnectionState, type Packet } from '../net/packet.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { IcmpType, TimeExceededCode, UnreachableCode } from '../wire/icmp.ts';
import {
  decrementTtl,
  hasDontFragment,
  IPV4_HEADER_BYTES,
  IpProtocol,
  tosOf,
  ttlOf,
  writeIpv4Header,
} from '../wire/ipv4.ts';
import { rewriteEndpoint } from '../wire/rewrite.ts';
import { becomeUntracked, type IpvsConnection } from './connection.ts';
import { rewriteRequestError } from './icmp.ts';
import type { Ipvs } from './ipvs.ts';

/** Sends a request to the connection's destination. */
export function transmit(ipvs: Ipvs, packet: Packet, connection: IpvsConnection): Verdict {
  switch (connection.destination.method) {
    case 'masq':
      return masquerade(ipvs, packet, connection);
    case 'route':
      return sendAlong(ipvs, packet, connection, 0);
    default:
      return sendAlong(ipvs, packet, connection, IPV4_HEADER_BYTES);
  }
}

/** Sends an ICMP error about a reply to the real server that had sent the reply. */
export function transmitError(ipvs: Ipvs, packet: Packet, connection: IpvsConnection): Verdict {
  if (connection.destination.method !== 'masq') return transmit(ipvs, packet, connection);
  if (!rewriteRequestError(packet, connection)) return ipvs.drop(packet, 'ICMP error is cut short');
  if (packet.way !== undefined) noteDestination(ipvs, packet, connection);
  return sendRewritten(ipvs, packet, connection);
}

/** `ip_vs_nat_xmit`. */
function masquerade(ipvs: Ipvs, packet: Packet, connection: IpvsConnection): Verdict {
  if (packet.way !== undefined) noteDestination(ipvs, packet, connection);
  const { destination, destinationPort } = connection;
  rewriteEndpoint(
    packet.bytes,
    packet.start,
    packet.end,
    false,
    destination.address,
    destinationPort,
  );
  return sendRewritten(ipvs, packet, connection);
}

/** `ip_vs_nat_send_or_cont`: out, or on to the socket when the real server is here. */
function sendRewritten(ipvs: Ipvs, packet: Packet, connection: IpvsConnection): Verdict {
  const { namespace } = ipvs;
  packet.ipvsProperty = true;
  const tracked = packet.connection;
  if (!connection.isTracked) becomeUntracked(packet);
  else if (tracked !== undefined && !tracked.isConfirmed && !packet.isReply) {
    const { destination, destinationPort } = connection;
    namespace.connections.alterReply(tracked, destination.address, destinationPort);
  }
  if (namespace.isLocalAddress(connection.destinationAddress)) return Verdict.accept;
  namespace.sendFromBalancer(packet);
  return Verdict.stolen;
}

/** `ip_vs_dr_xmit` and `ip_vs_tunnel_xmit`, which adds `tunnelBytes`. */
function sendAlong(
  ipvs: Ipvs,
  packet: Packet,
  connection: IpvsConnection,
  tunnelBytes: number,
): Verdict {
  const { namespace } = ipvs;
  const { bytes, start } = packet;
  const { address } = connection.destination;
  packet.ipvsProperty = true;
  if (namespace.isLocalAddress(address)) return Verdict.accept;
  const route = namespace.routes.find(address, packet.mark, 0, undefined);
  if (route === undefined) return ipvs.drop(packet, 'no route to the ipvs destination');
  if (packet.inDevice !== undefined) {
    if (ttlOf(bytes, start) <= 1) {
      namespace.sendIcmpError(packet, IcmpType.timeExceeded, TimeExceededCode.ttl);
      return ipvs.drop(packet, 'ttl exceeded');
    }
    decrementTtl(bytes, start);
  }
  const mtuBytes = route.mtuBytes - tunnelBytes;
  const isWhole = hasDontFragment(bytes, start);
  if (packet.end - start > mtuBytes && isWhole) {
    const { destinationUnreachable } = IcmpType;
    const { fragmentationNeeded } = UnreachableCode;
    namespace.sendIcmpError(packet, destinationUnreachable, fragmentationNeeded, mtuBytes);
    return ipvs.drop(packet, 'packet is too big');
  }
  if (packet.way !== undefined) {
    ipvs.note(packet, 'hook', `${connection.destination.method} to ${formatIpv4Address(address)}`);
  }
  if (tunnelBytes === 0) {
    if (!connection.isTracked) becomeUntracked(packet);
    sendIpv4Along(namespace, packet, route);
    return Verdict.stolen;
  }
  encapsulate(packet, route.source, address, isWhole, namespace.nextIdentification());
  sendIpv4Along(namespace, packet, route);
  return Verdict.stolen;
}

/** Puts the outer header of IPIP on; to conntrack it is another packet. */
function encapsulate(
  packet: Packet,
  source: number,
  destination: number,
  dontFragment: boolean,
  identification: number,
): void {
  const ttl = ttlOf(packet.bytes, packet.start);
  const tos = tosOf(packet.bytes, packet.start);
  packet.push(IPV4_HEADER_BYTES);
  writeIpv4Header(packet.bytes, packet.start, {
    totalLengthBytes: packet.lengthBytes,
    identification,
    dontFragment,
    ttl,
    protocol: IpProtocol.ipip,
    source,
    destination,
    tos,
  });
  packet.connection = undefined;
  packet.connectionState = ConnectionState.none;
}

function noteDestination(ipvs: Ipvs, packet: Packet, connection: IpvsConnection): void {
  const { virtualAddress, virtualPort, destinationAddress, destinationPort } = connection;
  const from = `${formatIpv4Address(virtualAddress)}:${virtualPort}`;
  const to = `${formatIpv4Address(destinationAddress)}:${destinationPort}`;
  ipvs.note(packet, 'rewrite', `dst ${from} -> ${to}`);
}
