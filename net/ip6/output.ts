/**
 * IPv6's way out: routing, OUTPUT, routing again when a rule changed what it depends on, POSTROUTING,
 * fragmentation at the sender, neighbour.
 * Mirrors net/ipv6/ip6_output.c and `ip6_route_me_harder` (net/ipv6/netfilter.c).
 */
import { draw32, hashText } from '../../sim/chance.ts';
import { headerBytesOf, protocolOf } from '../../wire/ip.ts';
import { ANY_IPV6, type IpAddress, writeIpv6 } from '../../wire/ip-address.ts';
import {
  fragmentHeaderAtOf,
  fragmentIpv6,
  ipv6DestinationOf,
  ipv6SourceOf,
  NextHeader,
} from '../../wire/ipv6/header.ts';
import { Icmpv6Type } from '../../wire/ipv6/icmpv6.ts';
import type { Device } from '../device/device.ts';
import { packetText } from '../ip/packet-text.ts';
import type { RouteResult } from '../ip/route.ts';
import { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { HEADROOM_BYTES, type Packet } from '../packet.ts';
import { sendSecured } from '../xfrm/esp-output.ts';

/** Sends a local packet whose IPv6 header is written; a source of `::` is filled in. */
export function sendIpv6(
  namespace: Namespace,
  packet: Packet,
  outDevice?: Device | undefined,
): SendResult {
  const { bytes, start, mark } = packet;
  const destination = ipv6DestinationOf(bytes, start);
  const source = ipv6SourceOf(bytes, start);
  const route = namespace.ipv6.routes.lookup({ destination, source, mark, outDevice });
  if (source === ANY_IPV6 && route !== undefined && route.source !== 0) {
    writeIpv6(bytes, start + 8, route.source);
  }
  noteSend(namespace, packet);
  if (route === undefined) return unroutable(namespace, packet);
  return output(namespace, packet, route);
}

/** As {@link sendIpv6}, along a route that the sender has looked up. */
export function sendIpv6Along(
  namespace: Namespace,
  packet: Packet,
  route: RouteResult,
): SendResult {
  noteSend(namespace, packet);
  return output(namespace, packet, route);
}

function noteSend(namespace: Namespace, packet: Packet): void {
  if (packet.way === undefined) return;
  const { world, name } = namespace;
  packet.way.add(world.nowNs, name, 'send', '', '', packetText(packet));
}

function unroutable(namespace: Namespace, packet: Packet): SendResult {
  namespace.ipv6.counters.unroutable++;
  namespace.drop(packet, '', 'no route');
  return SendResult.ENETUNREACH;
}

function output(namespace: Namespace, packet: Packet, route: RouteResult): SendResult {
  switch (route.type) {
    case 'unicast':
    case 'local':
    case 'multicast':
      return runOutput(namespace, packet, route, Number.NEGATIVE_INFINITY);
    case 'prohibit':
      namespace.drop(packet, '', 'route is prohibited');
      return SendResult.EACCES;
    case 'blackhole':
      namespace.drop(packet, '', 'route is a blackhole');
      return SendResult.EINVAL;
    default:
      namespace.drop(packet, '', 'route is unreachable');
      return SendResult.EHOSTUNREACH;
  }
}

/** OUTPUT behind a priority, and the way out. */
export function continueOutput6(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): SendResult {
  const route = routeOf(namespace, packet);
  if (route === undefined) return unroutable(namespace, packet);
  return runOutput(namespace, packet, route, afterPriority);
}

function runOutput(
  namespace: Namespace,
  packet: Packet,
  firstRoute: RouteResult,
  afterPriority: number,
): SendResult {
  const { ipv6 } = namespace;
  const { mark } = packet;
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const destination = ipv6DestinationOf(packet.bytes, packet.start);
  let route = firstRoute;
  const verdict = ipv6.hooks.run(packet, Hook.output, undefined, route.device, afterPriority);
  if (verdict === Verdict.stolen) return SendResult.sent;
  if (verdict === Verdict.drop) {
    namespace.countDrop('netfilter OUTPUT');
    return SendResult.EPERM;
  }
  const { bytes, start } = packet;
  const target = ipv6DestinationOf(bytes, start);
  if (packet.mark !== mark || ipv6SourceOf(bytes, start) !== source || target !== destination) {
    const next = routeOf(namespace, packet);
    if (next === undefined) return unroutable(namespace, packet);
    route = next;
  }
  const secured = namespace.xfrm?.outbound(packet);
  if (secured !== undefined && secured !== 'clear') {
    if (secured !== 'no association') return sendSecured(namespace, packet, route, secured);
    namespace.drop(packet, route.device.name, 'no security association for the policy');
    return SendResult.EHOSTUNREACH;
  }
  const mtuBytes = ipv6.pathMtus.bytesTo(target, route);
  return transmitIpv6(namespace, packet, route.device, route.nextHop, mtuBytes);
}

/** POSTROUTING, fragmentation to `mtuBytes`, neighbour, device (`ip6_output`). */
export function transmitIpv6(
  namespace: Namespace,
  packet: Packet,
  outDevice: Device,
  nextHop: IpAddress,
  mtuBytes: number,
): SendResult {
  const { hooks, counters } = namespace.ipv6;
  counters.send(packet.end - packet.start);
  const isLocal = packet.inDevice === undefined;
  if (isLocal && protocolOf(packet.bytes, packet.start) === NextHeader.icmpv6) {
    const at = packet.start + headerBytesOf(packet.bytes, packet.start);
    counters.noteIcmp(counters.icmpSent, packet.bytes[at]!);
  }
  const verdict = hooks.run(packet, Hook.postrouting, packet.inDevice, outDevice);
  if (verdict === Verdict.accept) return finish(namespace, packet, outDevice, nextHop, mtuBytes);
  if (verdict === Verdict.stolen) return SendResult.sent;
  namespace.countDrop('netfilter POSTROUTING');
  return SendResult.EPERM;
}

/** POSTROUTING behind a priority, and the way out. */
export function continuePostrouting6(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): SendResult {
  const { hooks } = namespace.ipv6;
  const route = routeOf(namespace, packet);
  if (route === undefined) return unroutable(namespace, packet);
  const { device, nextHop, mtuBytes } = route;
  const verdict = hooks.run(packet, Hook.postrouting, packet.inDevice, device, afterPriority);
  if (verdict === Verdict.accept) return finish(namespace, packet, device, nextHop, mtuBytes);
  if (verdict === Verdict.stolen) return SendResult.sent;
  namespace.countDrop('netfilter POSTROUTING');
  return SendResult.EPERM;
}

/** Where a packet goes by its header and mark as they are now. */
function routeOf(namespace: Namespace, { bytes, start, mark }: Packet): RouteResult | undefined {
  const destination = ipv6DestinationOf(bytes, start);
  const source = ipv6SourceOf(bytes, start);
  return namespace.ipv6.routes.lookup({ destination, source, mark });
}

/** Fragmentation and neighbour (`ip6_finish_output`). */
function finish(
  namespace: Namespace,
  packet: Packet,
  device: Device,
  nextHop: IpAddress,
  mtuBytes: number,
): SendResult {
  const { neighbours } = namespace.ipv6;
  const lengthBytes = packet.end - packet.start;
  const largestBytes = packet.fragmentBytesMax;
  const isFitting = lengthBytes <= mtuBytes && (largestBytes === 0 || lengthBytes <= largestBytes);
  if (isFitting || fragmentHeaderAtOf(packet.bytes, packet.start) >= 0) {
    return neighbours.send(device, nextHop, packet);
  }
  const isForwarded = packet.inDevice !== undefined && largestBytes === 0;
  if (isForwarded || packet.isTunnelled) {
    namespace.ipv6.counters.unfragmentable++;
    namespace.drop(packet, device.name, 'packet is too big');
    namespace.ipv6.sendIcmpError(packet, Icmpv6Type.packetTooBig, 0, mtuBytes);
    return SendResult.EMSGSIZE;
  }
  const fragmentBytes = largestBytes === 0 ? mtuBytes : Math.min(mtuBytes, largestBytes);
  return sendFragments(namespace, packet, device, nextHop, fragmentBytes);
}

function sendFragments(
  namespace: Namespace,
  packet: Packet,
  device: Device,
  nextHop: IpAddress,
  mtuBytes: number,
): SendResult {
  let result: SendResult = SendResult.sent;
  const { bytes, start, end } = packet;
  const identification = namespace.ipv6.nextIdentification();
  const { counters } = namespace.ipv6;
  counters.fragmented++;
  for (const piece of fragmentIpv6(bytes, start, end, mtuBytes, identification, HEADROOM_BYTES)) {
    counters.fragments++;
    const sent = namespace.ipv6.neighbours.send(device, nextHop, packet.fragment(piece));
    if (sent !== SendResult.sent) result = sent;
  }
  return result;
}

/** Where a namespace's identifications begin. */
export function firstIdentification(namespace: Namespace): number {
  const key = namespace.world.chance.key('ipv6.identification');
  return draw32(key, namespace.nodeIndex, hashText(namespace.name));
}
