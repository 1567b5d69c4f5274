/**
 * br_netfilter: IP's hooks for frames that a bridge passes on.
 *
 * A bridged frame of IPv4 or IPv6 runs PREROUTING with the bridge as its input device; one that leaves by
 * another port also runs FORWARD (bridge in, bridge out; the ports are there for physdev) and
 * POSTROUTING. What goes up does not run PREROUTING a second time, and what the host itself sends
 * runs nothing here. A destination that PREROUTING changed is bridged on when its route leaves by
 * the same bridge, once its MAC address is known, and goes up to be routed otherwise.
 * Mirrors net/bridge/br_netfilter_hooks.c and br_netfilter_ipv6.c.
 */
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  setDestinationMac,
  sourceMacOf,
  writeEthernetHeader,
} from '../../wire/ethernet.ts';
import { destinationOf, isFragment, totalLengthOf } from '../../wire/ip.ts';
import { formatIp, type IpAddress } from '../../wire/ip-address.ts';
import { fragmentIpv4, isValidIpv4Header } from '../../wire/ipv4.ts';
import { fragmentIpv6, isValidIpv6Header } from '../../wire/ipv6/header.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { HEADROOM_BYTES, LinkTarget, Packet } from '../packet.ts';
import type { Bridge } from './bridge.ts';
import type { Device } from './device.ts';

/** Runs PREROUTING; false when the frame does not go on (dropped, stolen, or handled here). */
export function bridgePrerouting(bridge: Bridge, port: Device, packet: Packet): boolean {
  const { namespace } = bridge;
  const target = destinationMacOf(packet.bytes, packet.start);
  const source = sourceMacOf(packet.bytes, packet.start);
  const etherType = etherTypeOf(packet.bytes, packet.start);
  const isVersion6 = etherType === EtherType.ipv6;
  packet.pull(ETHERNET_HEADER_BYTES);
  const isValid = isVersion6 ? isValidIpv6Header : isValidIpv4Header;
  if (!isValid(packet.bytes, packet.start, packet.end)) {
    namespace.drop(packet, port.name, `malformed IPv${isVersion6 ? 6 : 4} header`);
    return false;
  }
  const { hooks, reassembly } = isVersion6 ? namespace.ipv6 : namespace;
  packet.end = packet.start + totalLengthOf(packet.bytes, packet.start);
  if (isFragment(packet.bytes, packet.start) && namespace.connections.isEnabled) {
    if (!reassembly.add(packet, bridge)) return false;
  }
  packet.inDevice = bridge;
  packet.inPort = port;
  packet.isBridgePrerouted = true;
  const before = destinationOf(packet.bytes, packet.start);
  const verdict = hooks.run(packet, Hook.prerouting, bridge, undefined);
  if (verdict !== Verdict.accept) {
    if (verdict === Verdict.drop) namespace.countDrop('netfilter PREROUTING');
    return false;
  }
  const after = destinationOf(packet.bytes, packet.start);
  packet.push(ETHERNET_HEADER_BYTES);
  writeEthernetHeader(packet.bytes, packet.start, target, source, etherType);
  if (after === before) return true;
  return redirect(bridge, packet, after, isVersion6);
}

/** PREROUTING changed the destination: to the neighbour on this bridge, or up to be routed. */
function redirect(
  bridge: Bridge,
  packet: Packet,
  destination: IpAddress,
  isVersion6: boolean,
): boolean {
  const { namespace } = bridge;
  const { neighbours } = isVersion6 ? namespace.ipv6 : namespace;
  const settings = isVersion6 ? namespace.sysctls.ipv6.all : bridge.ipv4;
  const route = namespace.routeLookup({ destination, mark: packet.mark });
  const isRouted = settings.forwarding !== 0 || route?.type === 'local';
  if (route === undefined || (!isRouted && route.device !== bridge)) {
    namespace.drop(packet, bridge.name, route === undefined ? 'no route' : 'not forwarding');
    return false;
  }
  if (route.type !== 'unicast' || route.device !== bridge) {
    setDestinationMac(packet.bytes, packet.start, bridge.mac);
    packet.linkTarget = LinkTarget.host;
    return true;
  }
  const mac = neighbours.macOf(bridge, route.nextHop);
  if (mac !== undefined) {
    setDestinationMac(packet.bytes, packet.start, mac);
    return true;
  }
  if (packet.way !== undefined) {
    bridge.noteWay(packet, 'transmit', `dst is now ${formatIp(destination)}`);
  }
  packet.bridgedSource = sourceMacOf(packet.bytes, packet.start);
  packet.pull(ETHERNET_HEADER_BYTES);
  neighbours.send(bridge, route.nextHop, packet);
  return false;
}

/** Runs FORWARD and POSTROUTING; false when the frame does not go on. */
export function bridgeForwarding(bridge: Bridge, port: Device, packet: Packet): boolean {
  const { bytes, start } = packet;
  const { namespace } = bridge;
  const target = destinationMacOf(bytes, start);
  const source = sourceMacOf(bytes, start);
  const etherType = etherTypeOf(bytes, start);
  const { hooks } = etherType === EtherType.ipv6 ? namespace.ipv6 : namespace;
  packet.pull(ETHERNET_HEADER_BYTES);
  packet.outPort = port;
  let verdict = hooks.run(packet, Hook.forward, bridge, bridge);
  if (verdict === Verdict.drop) namespace.countDrop('netfilter FORWARD');
  if (verdict !== Verdict.accept) return false;
  verdict = hooks.run(packet, Hook.postrouting, undefined, bridge);
  if (verdict === Verdict.drop) namespace.countDrop('netfilter POSTROUTING');
  if (verdict !== Verdict.accept) return false;
  if (packet.end - packet.start > port.mtu && packet.fragmentBytesMax > 0) {
    sendFragments(port, packet, target, source, etherType);
    return false;
  }
  packet.push(ETHERNET_HEADER_BYTES);
  writeEthernetHeader(packet.bytes, packet.start, target, source, etherType);
  return true;
}

/** What conntrack put together leaves in fragments again. */
function sendFragments(
  port: Device,
  { bytes, start, end, fragmentBytesMax, way }: Packet,
  target: number,
  source: number,
  etherType: number,
): void {
  const mtuBytes = Math.min(port.mtu, fragmentBytesMax);
  const pieces =
    etherType === EtherType.ipv4
      ? fragmentIpv4(bytes, start, end, mtuBytes, HEADROOM_BYTES)
      : fragmentIpv6(
          bytes,
          start,
          end,
          mtuBytes,
          port.namespace.ipv6.nextIdentification(),
          HEADROOM_BYTES,
        );
  for (const piece of pieces) {
    const fragment = new Packet(piece, HEADROOM_BYTES, piece.length);
    fragment.way = way?.fork();
    fragment.push(ETHERNET_HEADER_BYTES);
    writeEthernetHeader(fragment.bytes, fragment.start, target, source, etherType);
    port.transmit(fragment);
  }
}
