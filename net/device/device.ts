/**
 * A network device: what stands between a namespace and a wire, a peer or a tunnel.
 *
 * A kind of device is a subclass that says what `transmit` does with a frame; taking frames in is
 * the same for all. Counters are those of `ip -s link`.
 */
import type { Mac } from '../../wire/addresses.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';

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
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

/** A master that takes the frames of its ports (a bridge). */
export interface Master extends Device {
  /** Takes a frame that came in by `port`. */
  receiveFromPort(port: Device, packet: Packet): void;
}

/** Sees every frame that a device sends or takes in; must not keep or change the packet. */
export type DeviceTap = (device: Device, packet: Packet, isOutgoing: boolean) => void;

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
  namespace!: Namespace;
  master: Master | undefined = undefined;
  /** False for loopback and ipvlan L3: no neighbour resolution. */
  usesNeighbours = true;
  /** Set while somebody captures on the device. */
  tap: DeviceTap | undefined = undefined;
  readonly statistics: DeviceStatistics = {
    rxBytes: 0,
    rxPackets: 0,
    rxErrors: 0,
    rxDropped: 0,
    txBytes: 0,
    txPackets: 0,
    txErrors: 0,
    txDropped: 0,
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

  /** Sends a frame (`packet.start` is its Ethernet header); the packet then belongs to the device. */
  abstract transmit(packet: Packet): void;

  /** Takes a frame in from the wire, the peer or the tunnel. */
  receive(packet: Packet): void {
    if (!this.isUp) {
      this.statistics.rxDropped++;
      return;
    }
    this.statistics.rxPackets++;
    this.statistics.rxBytes += packet.end - packet.start;
    if (packet.way !== undefined) this.noteWay(packet, 'receive', '');
    if (this.tap !== undefined) this.tap(this, packet, false);
    packet.inDevice = this;
    if (this.master !== undefined) this.master.receiveFromPort(this, packet);
    else this.namespace.receiveFrame(this, packet);
  }

  /** What every kind's `transmit` does once it knows that the frame leaves. */
  protected countTransmit(packet: Packet): void {
    this.statistics.txPackets++;
    this.statistics.txBytes += packet.end - packet.start;
    if (packet.way !== undefined) this.noteWay(packet, 'transmit', '');
    if (this.tap !== undefined) this.tap(this, packet, true);
  }

  /** Adds a step at this device to a watched packet's way. */
  noteWay(packet: Packet, event: 'receive' | 'transmit' | 'drop', detail: string): void {
    const namespace = this.namespace;
    packet.way?.add(namespace.world.nowNs, namespace.name, event, this.name, '', detail);
  }
}
