/**
 * br_netfilter: IPv4's hooks for frames that a bridge passes on.
 *
 * A bridged IPv4 frame runs PREROUTING with the bridge as its input device; one that leaves by
 * another port also runs FORWARD (bridge in, bridge out; the ports are there for physdev) and
 * POSTROUTING. What goes up does not run PREROUTING a second time, and what the host itself sends
 * runs nothing here. A destination that PREROUTING changed is bridged on when its route leaves by
 * the same bridge, and goes up to be routed otherwise.
 * Mirrors net/bridge/br_netfilter_hooks.c.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  setDestinationMac,
  sourceMacOf,
  writeEthernetHeader,
} from '../../wire/ethernet.ts';
import {
  destinationOf,
  fragmentIpv4,
  isFragment,
  isValidIpv4Header,
  totalLengthOf,
} from '../../wire/ipv4.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { HEADROOM_BYTES, LinkTarget, Packet } from '../packet.ts';
import type { Bridge } from './bridge.ts';
import type { Device } from './device.ts';

/** Runs PREROUTING; false when the frame does not go on (dropped, stolen, or handled here). */
export function bridgePrerouting(bridge: Bridge, port: Device, packet: Packet): boolean {
  const { namespace } = bridge;
  const target = destinationMacOf(packet.bytes, packet.start);
  const source = sourceMacOf(packet.bytes, packet.start);
  packet.pull(ETHERNET_HEADER_BYTES);
  if (!isValidIpv4Header(packet.bytes, packet.start, packet.end)) {
    namespace.drop(packet, port.name, 'malformed IPv4 header');
    return false;
  }
  packet.end = packet.start + totalLengthOf(packet.bytes, packet.start);
  if (isFragment(packet.bytes, packet.start) && namespace.connections.isEnabled) {
    if (!namespace.reassembly.add(packet, bridge)) return false;
  }
  packet.inDevice = bridge;
  packet.inPort = port;
  packet.isBridgePrerouted = true;
  const before = destinationOf(packet.bytes, packet.start);
  const verdict = namespace.hooks.run(packet, Hook.prerouting, bridge, undefined);
  if (verdict !== Verdict.accept) {
    if (verdict === Verdict.drop) namespace.countDrop('netfilter PREROUTING');
    return false;
  }
  const after = destinationOf(packet.bytes, packet.start);
  packet.push(ETHERNET_HEADER_BYTES);
  writeEthernetHeader(packet.bytes, packet.start, target, source, EtherType.ipv4);
  if (after === before) return true;
  return redirect(bridge, packet, after);
}

/** PREROUTING changed the destination: to the neighbour on this bridge, or up to be routed. */
function redirect(bridge: Bridge, packet: Packet, destination: number): boolean {
  const { namespace } = bridge;
  const route = namespace.routeLookup({ destination, mark: packet.mark });
  const isRouted = bridge.ipv4.forwarding !== 0 || route?.type === 'local';
  if (route === undefined || (!isRouted && route.device !== bridge)) {
    namespace.drop(packet, bridge.name, route === undefined ? 'no route' : 'not forwarding');
    return false;
  }
  if (route.type !== 'unicast' || route.device !== bridge) {
    setDestinationMac(packet.bytes, packet.start, bridge.mac);
    packet.linkTarget = LinkTarget.host;
    return true;
  }
  const mac = namespace.neighbours.macOf(bridge, route.nextHop);
  if (mac !== undefined) {
    setDestinationMac(packet.bytes, packet.start, mac);
    return true;
  }
  if (packet.way !== undefined) {
    bridge.noteWay(packet, 'transmit', `dst is now ${formatIpv4Address(destination)}`);
  }
  packet.pull(ETHERNET_HEADER_BYTES);
  namespace.neighbours.send(bridge, route.nextHop, packet);
  return false;
}

/** Runs FORWARD and POSTROUTING; false when the frame does not go on. */
export function bridgeForwarding(bridge: Bridge, port: Device, packet: Packet): boolean {
  const { bytes, start } = packet;
  const { namespace } = bridge;
  const target = destinationMacOf(bytes, start);
  const source = sourceMacOf(bytes, start);
  packet.pull(ETHERNET_HEADER_BYTES);
  packet.outPort = port;
  let verdict = namespace.hooks.run(packet, Hook.forward, bridge, bridge);
  if (verdict === Verdict.drop) namespace.countDrop('netfilter FORWARD');
  if (verdict !== Verdict.accept) return false;
  verdict = namespace.hooks.run(packet, Hook.postrouting, undefined, bridge);
  if (verdict === Verdict.drop) namespace.countDrop('netfilter POSTROUTING');
  if (verdict !== Verdict.accept) return false;
  if (packet.end - packet.start > port.mtu && packet.fragmentBytesMax > 0) {
    sendFragments(port, packet, target, source);
    return false;
  }
  packet.push(ETHERNET_HEADER_BYTES);
  writeEthernetHeader(packet.bytes, packet.start, target, source, EtherType.ipv4);
  return true;
}

/** What conntrack put together leaves in fragments again. */
function sendFragments(port: Device, packet: Packet, target: number, source: number): void {
  const mtuBytes = Math.min(port.mtu, packet.fragmentBytesMax);
  for (const bytes of fragmentIpv4(
    packet.bytes,
    packet.start,
    packet.end,
    mtuBytes,
    HEADROOM_BYTES,
  )) {
    const fragment = new Packet(bytes, HEADROOM_BYTES, bytes.length);
    fragment.way = packet.way?.fork();
    fragment.push(ETHERNET_HEADER_BYTES);
    writeEthernetHeader(fragment.bytes, fragment.start, target, source, EtherType.ipv4);
    port.transmit(fragment);
  }
}
