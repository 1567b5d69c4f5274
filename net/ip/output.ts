/**
 * IPv4's way out: routing, OUTPUT, routing again when a rule changed what it depends on,
 * POSTROUTING, fragmentation, neighbour.
 * Mirrors net/ipv4/ip_output.c and `ip_route_me_harder` (net/ipv4/netfilter.c).
 */
import { type Ipv4Address, isLoopbackAddress } from '../../wire/addresses.ts';
import { IcmpType, TimeExceededCode, UnreachableCode } from '../../wire/icmp.ts';
import {
  decrementTtl,
  destinationOf,
  fragmentIpv4,
  hasDontFragment,
  headerBytesOf,
  IpProtocol,
  protocolOf,
  setSource,
  sourceOf,
  tosOf,
  ttlOf,
} from '../../wire/ipv4.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { HOOK_NAMES, Hook, Verdict } from '../netfilter/hook.ts';
import { HEADROOM_BYTES, type Packet } from '../packet.ts';
import { sendSecured } from '../xfrm/esp-output.ts';
import { packetText } from './packet-text.ts';
import type { RouteResult } from './route.ts';
import { SendResult } from './send-result.ts';

/** Sends a local packet whose IPv4 header is written; a source of 0 is filled in. */
export function sendIpv4(namespace: Namespace, packet: Packet): SendResult {
  const { bytes, start } = packet;
  const destination = destinationOf(bytes, start);
  const source = sourceOf(bytes, start);
  const route = namespace.routes.find(destination, packet.mark, source, undefined);
  if (source === 0 && route !== undefined) setSource(bytes, start, route.source);
  if (packet.way !== undefined) noteSend(namespace, packet);
  if (route === undefined) return unroutable(namespace, packet, 'no route');
  return output(namespace, packet, route);
}

/** As {@link sendIpv4}, along a route that the sender has looked up (a bound device, a socket's). */
export function sendIpv4Along(
  namespace: Namespace,
  packet: Packet,
  route: RouteResult,
): SendResult {
  if (packet.way !== undefined) noteSend(namespace, packet);
  return output(namespace, packet, route);
}

/** A frame of a device whose namespace routes for it (`ipvlan_process_v4_outbound`). */
export function sendRouted(namespace: Namespace, packet: Packet): SendResult {
  const { bytes, start } = packet;
  const route = namespace.routes.find(destinationOf(bytes, start), 0, 0, undefined);
  if (route === undefined) return unroutable(namespace, packet, 'no route');
  return output(namespace, packet, route);
}

/** ipvs' way out: the destination is rewritten already (`ip_vs_nat_xmit`). */
export function sendFromBalancer(namespace: Namespace, packet: Packet): SendResult {
  const { bytes, start } = packet;
  const route = namespace.routes.find(destinationOf(bytes, start), packet.mark, 0, undefined);
  if (route === undefined) return unroutable(namespace, packet, 'no route');
  if (route.type !== 'local' && packet.inDevice !== undefined) {
    if (ttlOf(bytes, start) <= 1) {
      namespace.drop(packet, packet.inDevice.name, 'ttl exceeded');
      namespace.sendIcmpError(packet, IcmpType.timeExceeded, TimeExceededCode.ttl);
      return SendResult.EINVAL;
    }
    if (packet.end - start > route.mtuBytes && hasDontFragment(bytes, start)) {
      return tooBig(namespace, packet, route.device, route.mtuBytes);
    }
    decrementTtl(bytes, start);
  }
  return output(namespace, packet, route);
}

function noteSend(namespace: Namespace, packet: Packet): void {
  const { world, name } = namespace;
  packet.way?.add(world.nowNs, name, 'send', '', '', packetText(packet));
}

function unroutable(namespace: Namespace, packet: Packet, reason: string): SendResult {
  namespace.ipCounters.unroutable++;
  namespace.drop(packet, '', reason);
  return SendResult.ENETUNREACH;
}

function output(namespace: Namespace, packet: Packet, route: RouteResult): SendResult {
  switch (route.type) {
    case 'unicast':
    case 'local':
    case 'broadcast':
    case 'multicast':
      if (isBoundToLoopback(namespace, packet, route)) return unsendable(namespace, packet);
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

/** An address of 127/8 stays in the host unless `route_localnet` says otherwise (`__mkroute_output`). */
function isBoundToLoopback(namespace: Namespace, packet: Packet, { device }: RouteResult): boolean {
  if (device === namespace.loopback) return false;
  if (!isLoopbackAddress(sourceOf(packet.bytes, packet.start))) return false;
  return device.ipv4.route_localnet === 0 && namespace.sysctls.all.route_localnet === 0;
}

function unsendable(namespace: Namespace, packet: Packet): SendResult {
  namespace.drop(packet, HOOK_NAMES[Hook.output], 'loopback source leaves the host');
  return SendResult.EINVAL;
}

/** OUTPUT behind a priority, and the way out. */
export function continueOutput(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): SendResult {
  const { bytes, start, mark } = packet;
  const destination = destinationOf(bytes, start);
  const route = namespace.routes.find(destination, mark, sourceOf(bytes, start), undefined);
  if (route === undefined) return unroutable(namespace, packet, 'no route');
  return runOutput(namespace, packet, route, afterPriority);
}

function runOutput(
  namespace: Namespace,
  packet: Packet,
  firstRoute: RouteResult,
  afterPriority: number,
): SendResult {
  const { mark } = packet;
  const source = sourceOf(packet.bytes, packet.start);
  const destination = destinationOf(packet.bytes, packet.start);
  const tos = tosOf(packet.bytes, packet.start);
  let route = firstRoute;
  const { hooks, routes } = namespace;
  const verdict = hooks.run(packet, Hook.output, undefined, route.device, afterPriority);
  if (verdict === Verdict.stolen) return SendResult.sent;
  if (verdict === Verdict.drop) {
    namespace.countDrop('netfilter OUTPUT');
    return SendResult.EPERM;
  }
  const { bytes, start } = packet;
  const isChanged =
    packet.mark !== mark ||
    sourceOf(bytes, start) !== source ||
    destinationOf(bytes, start) !== destination ||
    tosOf(bytes, start) !== tos;
  if (isChanged) {
    const next = routes.find(
      destinationOf(bytes, start),
      packet.mark,
      sourceOf(bytes, start),
      undefined,
    );
    if (next === undefined) return unroutable(namespace, packet, 'no route');
    route = next;
    if (isBoundToLoopback(namespace, packet, route)) return unsendable(namespace, packet);
  }
  const secured = namespace.xfrm?.outbound(packet);
  if (secured !== undefined && secured !== 'clear') {
    if (secured !== 'no association') return sendSecured(namespace, packet, route, secured);
    namespace.drop(packet, route.device.name, 'no security association for the policy');
    return SendResult.EHOSTUNREACH;
  }
  const mtuBytes = namespace.pathMtus.bytesTo(destinationOf(bytes, start), route);
  return transmitIpv4(namespace, packet, route.device, route.nextHop, mtuBytes);
}

/** POSTROUTING, fragmentation to `mtuBytes`, neighbour, device (`ip_output`). */
export function transmitIpv4(
  namespace: Namespace,
  packet: Packet,
  outDevice: Device,
  nextHop: Ipv4Address,
  mtuBytes: number = outDevice.mtu,
): SendResult {
  const { ipCounters } = namespace;
  ipCounters.send(packet.end - packet.start);
  if (packet.inDevice === undefined && protocolOf(packet.bytes, packet.start) === IpProtocol.icmp) {
    const at = packet.start + headerBytesOf(packet.bytes, packet.start);
    ipCounters.noteIcmp(ipCounters.icmpSent, packet.bytes[at]!);
  }
  const verdict = namespace.hooks.run(packet, Hook.postrouting, packet.inDevice, outDevice);
  if (verdict === Verdict.accept) return finish(namespace, packet, outDevice, nextHop, mtuBytes);
  if (verdict === Verdict.stolen) return SendResult.sent;
  namespace.countDrop('netfilter POSTROUTING');
  return SendResult.EPERM;
}

/** POSTROUTING behind a priority, and the way out. */
export function continuePostrouting(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): SendResult {
  const { bytes, start, mark, inDevice } = packet;
  const destination = destinationOf(bytes, start);
  const route = namespace.routes.find(destination, mark, sourceOf(bytes, start), undefined);
  if (route === undefined) return unroutable(namespace, packet, 'no route');
  const { device, nextHop } = route;
  const verdict = namespace.hooks.run(packet, Hook.postrouting, inDevice, device, afterPriority);
  if (verdict === Verdict.accept) return finish(namespace, packet, device, nextHop, route.mtuBytes);
  if (verdict === Verdict.stolen) return SendResult.sent;
  namespace.countDrop('netfilter POSTROUTING');
  return SendResult.EPERM;
}

/** Fragmentation and neighbour (`ip_finish_output`). */
function finish(
  namespace: Namespace,
  packet: Packet,
  device: Device,
  nextHop: Ipv4Address,
  mtuBytes: number,
): SendResult {
  const lengthBytes = packet.end - packet.start;
  const largestBytes = packet.fragmentBytesMax;
  if (lengthBytes <= mtuBytes && (largestBytes === 0 || lengthBytes <= largestBytes)) {
    return namespace.neighbours.send(device, nextHop, packet);
  }
  if (hasDontFragment(packet.bytes, packet.start) && largestBytes === 0) {
    return tooBig(namespace, packet, device, mtuBytes);
  }
  const fragmentBytes = largestBytes === 0 ? mtuBytes : Math.min(mtuBytes, largestBytes);
  return sendFragments(namespace, packet, device, nextHop, fragmentBytes);
}

function tooBig(
  namespace: Namespace,
  packet: Packet,
  device: Device,
  mtuBytes: number,
): SendResult {
  namespace.ipCounters.unfragmentable++;
  namespace.drop(packet, device.name, 'packet is too big');
  const { destinationUnreachable } = IcmpType;
  const { fragmentationNeeded } = UnreachableCode;
  namespace.sendIcmpError(packet, destinationUnreachable, fragmentationNeeded, mtuBytes);
  return SendResult.EMSGSIZE;
}

function sendFragments(
  namespace: Namespace,
  packet: Packet,
  device: Device,
  nextHop: Ipv4Address,
  mtuBytes: number,
): SendResult {
  let result: SendResult = SendResult.sent;
  const { bytes, start, end } = packet;
  namespace.ipCounters.fragmented++;
  for (const piece of fragmentIpv4(bytes, start, end, mtuBytes, HEADROOM_BYTES)) {
    namespace.ipCounters.fragments++;
    const sent = namespace.neighbours.send(device, nextHop, packet.fragment(piece));
    if (sent !== SendResult.sent) result = sent;
  }
  return result;
}
