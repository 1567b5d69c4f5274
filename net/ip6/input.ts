/**
 * IPv6's way in: PREROUTING, routing, and then INPUT and the local protocols, or forward.
 * Mirrors net/ipv6/ip6_input.c and `ip6_route_input`; reasons of drops are worded as IPv4's.
 */

import { headerBytesOf, protocolOf } from '../../wire/ip.ts';
import { formatIp, LOOPBACK_IPV6 } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import {
  fragmentHeaderAtOf,
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6SourceOf,
  isValidIpv6Header,
  NextHeader,
  payloadBytesOf,
} from '../../wire/ipv6/header.ts';
import { Icmpv6Type, ParameterProblemCode, Unreachable6Code } from '../../wire/ipv6/icmpv6.ts';
import { Ipv6Scope, ipv6ScopeOf, isIpv6Multicast } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import type { RouteResult } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { HOOK_NAMES, Hook, Verdict } from '../netfilter/hook.ts';
import { LinkTarget, type Packet } from '../packet.ts';
import { forwardIpv6 } from './forward.ts';
import { receiveIcmpv6 } from './icmp-receive.ts';

/** Takes an IPv6 packet in (`ipv6_rcv`). */
export function receiveIpv6(namespace: Namespace, device: Device, packet: Packet): void {
  packet.inDevice = device;
  if (packet.linkTarget === LinkTarget.otherHost) {
    namespace.drop(packet, device.name, 'for another host');
    return;
  }
  const { addresses, reassembly, counters } = namespace.ipv6;
  counters.receive(packet.end - packet.start, (packet.bytes[packet.start + 1]! >> 4) & 3);
  if (!addresses.isEnabled(device)) {
    namespace.drop(packet, device.name, 'IPv6 is disabled');
    return;
  }
  if (!isValidIpv6Header(packet.bytes, packet.start, packet.end)) {
    namespace.drop(packet, device.name, 'malformed IPv6 header');
    return;
  }
  packet.end = packet.start + IPV6_HEADER_BYTES + payloadBytesOf(packet.bytes, packet.start);
  const reason = unfitReason(namespace, device, packet);
  if (reason !== undefined) {
    namespace.drop(packet, device.name, reason);
    return;
  }
  if (packet.isBridgePrerouted) {
    packet.isBridgePrerouted = false;
    routeInput(namespace, device, packet);
    return;
  }
  if (namespace.connections.isEnabled && fragmentHeaderAtOf(packet.bytes, packet.start) >= 0) {
    if (!reassembly.add(packet, device)) return;
  }
  continuePrerouting6(namespace, packet, Number.NEGATIVE_INFINITY);
}

/** Why an address of the packet may not come in by this device (`ip6_rcv_core`). */
function unfitReason(namespace: Namespace, device: Device, packet: Packet): string | undefined {
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const destination = ipv6DestinationOf(packet.bytes, packet.start);
  if (isIpv6Multicast(source)) return 'multicast source';
  if (isIpv6Multicast(destination) && ipv6ScopeOf(destination) === 0)
    return 'group without a scope';
  if (device === namespace.loopback) return undefined;
  if (source === LOOPBACK_IPV6 || destination === LOOPBACK_IPV6)
    return 'loopback address on a link';
  const isOfNode = isIpv6Multicast(destination) && ipv6ScopeOf(destination) === Ipv6Scope.node;
  return isOfNode ? 'group of a node on a link' : undefined;
}

/** PREROUTING behind a priority, and everything after it. */
export function continuePrerouting6(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): void {
  const device = packet.inDevice!;
  const { hooks } = namespace.ipv6;
  const verdict = hooks.run(packet, Hook.prerouting, device, undefined, afterPriority);
  if (verdict === Verdict.accept) routeInput(namespace, device, packet);
  else if (verdict === Verdict.drop)
    namespace.countDrop(`netfilter ${HOOK_NAMES[Hook.prerouting]}`);
}

/** The routing decision (`ip6_route_input`). */
function routeInput(namespace: Namespace, device: Device, packet: Packet): void {
  const destination = ipv6DestinationOf(packet.bytes, packet.start);
  if (isIpv6Multicast(destination)) {
    if (namespace.ipv6.hasJoined(device, destination)) deliver(namespace, packet);
    else namespace.drop(packet, device.name, 'multicast group is not joined');
    return;
  }
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const { mark } = packet;
  const route = namespace.ipv6.routes.lookup({ destination, source, mark, inDevice: device });
  if (packet.way !== undefined && route !== undefined) noteRoute(namespace, packet, route);
  switch (route?.type) {
    case 'local':
      deliver(namespace, packet);
      break;
    case 'unicast':
      forwardIpv6(namespace, packet, route);
      break;
    case 'prohibit':
      refuse(namespace, packet, 'route is prohibited', Unreachable6Code.prohibited);
      break;
    case 'blackhole':
      namespace.drop(packet, device.name, 'route is a blackhole');
      break;
    case 'unreachable':
      refuse(namespace, packet, 'route is unreachable', Unreachable6Code.noRoute);
      break;
    default:
      refuse(namespace, packet, 'no route', Unreachable6Code.noRoute);
  }
}

/** `ip6_pkt_drop`: the sender is told, by routers and others alike. */
function refuse(namespace: Namespace, packet: Packet, reason: string, code: number): void {
  namespace.drop(packet, packet.inDevice!.name, reason);
  namespace.ipv6.sendIcmpError(packet, Icmpv6Type.destinationUnreachable, code, 0);
}

function noteRoute(namespace: Namespace, packet: Packet, route: RouteResult): void {
  let detail: string = route.type;
  if (route.type === 'unicast') {
    detail = route.gateway === undefined ? '' : `via ${formatIp(route.gateway)} `;
    detail += `dev ${route.device.name}`;
  }
  const { world, name } = namespace;
  packet.way?.add(world.nowNs, name, 'route', route.device.name, '', detail);
}

/** Local delivery; fragments that conntrack has not put together are put together here. */
function deliver(namespace: Namespace, packet: Packet): void {
  if (fragmentHeaderAtOf(packet.bytes, packet.start) >= 0) {
    if (!namespace.ipv6.reassembly.add(packet, packet.inDevice!)) return;
  }
  continueInput6(namespace, packet, Number.NEGATIVE_INFINITY);
}

/** INPUT behind a priority, and the protocol. */
export function continueInput6(namespace: Namespace, packet: Packet, afterPriority: number): void {
  const device = packet.inDevice!;
  const { hooks } = namespace.ipv6;
  const verdict = hooks.run(packet, Hook.input, device, undefined, afterPriority);
  if (verdict === Verdict.accept) deliverToProtocol(namespace, packet);
  else if (verdict === Verdict.drop) namespace.countDrop(`netfilter ${HOOK_NAMES[Hook.input]}`);
}

function deliverToProtocol(namespace: Namespace, packet: Packet): void {
  namespace.ipv6.counters.delivered++;
  const { bytes, start } = packet;
  const protocol = protocolOf(bytes, start);
  if (protocol === IpProtocol.tcp || protocol === IpProtocol.udp || protocol === IpProtocol.sctp) {
    namespace.sockets.deliver(packet);
    return;
  }
  if (protocol === NextHeader.icmpv6) {
    receiveIcmpv6(namespace, packet);
    return;
  }
  const handler = namespace.protocolHandlers.get(protocol);
  if (handler !== undefined) {
    handler(packet);
    return;
  }
  if (protocol === NextHeader.none) return;
  namespace.drop(packet, packet.inDevice!.name, 'no handler of the protocol');
  const { parameterProblem } = Icmpv6Type;
  // the pointer names the byte that says which protocol it is
  const pointer = headerBytesOf(bytes, start) === IPV6_HEADER_BYTES ? 6 : IPV6_HEADER_BYTES;
  namespace.ipv6.sendIcmpError(packet, parameterProblem, ParameterProblemCode.nextHeader, pointer);
}
