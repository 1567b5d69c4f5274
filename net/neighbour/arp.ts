/**
 * ARP: asking for a neighbour, and what a namespace does with requests and replies.
 *
 * A request that names one of our addresses is answered (as `arp_ignore` allows) and teaches us who
 * asked; any other message only refreshes an entry that exists. With `proxy_arp` we answer for what
 * we would forward to another device, after a random delay. Mirrors net/ipv4/arp.c.
 */
import { drawBelow } from '../../sim/chance.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import {
  BROADCAST_MAC,
  formatIpv4Address,
  formatMac,
  type Ipv4Address,
  isLoopbackAddress,
  isMulticastAddress,
  type Mac,
  prefixMask,
} from '../../wire/addresses.ts';
import { ARP_BYTES, type ArpMessage, ArpOperation, parseArp, writeArp } from '../../wire/arp.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../../wire/ethernet.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import { sourceOf } from '../../wire/ipv4.ts';
import type { Device } from '../device/device.ts';
import { Scope } from '../ip/route.ts';
import { validateSource } from '../ip/source-validation.ts';
import type { Namespace } from '../namespace.ts';
import { LinkTarget, Packet } from '../packet.ts';
import { type Neighbour, NeighbourState } from './neighbour.ts';
import type { NeighbourProtocol } from './neighbours.ts';

/** Ticks of `locktime` and `proxy_delay`: a hundredth of a second. */
const TICK_NS = 10 * MILLISECOND_NS;

/** ARP's part of the neighbour table (`arp_tbl`). */
export const ARP: NeighbourProtocol = {
  etherType: EtherType.ipv4,
  tunables: 'net.ipv4.neigh.default.',
  isIpv6: false,
  tableName: 'arp_cache',
  countOf: ({ host }) => host.arpCount,
  solicit,
  groupMacOf,
  reportUnreachable: (namespace, packet) =>
    namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, UnreachableCode.host),
};

/** Sends a request for a neighbour's address; `packet` is what waits for the answer. */
function solicit(
  namespace: Namespace,
  { device, address }: Neighbour,
  mac: Mac | undefined,
  packet: Packet | undefined,
): void {
  const source = requestSource(namespace, device, address, packet);
  if (source === 0) return;
  const frameTarget = mac ?? BROADCAST_MAC;
  send(device, ArpOperation.request, frameTarget, device.mac, source, mac ?? 0, address);
}

/** The MAC address of a multicast or broadcast address; 0 for a unicast one. */
function groupMacOf(namespace: Namespace, address: Ipv4Address): Mac {
  if (isMulticastAddress(address)) return 0x0100_5e00_0000 + (address & 0x7f_ffff);
  return address === 0xffff_ffff || namespace.isBroadcastAddress(address) ? BROADCAST_MAC : 0;
}

/** Tells everybody on the link where an address is, by a request for itself. */
export function announce(device: Device, address: Ipv4Address): void {
  send(device, ArpOperation.request, BROADCAST_MAC, device.mac, address, 0, address);
}

/** With `arp_notify`, tells of every address of a device that came up or changed its MAC address. */
export function maybeAnnounceAll(namespace: Namespace, device: Device): void {
  if (device.ipv4.arp_notify === 0 && namespace.sysctls.all.arp_notify === 0) return;
  if (!device.isUp || !device.usesNeighbours) return;
  for (const { address } of namespace.addresses.of(device)) announce(device, address);
}

/** The source that a request names, as `arp_announce` says; 0 when there is none. */
function requestSource(
  namespace: Namespace,
  device: Device,
  target: Ipv4Address,
  packet: Packet | undefined,
): Ipv4Address {
  const level = Math.max(device.ipv4.arp_announce, namespace.sysctls.all.arp_announce);
  if (packet !== undefined && level < 2) {
    const source = sourceOf(packet.bytes, packet.start);
    if (namespace.isLocalAddress(source)) {
      if (level === 0 || namespace.addresses.isOnLink(device, source)) return source;
    }
  }
  return namespace.addresses.selectSource(device, target, Scope.link);
}

/** Takes an ARP frame's payload in; `packet.start` is the ARP message. */
export function receiveArp(namespace: Namespace, device: Device, packet: Packet): void {
  if (!device.usesNeighbours || packet.linkTarget === LinkTarget.otherHost) return;
  const message = parseArp(packet.bytes, packet.start, packet.end);
  if (message === undefined) {
    namespace.drop(packet, device.name, 'malformed ARP message');
    return;
  }
  const { operation, targetAddress: target } = message;
  if (operation !== ArpOperation.request && operation !== ArpOperation.reply) return;
  const isLoopbackRouted =
    device.ipv4.route_localnet !== 0 || namespace.sysctls.all.route_localnet !== 0;
  if (isMulticastAddress(target) || (isLoopbackAddress(target) && !isLoopbackRouted)) return;
  if (packet.way !== undefined) {
    const { world, name } = namespace;
    packet.way.add(world.nowNs, name, 'deliver', device.name, '', formatArp(message));
  }
  if (operation === ArpOperation.request && answer(namespace, device, packet, message)) return;
  update(namespace, device, packet, message);
}

/** Answers a request, or at least consumes it; false when it is none of our business. */
function answer(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  message: ArpMessage,
): boolean {
  const { senderAddress: sender, senderMac, targetAddress: target } = message;
  const route = namespace.routes.find(target, 0, sender, device);
  const isLocal = route?.type === 'local';
  if (sender === 0) {
    if (isLocal && !ignores(namespace, device, sender, target)) {
      reply(device, message);
    }
    return true;
  }
  if (route === undefined || validateSource(namespace, device, sender) !== undefined) return false;
  if (isLocal) {
    if (ignores(namespace, device, sender, target)) return true;
    if (isFiltered(namespace, device, sender, target)) return true;
    const neighbour = namespace.neighbours.learnFromRequest(device, sender, senderMac);
    if (neighbour !== undefined) reply(device, message);
    return true;
  }
  if (device.ipv4.forwarding === 0 || route.type !== 'unicast') return false;
  const proxies = device.ipv4.proxy_arp !== 0 || namespace.sysctls.all.proxy_arp !== 0;
  const isWithin = route.device === device;
  const isProxied = proxies || namespace.neighbours.isProxied(device, target);
  if (isWithin ? device.ipv4.proxy_arp_pvlan === 0 : !isProxied) return false;
  if (namespace.neighbours.learnFromRequest(device, sender, senderMac) === undefined) return true;
  replyAsProxy(namespace, device, packet, message);
  return true;
}

function replyAsProxy(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  message: ArpMessage,
): void {
  const delayTicks = namespace.sysctls.number('net.ipv4.neigh.default.proxy_delay');
  if (packet.linkTarget === LinkTarget.host || delayTicks === 0) {
    reply(device, message);
    return;
  }
  const { queue, chance } = namespace.world;
  const key = chance.key('arp.proxy');
  const spanNs = delayTicks * TICK_NS;
  const { senderAddress, targetAddress } = message;
  const delayNs = drawBelow(key, spanNs, senderAddress, targetAddress, queue.nowNs >>> 0);
  queue.scheduleCallback(queue.nowNs + delayNs, () => {
    if (device.namespace === namespace && device.isUp) reply(device, message);
  });
}

/** `arp_ignore`: true when the request is not to be answered. */
function ignores(
  namespace: Namespace,
  device: Device,
  sender: Ipv4Address,
  target: Ipv4Address,
): boolean {
  const level = Math.max(device.ipv4.arp_ignore, namespace.sysctls.all.arp_ignore);
  if (level === 0) return false;
  if (level === 8) return true;
  if (level > 3) return false;
  const owner = level === 3 ? namespace.addresses.deviceOf(target) : device;
  for (const own of owner === undefined ? [] : namespace.addresses.of(owner)) {
    if (own.address !== target) continue;
    if (level === 3) return own.scope > Scope.link;
    return level === 2 && ((own.address ^ sender) & prefixMask(own.prefixLength)) !== 0;
  }
  return true;
}

/** `arp_filter`: answers only by the device through which we would reach who asked. */
function isFiltered(
  namespace: Namespace,
  device: Device,
  sender: Ipv4Address,
  target: Ipv4Address,
): boolean {
  if (device.ipv4.arp_filter === 0 && namespace.sysctls.all.arp_filter === 0) return false;
  const route = namespace.routes.find(sender, 0, target, undefined);
  return route === undefined || route.device !== device;
}

/** Refreshes the entry of who sent the message, if there is one or `arp_accept` makes one. */
function update(namespace: Namespace, device: Device, packet: Packet, message: ArpMessage): void {
  const { senderAddress: sender, senderMac, targetAddress, operation } = message;
  const { neighbours, sysctls, world } = namespace;
  const isGratuitous =
    targetAddress === sender &&
    (operation === ArpOperation.request ||
      message.targetMac === senderMac ||
      message.targetMac === BROADCAST_MAC ||
      message.targetMac === 0);
  let neighbour = neighbours.find(device, sender);
  const accepts = Math.max(device.ipv4.arp_accept, sysctls.all.arp_accept);
  if (neighbour === undefined && accepts !== 0 && isGratuitous) {
    neighbour = neighbours.accept(device, sender);
  }
  if (neighbour === undefined) return;
  const lockNs = sysctls.number('net.ipv4.neigh.default.locktime') * TICK_NS;
  const mayOverride = isGratuitous || world.nowNs > neighbour.updatedAtNs + lockNs;
  const isAnswer = operation === ArpOperation.reply && packet.linkTarget === LinkTarget.host;
  const state = isAnswer ? NeighbourState.reachable : NeighbourState.stale;
  neighbours.learn(neighbour, senderMac, state, mayOverride);
}

function reply(device: Device, message: ArpMessage): void {
  const { senderAddress, senderMac, targetAddress } = message;
  const { reply: operation } = ArpOperation;
  send(device, operation, senderMac, device.mac, targetAddress, senderMac, senderAddress);
}

function send(
  device: Device,
  operation: number,
  frameTarget: Mac,
  senderMac: Mac,
  senderAddress: Ipv4Address,
  targetMac: Mac,
  targetAddress: Ipv4Address,
): void {
  const packet = Packet.allocate(ETHERNET_HEADER_BYTES + ARP_BYTES);
  const { bytes, start } = packet;
  const message = { operation, senderMac, senderAddress, targetMac, targetAddress };
  writeEthernetHeader(bytes, start, frameTarget, device.mac, EtherType.arp);
  writeArp(bytes, start + ETHERNET_HEADER_BYTES, message);
  device.transmit(packet);
}

/** The message as tcpdump prints it. */
function formatArp(message: ArpMessage): string {
  const target = formatIpv4Address(message.targetAddress);
  const sender = formatIpv4Address(message.senderAddress);
  if (message.operation === ArpOperation.request) return `ARP who-has ${target} tell ${sender}`;
  return `ARP ${sender} is-at ${formatMac(message.senderMac)}`;
}
