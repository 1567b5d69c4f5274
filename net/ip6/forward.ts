/**
 * Forwarding of IPv6: hop limit, redirect, length against the next link, hop limit less one, FORWARD,
 * POSTROUTING. A router never fragments: who sent too much is told what the next link takes.
 * Mirrors `ip6_forward` (net/ipv6/ip6_output.c).
 */
import { ANY_IPV6, LOOPBACK_IPV6 } from '../../wire/ip-address.ts';
import {
  hopLimitOf,
  IPV6_MTU_BYTES_MIN,
  ipv6DestinationOf,
  ipv6SourceOf,
} from '../../wire/ipv6/header.ts';
import { Icmpv6Type, TimeExceeded6Code, Unreachable6Code } from '../../wire/ipv6/icmpv6.ts';
import { isLinkLocal } from '../../wire/ipv6/scope.ts';
import type { RouteResult } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { sendNeighbourRedirect } from '../neighbour/ndisc.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { LinkTarget, type Packet } from '../packet.ts';
import { transmitIpv6 } from './output.ts';

/** Forwards a packet along a route. */
export function forwardIpv6(namespace: Namespace, packet: Packet, route: RouteResult): void {
  const inDevice = packet.inDevice!;
  const { ipv6, sysctls } = namespace;
  if (sysctls.ipv6.all.forwarding === 0) {
    namespace.drop(packet, inDevice.name, 'not forwarding');
    return;
  }
  if (packet.linkTarget !== LinkTarget.host) {
    namespace.drop(packet, inDevice.name, 'unicast in a group frame');
    return;
  }
  const { bytes, start } = packet;
  if (hopLimitOf(bytes, start) <= 1) {
    namespace.drop(packet, inDevice.name, 'hop limit exceeded');
    ipv6.sendIcmpError(packet, Icmpv6Type.timeExceeded, TimeExceeded6Code.hopLimit, 0);
    return;
  }
  const source = ipv6SourceOf(bytes, start);
  if (route.device === inDevice) {
    if (ipv6.icmpBudget.mayRedirect(source)) sendNeighbourRedirect(namespace, packet, route);
  } else if (source === ANY_IPV6 || source === LOOPBACK_IPV6) {
    namespace.drop(packet, inDevice.name, 'source is no address to forward for');
    return;
  } else if (isLinkLocal(source)) {
    namespace.drop(packet, inDevice.name, 'source is of the link');
    ipv6.sendIcmpError(packet, Icmpv6Type.destinationUnreachable, Unreachable6Code.beyondScope, 0);
    return;
  }
  const mtuBytes = Math.max(route.mtuBytes, IPV6_MTU_BYTES_MIN);
  const lengthBytes = packet.fragmentBytesMax || packet.end - start;
  if (lengthBytes > mtuBytes) {
    namespace.drop(packet, route.device.name, 'packet is too big');
    ipv6.sendIcmpError(packet, Icmpv6Type.packetTooBig, 0, mtuBytes);
    return;
  }
  bytes[start + 7] = hopLimitOf(bytes, start) - 1;
  runForward(namespace, packet, route, Number.NEGATIVE_INFINITY);
}

/** FORWARD behind a priority, and the way out. */
export function continueForward6(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): void {
  const { bytes, start, mark, inDevice } = packet;
  const destination = ipv6DestinationOf(bytes, start);
  const source = ipv6SourceOf(bytes, start);
  const route = namespace.ipv6.routes.lookup({ destination, source, mark, inDevice });
  if (route?.type !== 'unicast') namespace.drop(packet, inDevice!.name, 'no route');
  else runForward(namespace, packet, route, afterPriority);
}

function runForward(
  namespace: Namespace,
  packet: Packet,
  route: RouteResult,
  afterPriority: number,
): void {
  const { device } = route;
  const { hooks } = namespace.ipv6;
  const verdict = hooks.run(packet, Hook.forward, packet.inDevice, device, afterPriority);
  if (verdict === Verdict.accept) {
    namespace.ipv6.counters.forwarded++;
    transmitIpv6(namespace, packet, device, route.nextHop, route.mtuBytes);
  } else if (verdict === Verdict.drop) namespace.countDrop('netfilter FORWARD');
}
