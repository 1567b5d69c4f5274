/**
 * Neighbour discovery: asking for a neighbour by its solicited-node group, and what a namespace does
 * with solicitations, advertisements and redirects.
 *
 * A solicitation for one of our addresses is answered and teaches us who asked. An advertisement
 * refreshes an entry that exists; one without the override flag does not replace a MAC address that is
 * known to be right, but makes us doubt it. Who hears of an address that he is about to use gives it up
 * (ip6/dad.ts). With `proxy_ndp` a router answers for addresses that it was given. Mirrors
 * net/ipv6/ndisc.c.
 */
import { drawBelow } from '../../sim/chance.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { Mac } from '../../wire/addresses.ts';
import { EtherType } from '../../wire/ethernet.ts';
import { ALL_NODES, ANY_IPV6, type IpAddress, ipv6Words } from '../../wire/ip-address.ts';
import {
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6SourceOf,
  NextHeader,
  writeIpv6Header,
} from '../../wire/ipv6/header.ts';
import { finishIcmpv6Checksum, Icmpv6Type, Unreachable6Code } from '../../wire/ipv6/icmpv6.ts';
import {
  type NeighbourMessage,
  neighbourMessageBytes,
  parseNeighbourMessage,
  parseRedirect,
  redirectBytes,
  writeNeighbourMessage,
  writeRedirect,
} from '../../wire/ipv6/ndisc.ts';
import {
  groupMacOf,
  isIpv6Multicast,
  isLinkLocal,
  solicitedNodeOf,
} from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import { type RouteResult, RouteTableId, Scope } from '../ip/route.ts';
import { sendIpv6Along } from '../ip6/output.ts';
import type { Namespace } from '../namespace.ts';
import { LinkTarget, Packet } from '../packet.ts';
import { CONNECTED, type Neighbour, NeighbourState } from './neighbour.ts';
import type { NeighbourProtocol } from './neighbours.ts';

/** The tick of `proxy_delay`: a hundredth of a second. */
const TICK_NS = 10 * MILLISECOND_NS;

/** Neighbour discovery's part of the neighbour table (`nd_tbl`). */
export const NDISC: NeighbourProtocol = {
  etherType: EtherType.ipv6,
  tunables: 'net.ipv6.neigh.default.',
  isIpv6: true,
  tableName: 'ndisc_cache',
  countOf: ({ host }) => host.ndiscCount,
  solicit,
  groupMacOf: (_, address) => (isIpv6Multicast(address) ? groupMacOf(address) : 0),
  reportUnreachable: ({ ipv6 }, packet) => {
    ipv6.sendIcmpError(packet, Icmpv6Type.destinationUnreachable, Unreachable6Code.address, 0);
  },
};

/** Asks for a neighbour: its group, or itself when its MAC address is known (`ndisc_solicit`). */
function solicit(
  namespace: Namespace,
  { device, address }: Neighbour,
  mac: Mac | undefined,
  packet: Packet | undefined,
): void {
  const source = solicitSource(namespace, device, packet);
  if (source === undefined) return;
  const to = mac === undefined ? solicitedNodeOf(address) : address;
  sendNeighbourMessage(device, Icmpv6Type.neighbourSolicitation, source, to, {
    target: address,
    mac: device.mac,
    isRouter: false,
    isSolicited: false,
    isOverride: false,
  });
}

/** The waiting packet's source when it is one of the device's, else the link-local address. */
function solicitSource(
  { ipv6 }: Namespace,
  device: Device,
  packet: Packet | undefined,
): IpAddress | undefined {
  const { addresses } = ipv6;
  const own = packet === undefined ? undefined : ipv6SourceOf(packet.bytes, packet.start);
  const known = own === undefined ? undefined : addresses.find(device, own);
  if (known !== undefined && !addresses.isTentative(known)) return own;
  const linkLocal = addresses.of(device).find((each) => isLinkLocal(each.address));
  if (linkLocal === undefined || addresses.isTentative(linkLocal)) return undefined;
  return linkLocal.address;
}

/** Asks the link whether anybody has an address that is about to be used. */
export function solicitForDetection(device: Device, address: IpAddress): void {
  const to = solicitedNodeOf(address);
  sendNeighbourMessage(device, Icmpv6Type.neighbourSolicitation, ANY_IPV6, to, {
    target: address,
    mac: undefined,
    isRouter: false,
    isSolicited: false,
    isOverride: false,
  });
}

/** Takes a solicitation, advertisement or redirect in; the ICMPv6 header is at `at`. */
export function receiveNdisc(namespace: Namespace, packet: Packet, at: number): void {
  const { bytes, end } = packet;
  const device = packet.inDevice!;
  if (bytes[at] === Icmpv6Type.redirect) {
    takeRedirect(namespace, device, packet, at);
    return;
  }
  const message = parseNeighbourMessage(bytes, at, end);
  if (message === undefined || isIpv6Multicast(message.target)) {
    namespace.drop(packet, device.name, 'malformed neighbour discovery message');
  } else if (bytes[at] === Icmpv6Type.neighbourSolicitation) {
    takeSolicitation(namespace, device, packet, message);
  } else takeAdvertisement(namespace, device, packet, message);
}

function takeSolicitation(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  { target, mac }: NeighbourMessage,
): void {
  const { addresses, neighbours } = namespace.ipv6;
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const isDetection = source === ANY_IPV6;
  const own = addresses.find(device, target);
  if (own === undefined) {
    if (proxies(namespace, device, target)) answerAsProxy(namespace, device, packet, target, mac);
    return;
  }
  if (own.isDuplicate) return;
  if (addresses.isTentative(own)) {
    if (isDetection) addresses.becomeDuplicate(own);
    return;
  }
  const answer = {
    target,
    mac: device.mac,
    isRouter: device.ipv6.forwarding !== 0,
    isSolicited: !isDetection,
    isOverride: true,
  };
  if (!isDetection && mac !== undefined) {
    if (neighbours.learnFromRequest(device, source, mac) === undefined) return;
  }
  const to = isDetection ? ALL_NODES : source;
  sendNeighbourMessage(device, Icmpv6Type.neighbourAdvertisement, target, to, answer);
}

/** `proxy_ndp`: a router answers for the addresses that it was given. */
function proxies(namespace: Namespace, device: Device, target: IpAddress): boolean {
  const { all } = namespace.sysctls.ipv6;
  const isOn = device.ipv6.proxy_ndp !== 0 || all.proxy_ndp !== 0;
  return (
    isOn && device.ipv6.forwarding !== 0 && namespace.ipv6.neighbours.isProxied(device, target)
  );
}

/** Answers for somebody else: at once who asks us, after a random delay who asks a group. */
function answerAsProxy(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  target: IpAddress,
  mac: Mac | undefined,
): void {
  const { world, ipv6, sysctls } = namespace;
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const isDetection = source === ANY_IPV6;
  const to = isDetection ? ALL_NODES : source;
  const answer = () => {
    const own = ipv6.addresses.selectSource(device, to);
    if (own === undefined || device.namespace !== namespace || !device.isUp) return;
    if (!isDetection && mac !== undefined) ipv6.neighbours.learnFromRequest(device, source, mac);
    sendNeighbourMessage(device, Icmpv6Type.neighbourAdvertisement, own, to, {
      target,
      mac: device.mac,
      isRouter: false,
      isSolicited: !isDetection,
      isOverride: false,
    });
  };
  const spanNs = sysctls.number('net.ipv6.neigh.default.proxy_delay') * TICK_NS;
  if (packet.linkTarget === LinkTarget.host || spanNs === 0) {
    answer();
    return;
  }
  const { queue, chance } = world;
  const [, , c, d] = ipv6Words(target);
  const delayNs = drawBelow(chance.key('ndisc.proxy'), spanNs, c!, d!, queue.nowNs >>> 0);
  queue.scheduleCallback(queue.nowNs + delayNs, answer);
}

function takeAdvertisement(
  namespace: Namespace,
  device: Device,
  packet: Packet,
  message: NeighbourMessage,
): void {
  const { target, mac, isSolicited, isOverride } = message;
  const { addresses, neighbours } = namespace.ipv6;
  if (isSolicited && isIpv6Multicast(ipv6DestinationOf(packet.bytes, packet.start))) return;
  const own = addresses.find(device, target);
  if (own !== undefined) {
    if (addresses.isTentative(own)) addresses.becomeDuplicate(own);
    return;
  }
  const neighbour = neighbours.find(device, target);
  if (neighbour === undefined || neighbour.state === NeighbourState.failed) return;
  neighbour.isRouter = message.isRouter;
  const learned = mac ?? (neighbour.isValid ? neighbour.mac : undefined);
  if (learned === undefined) return;
  if (neighbour.isValid && learned !== neighbour.mac && !isOverride) {
    if ((neighbours.stateOf(neighbour) & CONNECTED) !== 0) neighbours.doubt(neighbour);
    return;
  }
  const state = isSolicited ? NeighbourState.reachable : NeighbourState.stale;
  neighbours.learn(neighbour, learned, state, isOverride);
}

/** A router on our link knows a better next hop (`rt6_do_redirect`). */
function takeRedirect(namespace: Namespace, device: Device, packet: Packet, at: number): void {
  const { routes, neighbours } = namespace.ipv6;
  const router = ipv6SourceOf(packet.bytes, packet.start);
  const message = parseRedirect(packet.bytes, at, packet.end);
  if (message === undefined || !isLinkLocal(router)) {
    namespace.drop(packet, device.name, 'malformed neighbour discovery message');
    return;
  }
  const { target, destination, mac } = message;
  if (device.ipv6.accept_redirects === 0 || device.ipv6.forwarding !== 0) return;
  if (target !== destination && !isLinkLocal(target)) return;
  const route = routes.lookup({ destination });
  if (route?.type !== 'unicast' || route.device !== device || route.gateway !== router) return;
  if (mac !== undefined) neighbours.learnFromRequest(device, target, mac);
  routes.redirect(destination, target);
}

/** Tells a sender on the link that there is a shorter way (`ndisc_send_redirect`). */
export function sendNeighbourRedirect(
  namespace: Namespace,
  packet: Packet,
  { device, nextHop }: RouteResult,
): void {
  const { addresses, neighbours } = namespace.ipv6;
  const source = ipv6SourceOf(packet.bytes, packet.start);
  const destination = ipv6DestinationOf(packet.bytes, packet.start);
  const own = addresses.linkLocalOf(device);
  if (own === undefined || (nextHop !== destination && !isLinkLocal(nextHop))) return;
  const message = { target: nextHop, destination, mac: neighbours.macOf(device, nextHop) };
  const lengthBytes = redirectBytes(message);
  sendMessage(device, own, source, lengthBytes, (bytes, at) => writeRedirect(bytes, at, message));
}

function sendNeighbourMessage(
  device: Device,
  type: number,
  source: IpAddress,
  destination: IpAddress,
  message: NeighbourMessage,
): void {
  const lengthBytes = neighbourMessageBytes(message);
  sendMessage(device, source, destination, lengthBytes, (bytes, at) =>
    writeNeighbourMessage(bytes, at, type, message),
  );
}

/** Sends an ICMPv6 message of the link by a device, through OUTPUT and POSTROUTING. */
function sendMessage(
  device: Device,
  source: IpAddress,
  destination: IpAddress,
  lengthBytes: number,
  write: (bytes: Uint8Array, at: number) => void,
): void {
  const packet = Packet.allocate(IPV6_HEADER_BYTES + lengthBytes);
  const { bytes, start } = packet;
  writeIpv6Header(bytes, start, {
    payloadBytes: lengthBytes,
    nextHeader: NextHeader.icmpv6,
    hopLimit: 255,
    source,
    destination,
  });
  const at = start + IPV6_HEADER_BYTES;
  write(bytes, at);
  finishIcmpv6Checksum(bytes, at, lengthBytes, source, destination);
  sendIpv6Along(device.namespace, packet, linkRoute(device, destination));
}

/** The way to a neighbour or a group of a device's link, whatever the tables say (`icmp6_dst_alloc`). */
function linkRoute(device: Device, destination: IpAddress): RouteResult {
  return {
    type: 'unicast',
    route: {
      destination,
      prefixLength: 128,
      type: 'unicast',
      gateway: 0,
      device,
      preferredSource: 0,
      metric: 0,
      scope: Scope.link,
      protocol: 'kernel',
      table: RouteTableId.main,
      mtu: 0,
      isOnLink: true,
    },
    device,
    nextHop: destination,
    gateway: undefined,
    source: 0,
    mtuBytes: device.mtu,
  };
}
