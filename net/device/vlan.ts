/**
 * An 802.1Q subinterface (`eth0.10`): tags what it sends through its parent, and takes the tagged
 * frames of its id off the parent. Tag protocol 0x8100, priority 0. It goes up and down with it.
 * Mirrors net/8021q/vlan_dev.c and vlan_core.c.
 */
import { isGroupMac } from '../../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  VLAN_TAG_BYTES,
  vlanEtherTypeOf,
  vlanIdOf,
  writeEthernetHeader,
  writeVlanTag,
} from '../../wire/ethernet.ts';
import type { Packet } from '../packet.ts';
import type { Device } from './device.ts';
import { StackedDevice } from './stacked-device.ts';

/** The VLAN devices of each parent, by id. */
const groups = new WeakMap<Device, Map<number, Vlan>>();

/** An 802.1Q subinterface. */
export class Vlan extends StackedDevice {
  readonly kind = 'vlan';
  /** 1 to 4094. */
  readonly id: number;

  constructor(name: string, parent: Device, id: number) {
    super(name, parent, parent.mac);
    this.id = id;
    this.queueLength = 1000;
    let group = groups.get(parent);
    if (group === undefined) {
      group = new Map();
      groups.set(parent, group);
    }
    group.set(id, this);
    parent.vlanHandler = receiveTagged;
  }

  override get linkDetail(): string {
    return `protocol 802.1Q id ${this.id} <REORDER_HDR>`;
  }

  override transmit(packet: Packet): void {
    if (!this.isUp || !this.parent.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    const { bytes, start } = packet;
    const destination = destinationMacOf(bytes, start);
    const source = sourceMacOf(bytes, start);
    const etherType = etherTypeOf(bytes, start);
    packet.push(VLAN_TAG_BYTES);
    writeEthernetHeader(packet.bytes, packet.start, destination, source, EtherType.vlan);
    writeVlanTag(packet.bytes, packet.start + ETHERNET_HEADER_BYTES, this.id, etherType);
    this.parent.transmit(packet);
  }

  override onParentUp(): void {
    this.namespace?.setUp(this, this.parent.isUp);
    super.onParentUp();
  }

  override onParentMac(): void {
    if (!this.isMacChosen) this.followMac();
  }

  override onRemove(): void {
    super.onRemove();
    const group = groups.get(this.parent);
    group?.delete(this.id);
    if (group?.size === 0) this.parent.vlanHandler = undefined;
  }
}

/** Takes a tagged frame off the parent; false when no device has its id. */
function receiveTagged(parent: Device, packet: Packet): boolean {
  const { bytes, start, end } = packet;
  if (end - start < ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) return false;
  const device = groups.get(parent)?.get(vlanIdOf(bytes, start));
  if (device === undefined) return false;
  const etherType = vlanEtherTypeOf(bytes, start);
  const destination = destinationMacOf(bytes, start);
  const source = sourceMacOf(bytes, start);
  packet.pull(VLAN_TAG_BYTES);
  writeEthernetHeader(bytes, packet.start, destination, source, etherType);
  if (isGroupMac(destination)) device.statistics.rxMulticast++;
  device.receive(packet);
  return true;
}
