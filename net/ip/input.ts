/**
 * IPv4's way in: frame, PREROUTING, routing, and then INPUT and the local protocols, or forward.
 *
 * ```
 * receiveFrame ─ ARP
 *      └ receiveIpv4 ─ PREROUTING ─ route ┬ deliver ─ INPUT ─ ICMP, TCP, UDP, …
 *                                         └ forward (forward.ts)
 * ```
 * Mirrors net/ipv4/ip_input.c and `ip_route_input_slow` (net/ipv4/route.c); reasons of drops are
 * worded after `enum skb_drop_reason`.
 */
import { observationKind } from '../../sim/observations.ts';
import {
  BROADCAST_MAC,
  formatIpv4Address,
  isGroupMac,
  isLoopbackAddress,
  isMulticastAddress,
} from '../../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
} from '../../wire/ethernet.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import {
  destinationOf,
  IpProtocol,
  isFragment,
  isValidIpv4Header,
  protocolOf,
  sourceOf,
  totalLengthOf,
} from '../../wire/ipv4.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { receiveArp } from '../neighbour/arp.ts';
import { HOOK_NAMES, Hook, Verdict } from '../netfilter/hook.ts';
import { LinkTarget, type Packet } from '../packet.ts';
import { forward } from './forward.ts';
import { receiveIcmp } from './icmp-receive.ts';
import type { RouteResult } from './route.ts';
import { validateSource } from './source-validation.ts';

/** The kernel's log line of a packet that came in by the wrong device. */
const martian = observationKind('ip.martian');
const LIMITED_BROADCAST = 0xffff_ffff;

/** Takes a frame from a device; `packet.start` is its Ethernet header. */
export function receiveFrame(namespace: Namespace, device: Device, packet: Packet): void {
  const { bytes, start } = packet;
  if (packet.end - start < ETHERNET_HEADER_BYTES) {
    namespace.drop(packet, device.name, 'frame is too short');
    return;
  }
  const destination = destinationMacOf(bytes, start);
  let target: LinkTarget = LinkTarget.host;
  if (destination !== device.mac) {
    if (!isGroupMac(destination)) target = LinkTarget.otherHost;
    else target = destination === BROADCAST_MAC ? LinkTarget.broadcast : LinkTarget.multicast;
  }
  packet.linkTarget = target;
  const etherType = etherTypeOf(bytes, start);
  packet.start = start + ETHERNET_HEADER_BYTES;
  if (etherType === EtherType.ipv4) receiveIpv4(namespace, device, packet);
  else if (etherType === EtherType.arp) receiveArp(namespace, device, packet);
  else if (etherType === EtherType.ipv6) namespace.receiveIpv6(device, packet);
  else {
    // a tag that no device has is taken off before, and what it carries is for another host
    if (etherType !== EtherType.vlan) device.statistics.rxDropped++;
    namespace.drop(packet, device.name, 'unhandled protocol');
  }
}

/** Takes an IPv4 packet in (`ip_rcv`). */
export function receiveIpv4(namespace: Namespace, device: Device, packet: Packet): void {
  packet.inDevice = device;
  if (packet.linkTarget === LinkTarget.otherHost) {
    namespace.drop(packet, device.name, 'for another host');
    return;
  }
  namespace.ipCounters.receive(packet.end - packet.start, packet.bytes[packet.start + 1]! & 3);
  if (!isValidIpv4Header(packet.bytes, packet.start, packet.end)) {
    namespace.drop(packet, device.name, 'malformed IPv4 header');
    return;
  }
  packet.end = packet.start + totalLengthOf(packet.bytes, packet.start);
  if (packet.isBridgePrerouted) {
    packet.isBridgePrerouted = false;
    routeInput(namespace, device, packet);
    return;
  }
  if (namespace.connections.isEnabled && isFragment(packet.bytes, packet.start)) {
    if (!namespace.reassembly.add(packet, device)) return;
  }
  continuePrerouting(namespace, packet, Number.NEGATIVE_INFINITY);
}

/** PREROUTING behind a priority, and everything after it. */
export function continuePrerouting(
  namespace: Namespace,
  packet: Packet,
  afterPriority: number,
): void {
  const device = packet.inDevice!;
  const verdict = namespace.hooks.run(packet, Hook.prerouting, device, undefined, afterPriority);
  if (verdict === Verdict.accept) routeInput(namespace, device, packet);
  else if (verdict === Verdict.drop) countHookDrop(namespace, Hook.prerouting);
}

/** Counts what a hook dropped; the rule has noted it on the way. */
function countHookDrop(namespace: Namespace, hook: Hook): void {
  namespace.countDrop(`netfilter ${HOOK_NAMES[hook]}`);
}

/** The routing decision (`ip_route_input_slow`). */
function routeInput(namespace: Namespace, device: Device, packet: Packet): void {
  const { bytes, start } = packet;
  const source = sourceOf(bytes, start);
  const destination = destinationOf(bytes, start);
  const isLoopedBack = device === namespace.loopback;
  if (!isLoopedBack) {
    const reason = martianReason(namespace, device, source, destination);
    if (reason !== undefined) {
      dropMartian(namespace, device, packet, reason);
      return;
    }
  }
  if (destination === LIMITED_BROADCAST || isMulticastAddress(destination)) {
    if (destination !== LIMITED_BROADCAST && !namespace.hasJoined(destination)) {
      namespace.drop(packet, device.name, 'multicast group is not joined');
    } else deliver(namespace, packet);
    return;
  }
  const route = namespace.routes.find(destination, packet.mark, source, device);
  if (route === undefined) {
    refuse(namespace, device, packet, 'no route', UnreachableCode.network);
    return;
  }
  if (!isLoopedBack) {
    const reason = validateSource(namespace, device, source);
    if (reason !== undefined && !(source === 0 && route.type !== 'unicast')) {
      dropMartian(namespace, device, packet, reason);
      return;
    }
  }
  if (packet.way !== undefined) noteRoute(namespace, packet, route);
  switch (route.type) {
    case 'unicast':
      forward(namespace, packet, route);
      break;
    case 'local':
    case 'broadcast':
      deliver(namespace, packet);
      break;
    case 'unreachable':
      refuse(namespace, device, packet, 'route is unreachable', UnreachableCode.host);
      break;
    case 'prohibit': {
      const code = UnreachableCode.administrativelyProhibited;
      refuse(namespace, device, packet, 'route is prohibited', code);
      break;
    }
    default:
      namespace.drop(packet, device.name, 'route is a blackhole');
  }
}

/** Drops what came in by the wrong device, and logs it where `log_martians` asks for it. */
function dropMartian(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  reason: 'martian source' | 'martian destination' | 'rp_filter',
): void {
  namespace.drop(packet, device.name, reason);
  if (device.ipv4.log_martians === 0 && namespace.sysctls.all.log_martians === 0) return;
  const source = formatIpv4Address(sourceOf(packet.bytes, packet.start));
  const destination = formatIpv4Address(destinationOf(packet.bytes, packet.start));
  const text =
    reason === 'martian destination'
      ? `IPv4: martian destination ${destination} from ${source}, dev ${device.name}`
      : `IPv4: martian source ${destination} from ${source}, on dev ${device.name}`;
  namespace.world.observe(martian, namespace.nodeIndex, 0, 0, text);
  const { log } = namespace.host;
  log.writeLimited(text);
  const header = packet.bytes.subarray(packet.start - ETHERNET_HEADER_BYTES, packet.start);
  const octets = Array.from(header, (octet) => octet.toString(16).padStart(2, '0'));
  log.write(`ll header: 00000000: ${octets.join(' ')}`);
}

/** What no device but loopback may bring in; undefined for a proper packet. */
function martianReason(
  namespace: Namespace,
  device: Device,
  source: number,
  destination: number,
): 'martian source' | 'martian destination' | undefined {
  if (isMulticastAddress(source) || source === LIMITED_BROADCAST) return 'martian source';
  if (destination === LIMITED_BROADCAST || (source === 0 && destination === 0)) return undefined;
  if (source >>> 24 === 0 && source !== 0) return 'martian source';
  if (destination >>> 24 === 0) return 'martian destination';
  const isLoopbackRouted =
    device.ipv4.route_localnet !== 0 || namespace.sysctls.all.route_localnet !== 0;
  if (isLoopbackRouted) return undefined;
  if (isLoopbackAddress(destination)) return 'martian destination';
  return isLoopbackAddress(source) ? 'martian source' : undefined;
}

/** No way on: answered when this is a router, silent otherwise (`ip_error`). */
function refuse(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  reason: string,
  code: number,
): void {
  if (device.ipv4.forwarding === 0) {
    namespace.drop(packet, device.name, 'not forwarding');
    return;
  }
  namespace.drop(packet, device.name, reason);
  namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, code);
}

/** Notes a routing decision as `ip route get` would say it. */
function noteRoute(namespace: Namespace, packet: Packet, route: RouteResult): void {
  let detail: string = route.type;
  if (route.type === 'unicast') {
    detail = route.gateway === undefined ? '' : `via ${formatIpv4Address(route.gateway)} `;
    detail += `dev ${route.device.name}`;
  }
  const { world, name } = namespace;
  packet.way?.add(world.nowNs, name, 'route', route.device.name, '', detail);
}

/** Local delivery: fragments are put together first (`ip_local_deliver`). */
function deliver(namespace: Namespace, packet: Packet): void {
  if (isFragment(packet.bytes, packet.start)) {
    if (!namespace.reassembly.add(packet, packet.inDevice!)) return;
  }
  continueInput(namespace, packet, Number.NEGATIVE_INFINITY);
}

/** INPUT behind a priority, and the protocol. */
export function continueInput(namespace: Namespace, packet: Packet, afterPriority: number): void {
  const device = packet.inDevice!;
  const verdict = namespace.hooks.run(packet, Hook.input, device, undefined, afterPriority);
  if (verdict === Verdict.accept) deliverToProtocol(namespace, packet);
  else if (verdict === Verdict.drop) countHookDrop(namespace, Hook.input);
}

function deliverToProtocol(namespace: Namespace, packet: Packet): void {
  namespace.ipCounters.delivered++;
  const protocol = protocolOf(packet.bytes, packet.start);
  if (protocol === IpProtocol.tcp || protocol === IpProtocol.udp || protocol === IpProtocol.sctp) {
    namespace.sockets.deliver(packet);
    return;
  }
  if (protocol === IpProtocol.icmp) {
    receiveIcmp(namespace, packet);
    return;
  }
  const handler = namespace.protocolHandlers.get(protocol);
  if (handler !== undefined) {
    handler(packet);
    return;
  }
  namespace.drop(packet, packet.inDevice!.name, 'no handler of the protocol');
  namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, UnreachableCode.protocol);
}
