/**
 * Which socket of the namespace a packet came from, or would go to, for matches that ask about
 * programs. Mirrors what the kernel has in `skb->sk`, and `nf_sk_lookup_slow_v4`.
 *
 * Programs here all run as root and in no cgroup of their own, so whether there is a socket is all
 * that differs: what the kernel itself sends (resets, ICMP errors, echo replies) has none.
 */
import { IpProtocol } from '../../../../wire/ipv4.ts';
import { NextHeader } from '../../../../wire/ipv6/header.ts';
import { type Inspection, portsOf } from '../../inspection.ts';

const ICMP_ECHO_REQUEST = 8;
const ICMPV6_ECHO_REQUEST = 128;

/** True when a socket of this namespace sent the packet. */
export function hasSender(inspection: Inspection): boolean {
  const { namespace, packet, protocol, bytes, transportAt } = inspection;
  if (packet.inDevice !== undefined && inspection.inDevice !== undefined) return false;
  if (protocol === IpProtocol.icmp) return bytes[transportAt] === ICMP_ECHO_REQUEST;
  if (protocol === NextHeader.icmpv6) return bytes[transportAt] === ICMPV6_ECHO_REQUEST;
  // DNAT has changed where it goes to; conntrack knows what the socket had asked for
  const tuple = packet.connection?.tupleOf(packet.isReply);
  const { source, destination } = portsOf(inspection);
  return namespace.sockets.hasSocket(
    protocol,
    tuple?.source ?? inspection.source,
    tuple?.sourcePort ?? source,
    tuple?.destination ?? inspection.destination,
    tuple?.destinationPort ?? destination,
  );
}

/** True when a socket of this namespace would take the packet. */
export function hasReceiver(inspection: Inspection): boolean {
  const { namespace, protocol, source, destination } = inspection;
  const ports = portsOf(inspection);
  const { sockets } = namespace;
  return sockets.hasSocket(protocol, destination, ports.destination, source, ports.source);
}
