/**
 * ipvlan: devices that share their parent's MAC address and are told apart by IP address.
 *
 * In l2 mode a device sends frames out of the parent's wire and resolves neighbours itself. In l3
 * and l3s mode it resolves nothing: the parent's namespace routes what it sends (OUTPUT and
 * POSTROUTING see it), and only addresses of devices come in; l3s also runs the parent's
 * PREROUTING and INPUT. Mirrors drivers/net/ipvlan/ipvlan_core.c and ipvlan_l3s.c.
 */
import { isGroupMac } from '../../wire/addresses.ts';
import { ARP_BYTES, targetAddressOf } from '../../wire/arp.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
} from '../../wire/ethernet.ts';
import { destinationOf, isIpv6 } from '../../wire/ip.ts';
import { ANY_IPV6, type IpAddress, isIpv6Address, readIpv6 } from '../../wire/ip-address.ts';
import { IPV4_HEADER_BYTES, isValidIpv4Header } from '../../wire/ipv4.ts';
import {
  IPV6_HEADER_BYTES,
  ipv6ProtocolOf,
  ipv6SourceOf,
  isValidIpv6Header,
  NextHeader,
} from '../../wire/ipv6/header.ts';
import { Icmpv6Type } from '../../wire/ipv6/icmpv6.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import type { Packet } from '../packet.ts';
import type { Device } from './device.ts';
import { StackedDevice } from './stacked-device.ts';

/** Who routes and resolves: the device itself, or its parent's namespace. */
export type IpvlanMode = 'l2' | 'l3' | 'l3s';
/** Whether siblings reach each other directly, not at all, or by the wire's switch. */
export type IpvlanFlag = 'bridge' | 'private' | 'vepa';

/** The shortest neighbour solicitation. */
const NEIGHBOUR_BYTES = 24;

/** The last number that a device on each parent got. */
const lastIds = new WeakMap<Device, number>();

/** An ipvlan device. */
export class Ipvlan extends StackedDevice {
  readonly kind = 'ipvlan';
  readonly mode: IpvlanMode;
  readonly flag: IpvlanFlag;

  constructor(name: string, parent: Device, mode: IpvlanMode = 'l2', flag: IpvlanFlag = 'bridge') {
    super(name, parent, parent.mac);
    this.mode = mode;
    this.flag = flag;
    this.usesNeighbours = mode === 'l2';
    this.sharedMacId = (lastIds.get(parent) ?? 0) + 1;
    lastIds.set(parent, this.sharedMacId);
    parent.frameHandler = receiveOnParent;
  }

  override get linkDetail(): string {
    return ` mode ${this.mode} ${this.flag}`;
  }

  override transmit(packet: Packet): void {
    if (!this.isUp || !this.parent.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    if (this.mode === 'l2') this.#transmitFrame(packet);
    else this.#transmitRouted(packet);
  }

  override onParentMtu(): void {
    this.followMtu();
  }

  override onParentMac(): void {
    this.followMac();
  }

  override onRemove(): void {
    super.onRemove();
    this.release(receiveOnParent);
  }

  #transmitFrame(packet: Packet): void {
    const destination = destinationMacOf(packet.bytes, packet.start);
    if (isGroupMac(destination)) {
      for (const sibling of siblingsOf(this.parent)) {
        if (sibling === this || !sibling.isUp || this.flag !== 'bridge') continue;
        sibling.statistics.rxMulticast++;
        this.#hand(sibling, packet.clone());
      }
    } else if (destination === this.mac && this.flag !== 'vepa') {
      const sibling = siblingOf(this.parent, packet);
      if (this.flag === 'private' && sibling !== undefined) {
        this.dropTransmit(packet, 'ipvlan is private');
      } else this.#hand(sibling ?? this.parent, packet);
      return;
    }
    this.parent.transmit(packet);
  }

  #transmitRouted(packet: Packet): void {
    const etherType = etherTypeOf(packet.bytes, packet.start);
    if (etherType !== EtherType.ipv4 && etherType !== EtherType.ipv6) {
      this.dropTransmit(packet, 'unhandled protocol');
      return;
    }
    const sibling = this.flag === 'vepa' ? undefined : siblingOf(this.parent, packet);
    if (sibling !== undefined) {
      if (this.flag === 'private') this.dropTransmit(packet, 'ipvlan is private');
      else this.#hand(sibling, packet);
      return;
    }
    packet.pull(ETHERNET_HEADER_BYTES);
    packet.scrub();
    if (etherType === EtherType.ipv4) this.parent.namespace.sendRouted(packet);
    else this.parent.namespace.ipv6.send(packet);
  }

  #hand(device: Device, packet: Packet): void {
    packet.scrub();
    this.namespace.host.backlog.enqueue(device, packet);
  }
}

/** The ipvlans of a parent, in the order of their making. */
function siblingsOf(parent: Device): Ipvlan[] {
  return parent.uppers.filter((upper) => upper instanceof Ipvlan);
}

/** The device that has the address to which a packet or a question about an address goes. */
function siblingOf(parent: Device, packet: Packet): Ipvlan | undefined {
  const address = targetOf(packet);
  if (address === undefined) return undefined;
  for (const sibling of siblingsOf(parent)) {
    if (sibling.namespace === undefined || !sibling.isUp) continue;
    const { addresses, ipv6IfUsed } = sibling.namespace;
    const own = isIpv6Address(address) ? ipv6IfUsed?.addresses.of(sibling) : addresses.of(sibling);
    if (own?.some((each) => each.address === address) === true) return sibling;
  }
  return undefined;
}

function targetOf(packet: Packet): IpAddress | undefined {
  const { bytes, end } = packet;
  const at = packet.start + ETHERNET_HEADER_BYTES;
  const etherType = etherTypeOf(bytes, packet.start);
  if (etherType === EtherType.ipv4 && end - at >= IPV4_HEADER_BYTES)
    return destinationOf(bytes, at);
  if (etherType === EtherType.arp && end - at >= ARP_BYTES) return targetAddressOf(bytes, at);
  if (etherType !== EtherType.ipv6 || end - at < IPV6_HEADER_BYTES) return undefined;
  const body = at + IPV6_HEADER_BYTES;
  const isDetection =
    ipv6SourceOf(bytes, at) === ANY_IPV6 &&
    ipv6ProtocolOf(bytes, at) === NextHeader.icmpv6 &&
    end - body >= NEIGHBOUR_BYTES &&
    bytes[body] === Icmpv6Type.neighbourSolicitation;
  return isDetection ? readIpv6(bytes, body + 8) : destinationOf(bytes, at);
}

/** Tells frames from the wire apart (`ipvlan_handle_frame`); false leaves one to the parent. */
function receiveOnParent(parent: Device, packet: Packet): boolean {
  const siblings = siblingsOf(parent);
  const mode = siblings[0]?.mode ?? 'l2';
  if (isGroupMac(destinationMacOf(packet.bytes, packet.start))) {
    if (mode !== 'l2') return false;
    for (const sibling of siblings) {
      if (!sibling.isUp) continue;
      sibling.statistics.rxMulticast++;
      sibling.receive(packet.clone());
    }
    return false;
  }
  const sibling = siblingOf(parent, packet);
  if (sibling === undefined) return false;
  if (mode === 'l3s' && !passesParent(parent, packet)) return true;
  sibling.receive(packet);
  return true;
}

/** l3s: the parent's PREROUTING and INPUT look at the packet. */
function passesParent(parent: Device, packet: Packet): boolean {
  packet.pull(ETHERNET_HEADER_BYTES);
  const isVersion6 = isIpv6(packet.bytes, packet.start);
  const { hooks } = isVersion6 ? parent.namespace.ipv6 : parent.namespace;
  const isValid = isVersion6 ? isValidIpv6Header : isValidIpv4Header;
  if (!isValid(packet.bytes, packet.start, packet.end)) return false;
  for (const hook of [Hook.prerouting, Hook.input] as const) {
    if (hooks.run(packet, hook, parent, undefined) !== Verdict.accept) return false;
  }
  packet.start -= ETHERNET_HEADER_BYTES;
  packet.scrub();
  return true;
}
