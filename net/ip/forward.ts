/**
 * Forwarding: what a router does with a packet for somebody else.
 *
 * In this order: is forwarding on, TTL, length against the next link, TTL less one, redirect,
 * FORWARD, POSTROUTING. A rule of FORWARD therefore sees the TTL that leaves, and never a packet
 * that is too big. Mirrors net/ipv4/ip_forward.c and `__mkroute_input`.
 */
import { IcmpType, RedirectCode, TimeExceededCode, UnreachableCode } from '../../wire/icmp.ts';
import { decrementTtl, destinationOf, hasDontFragment, sourceOf, ttlOf } from '../../wire/ipv4.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { LinkTarget, type Packet } from '../packet.ts';
import { transmitIpv4 } from './output.ts';
import type { RouteResult } from './route.ts';

/** Forwards a packet along a route (`ip_forward`). */
export function forward(namespace: Namespace, packet: Packet, route: RouteResult): void {
  const inDevice = packet.inDevice!;
  if (inDevice.ipv4.forwarding === 0) {
    namespace.drop(packet, inDevice.name, 'not forwarding');
    return;
  }
  if (packet.linkTarget !== LinkTarget.host) {
    namespace.drop(packet, inDevice.name, 'unicast in a broadcast frame');
    return;
  }
  const { bytes, start } = packet;
  if (ttlOf(bytes, start) <= 1) {
    namespace.drop(packet, inDevice.name, 'ttl exceeded');
    namespace.sendIcmpError(packet, IcmpType.timeExceeded, TimeExceededCode.ttl);
    return;
  }
  const mtuBytes = mtuOf(namespace, packet, route);
  if (packet.end - start > mtuBytes && hasDontFragment(bytes, start)) {
    namespace.drop(packet, route.device.name, 'packet is too big');
    const { fragmentationNeeded } = UnreachableCode;
    const { destinationUnreachable } = IcmpType;
    namespace.sendIcmpError(packet, destinationUnreachable, fragmentationNeeded, mtuBytes);
    return;
  }
  decrementTtl(bytes, start);
  if (route.device === inDevice) maybeRedirect(namespace, packet, route);
  runForward(namespace, packet, route, Number.NEGATIVE_INFINITY);
}

/** FORWARD behind a priority, and the way out. */
export function continueForward(namespace: Namespace, packet: Packet, afterPriority: number): void {
  const { bytes, start, mark, inDevice } = packet;
  const destination = destinationOf(bytes, start);
  const route = namespace.routes.find(destination, mark, sourceOf(bytes, start), inDevice);
  if (route?.type !== 'unicast') namespace.drop(packet, inDevice!.name, 'no route');
  else runForward(namespace, packet, route, afterPriority);
}

function runForward(
  namespace: Namespace,
  packet: Packet,
  route: RouteResult,
  afterPriority: number,
): void {
  const { hooks } = namespace;
  const { device } = route;
  const verdict = hooks.run(packet, Hook.forward, packet.inDevice, device, afterPriority);
  if (verdict === Verdict.accept) {
    namespace.ipCounters.forwarded++;
    transmitIpv4(namespace, packet, device, route.nextHop, route.mtuBytes);
  } else if (verdict === Verdict.drop) namespace.countDrop('netfilter FORWARD');
}

/** What was reassembled counts by its largest fragment; path MTU discovery only when asked for. */
function mtuOf(namespace: Namespace, packet: Packet, route: RouteResult): number {
  if (packet.fragmentBytesMax > 0 && packet.fragmentBytesMax <= route.mtuBytes) {
    return Number.POSITIVE_INFINITY;
  }
  return namespace.pathMtus.isUsedInForwarding
    ? namespace.pathMtus.bytesTo(destinationOf(packet.bytes, packet.start), route)
    : route.mtuBytes;
}

/** Tells a sender on the same link that there is a shorter way (`ip_rt_send_redirect`). */
function maybeRedirect(namespace: Namespace, packet: Packet, route: RouteResult): void {
  const { device } = route;
  const { all } = namespace.sysctls;
  if (device.ipv4.send_redirects === 0 && all.send_redirects === 0) return;
  const source = sourceOf(packet.bytes, packet.start);
  const isShared = device.ipv4.shared_media !== 0 || all.shared_media !== 0;
  const { addresses } = namespace;
  if (!isShared) {
    if (!addresses.isOnLink(device, source) || !addresses.isOnLink(device, route.nextHop)) return;
  }
  if (!namespace.icmpBudget.mayRedirect(source)) return;
  namespace.sendIcmpError(packet, IcmpType.redirect, RedirectCode.host, route.nextHop);
}
