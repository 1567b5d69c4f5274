/**
 * A network device: what stands between a namespace and a wire, a peer or a tunnel.
 *
 * A kind of device is a subclass that says what `transmit` does with a frame; taking frames in is
 * the same for all. Counters are those of `ip -s link`.
 */
import type { Mac } from '../../wire/addresses.ts';
import { EtherType, etherTypeOf } from '../../wire/ethernet.ts';
import type { Namespace } from '../namespace.ts';
import type { Neighbour } from '../neighbour/neighbour.ts';
import type { Packet } from '../packet.ts';
import type { Ipv4Configuration, Ipv6Configuration } from '../sysctls.ts';
import type { BridgePort } from './bridge-port.ts';
import type { StackedDevice } from './stacked-device.ts';

/** The kinds of `ip -d link`. */
export type DeviceKind =
  | 'loopback'
  | 'veth'
  | 'bridge'
  | 'vxlan'
  | 'dummy'
  | 'macvlan'
  | 'ipvlan'
  | 'vlan'
  | 'ethernet';

/** The counters of `ip -s link`. */
export interface DeviceStatistics {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  /** Broadcasts and multicasts taken in, which only devices stacked on others count. */
  rxMulticast: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
  /** Of `txErrors`: there was no way (`carrier`), or it led back (`collsns`). */
  txCarrierErrors: number;
  collisions: number;
}

/** A master that takes the frames of its ports (a bridge). */
export interface Master extends Device {
  /** Takes a frame that came in by `port`. */
  receiveFromPort(port: Device, packet: Packet): void;
  addPort(device: Device): void;
  removePort(device: Device): void;
  /** A port's carrier may have changed. */
  onPortCarrier(port: Device): void;
  /** A port's MAC address has changed from `old`. */
  onPortMac(port: Device, old: Mac): void;
  /** A port's MTU has changed. */
  onPortMtu(): void;
}

/** Sees every frame that a device sends or takes in; must not keep or change the packet. */
export type DeviceTap = (device: Device, packet: Packet, isOutgoing: boolean) => void;

/** Takes a frame of the device that it is set on, before IP does; false leaves it to IP. */
export type FrameHandler = (device: Device, packet: Packet) => boolean;

/** One device of a namespace. */
export abstract class Device {
  abstract readonly kind: DeviceKind;
  name: string;
  /** ifindex, given by the namespace that it was created in (one counter per host). */
  index = 0;
  mac: Mac;
  mtu: number;
  /** Set administratively (`ip link set up`). */
  isUp = false;
  /** What leaves is left to its hardware to sum (`tx-checksum-ip-generic`). */
  offloadsChecksums = true;
  namespace!: Namespace;
  master: Master | undefined = undefined;
  /** False for loopback and ipvlan L3: no neighbour resolution. */
  usesNeighbours = true;
  /** Its part as a port of `master`. */
  bridgePort: BridgePort | undefined = undefined;
  /** Set on the parent of macvlan and ipvlan devices. */
  frameHandler: FrameHandler | undefined = undefined;
  /** Takes tagged frames, set on the parent of VLAN devices. */
  vlanHandler: FrameHandler | undefined = undefined;
  /** `net.ipv4.conf.<name>` in the namespace where it is; set by the namespace. */
  ipv4!: Ipv4Configuration;
  /** `net.ipv6.conf.<name>`, likewise. */
  ipv6!: Ipv6Configuration;
  /** Its part of the ARP cache, by address as a signed 32-bit integer (which hashes faster). */
  readonly neighbours = new Map<number, Neighbour>();
  /** Its part of neighbour discovery's cache, by address. */
  readonly neighbours6 = new Map<number, Neighbour>();
  /** Other unicast addresses that it takes, for the devices on top of it (`dev->uc`). */
  readonly extraMacs: Mac[] = [];
  /** How many want every frame (`promiscuity` of `ip -d link`). */
  promiscuity = 0;
  allMulticast = 0;
  /** The devices on top of it, in the order of their making. */
  readonly uppers: StackedDevice[] = [];
  /** True once somebody chose the MAC address; a bridge then does not take a port's. */
  isMacChosen = false;
  isMtuChosen = false;
  /** Tells it from others with the same MAC address (`dev_id`); 0 for none. */
  sharedMacId = 0;
  /** The device at the other end or underneath, for `eth0@if5`. */
  linked: Device | undefined = undefined;
  /** `qlen`: 1000 for what `ip link add` makes, 0 (not printed) for what Docker makes. */
  queueLength = 0;
  /** Somebody asked for promiscuous mode (`ip link set promisc on`): the PROMISC flag. */
  isPromiscuous = false;
  /** Since when it has had carrier without going down, in ns; undefined before it first had. */
  carrierSinceNs: number | undefined = undefined;
  /** Set while somebody captures on the device. */
  tap: DeviceTap | undefined = undefined;
  readonly statistics: DeviceStatistics = {
    rxBytes: 0,
    rxPackets: 0,
    rxErrors: 0,
    rxDropped: 0,
    rxMulticast: 0,
    txBytes: 0,
    txPackets: 0,
    txErrors: 0,
    txDropped: 0,
    txCarrierErrors: 0,
    collisions: 0,
  };

  constructor(name: string, mac: Mac, mtu: number) {
    this.name = name;
    this.mac = mac;
    this.mtu = mtu;
  }

  /** True when a frame can leave: up, and the other side too where there is one. */
  get hasCarrier(): boolean {
    return this.isUp;
  }

  /** The namespace of what it is linked to, for `link-netnsid`; a VXLAN's is its underlay's. */
  get linkNamespace(): Namespace | undefined {
    return this.linked?.namespace;
  }

  /** What `ip -d link` prints of its kind, behind the kind's name. */
  get linkDetail(): string {
    return '';
  }

  /** Sends a frame (`packet.start` is its Ethernet header); the packet then belongs to the device. */
  abstract transmit(packet: Packet): void;

  /** Takes a frame in from the wire, the peer or the tunnel. */
  receive(packet: Packet): void {
    if (!this.isUp) {
      this.statistics.rxDropped++;
      this.namespace?.drop(packet, this.name, 'device is down');
      return;
    }
    this.countReceive(packet);
    if (packet.way !== undefined) this.noteWay(packet, 'receive', '');
    if (this.tap !== undefined) this.tap(this, packet, false);
    packet.inDevice = this;
    if (this.vlanHandler !== undefined) {
      if (etherTypeOf(packet.bytes, packet.start) === EtherType.vlan) {
        if (this.vlanHandler(this, packet)) return;
      }
    }
    if (this.frameHandler?.(this, packet) === true) return;
    if (this.master !== undefined) this.master.receiveFromPort(this, packet);
    else this.namespace.receiveFrame(this, packet);
  }

  /** Counts a frame that it takes in. */
  protected countReceive(packet: Packet): void {
    this.statistics.rxPackets++;
    this.statistics.rxBytes += packet.end - packet.start;
  }

  /** What every kind's `transmit` does once it knows that the frame leaves. */
  protected countTransmit(packet: Packet): void {
    this.statistics.txPackets++;
    this.statistics.txBytes += packet.end - packet.start;
    if (packet.way !== undefined) this.noteWay(packet, 'transmit', '');
    if (this.tap !== undefined) this.tap(this, packet, true);
  }

  /** Drops a frame on its way out. */
  protected dropTransmit(packet: Packet, reason: string): void {
    this.statistics.txDropped++;
    this.namespace.drop(packet, this.name, reason);
  }

  /** Takes frames for another address too; what cannot filter becomes promiscuous for it. */
  addExtraMac(mac: Mac): void {
    this.extraMacs.push(mac);
    if (this.kind === 'veth' && this.extraMacs.length === 1) this.promiscuity++;
  }

  /** Undoes {@link addExtraMac}. */
  removeExtraMac(mac: Mac): void {
    const place = this.extraMacs.indexOf(mac);
    if (place < 0) return;
    this.extraMacs.splice(place, 1);
    if (this.kind === 'veth' && this.extraMacs.length === 0) this.promiscuity--;
  }

  /** It has come into its namespace. */
  onAdd(): void {}

  /** Undoes what ties it to others (a veth's peer, a parent's handler) when it is removed. */
  onRemove(): void {}

  /** It went up or down. */
  onUpChange(): void {}

  /** Its own MAC address has changed from `old`. */
  onOwnMac(_old: Mac): void {}

  /** Adds a step at this device to a watched packet's way. */
  noteWay(packet: Packet, event: 'receive' | 'transmit' | 'drop', detail: string): void {
    const namespace = this.namespace;
    packet.way?.add(namespace.world.nowNs, namespace.name, event, this.name, '', detail);
  }
}
