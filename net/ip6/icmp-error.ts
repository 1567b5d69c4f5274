/**
 * Sending ICMPv6 errors: whom not to answer, how often, from which address.
 *
 * No error answers another ICMPv6 error or redirect, a source that is no single host, or a group (but
 * for packet too big). All types but packet too big are limited: one a second per receiver, more for
 * receivers behind wide routes, and the kernel's budget. Mirrors `icmp6_send` (net/ipv6/icmp.c).
 */
import { MILLISECOND_NS } from '../../sim/time.ts';
import { headerBytesOf, protocolOf } from '../../wire/ip.ts';
import { ANY_IPV6, type IpAddress } from '../../wire/ip-address.ts';
import {
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6SourceOf,
  NextHeader,
  writeIpv6Header,
} from '../../wire/ipv6/header.ts';
import {
  finishIcmpv6Checksum,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  isIcmpv6Error,
  quoted6BytesOf,
  writeIcmpv6Error,
} from '../../wire/ipv6/icmpv6.ts';
import { isIpv6Multicast, needsLink } from '../../wire/ipv6/scope.ts';
import { attachConnection } from '../ip/icmp-error.ts';
import type { RouteResult } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { LinkTarget, Packet } from '../packet.ts';

/** Answers a packet with an error, unless it must not be answered; the packet stays as it is. */
export function sendIcmpv6Error(
  namespace: Namespace,
  packet: Packet,
  type: number,
  code: number,
  rest: number,
): void {
  const { bytes, start, end, inDevice } = packet;
  const source = ipv6SourceOf(bytes, start);
  const target = ipv6DestinationOf(bytes, start);
  if (!mayAnswer(packet, source, target, type)) return;
  const outDevice = needsLink(source) ? inDevice : undefined;
  const route = namespace.ipv6.routes.lookup({ destination: source, outDevice });
  if (route === undefined) return;
  if (type !== Icmpv6Type.packetTooBig && !hasBudget(namespace, source, route)) {
    namespace.countDrop('icmp error is rate limited');
    return;
  }
  const isOurs = inDevice !== undefined && namespace.ipv6.routes.isLocal(target);
  const own = isOurs ? target : ownAddress(namespace, packet, source, route);
  if (own === 0) return;
  const icmpBytes = ICMPV6_HEADER_BYTES + quoted6BytesOf(end - start);
  const answer = Packet.allocate(IPV6_HEADER_BYTES + icmpBytes);
  writeIpv6Header(answer.bytes, answer.start, {
    payloadBytes: icmpBytes,
    nextHeader: NextHeader.icmpv6,
    hopLimit: 64,
    source: own,
    destination: source,
  });
  const at = answer.start + IPV6_HEADER_BYTES;
  writeIcmpv6Error(answer.bytes, at, type, code, rest, bytes, start, end);
  finishIcmpv6Checksum(answer.bytes, at, icmpBytes, own, source);
  if (namespace.sysctls.number('net.ipv6.fwmark_reflect') !== 0) answer.mark = packet.mark;
  attachConnection(answer, packet);
  answer.way = packet.way?.fork();
  namespace.ipv6.send(answer, outDevice);
}

function mayAnswer(packet: Packet, source: IpAddress, target: IpAddress, type: number): boolean {
  const isForGroup = packet.linkTarget !== LinkTarget.host || isIpv6Multicast(target);
  if (isForGroup && type !== Icmpv6Type.packetTooBig) return false;
  if (source === ANY_IPV6 || isIpv6Multicast(source)) return false;
  const { bytes, start, end } = packet;
  if (protocolOf(bytes, start) !== NextHeader.icmpv6) return true;
  const at = start + headerBytesOf(bytes, start);
  return at < end && !isIcmpv6Error(bytes[at]!) && bytes[at] !== Icmpv6Type.redirect;
}

function hasBudget(namespace: Namespace, receiver: IpAddress, route: RouteResult): boolean {
  const { icmpBudget } = namespace.ipv6;
  if (!icmpBudget.mayRefill()) return false;
  const spanNs = namespace.sysctls.number('net.ipv6.icmp.ratelimit') * MILLISECOND_NS;
  return icmpBudget.mayReach(receiver, spanNs / 2 ** ((128 - route.route.prefixLength) >> 5));
}

/** The address that we have towards the sender. */
function ownAddress(
  namespace: Namespace,
  { inDevice }: Packet,
  source: IpAddress,
  route: RouteResult,
): IpAddress {
  if (!needsLink(source) || inDevice === undefined) return route.source;
  return namespace.ipv6.addresses.selectSource(inDevice, source) ?? 0;
}
