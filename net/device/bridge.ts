/**
 * A bridge: a switch whose ports are devices, and itself a device of its namespace.
 *
 * A frame that comes in by a port teaches where its sender is; it goes up when it is for the bridge
 * (or for a port's own address), to one port when the receiver is known, to all forwarding ports
 * otherwise. Group addresses go up too. STP is off and VLANs are not told apart, as Docker has it.
 * Frames that pass through run netfilter's IPv4 hooks while `bridge-nf-call-iptables` is set.
 * Mirrors net/bridge/br_input.c, br_forward.c, br_device.c and br_if.c.
 */
import { BROADCAST_MAC, isGroupMac, type Mac } from '../../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  setSourceMac,
  sourceMacOf,
  VLAN_TAG_BYTES,
} from '../../wire/ethernet.ts';
import { LinkTarget, type Packet } from '../packet.ts';
import { BridgeFdb } from './bridge-fdb.ts';
import { bridgeForwarding, bridgePrerouting } from './bridge-netfilter.ts';
import { BridgePort } from './bridge-port.ts';
import { Device, type Master } from './device.ts';

/** 01:80:c2:00:00:00, the first of the sixteen addresses that stay on the link. */
const LINK_LOCAL_GROUP: Mac = 0x0180_c200_0000;

/** The last byte of the group of Ethernet's PAUSE frames, which nobody hears. */
const PAUSE = 1;

/** A bridge device. */
export class Bridge extends Device implements Master {
  readonly kind = 'bridge';
  readonly fdb = new BridgeFdb();
  readonly #ports: BridgePort[] = [];
  /** Which of the sixteen link-local groups pass, a bit each (`group_fwd_mask`). */
  groupForwardMask = 0;

  /** `isMacChosen` false lets the bridge take its ports' lowest address. */
  constructor(name: string, mac: Mac, mtu = 1500, isMacChosen = true) {
    super(name, mac, mtu);
    this.isMacChosen = isMacChosen;
  }

  /** The ports in the order in which they were added. */
  get ports(): readonly BridgePort[] {
    return this.#ports;
  }

  override get hasCarrier(): boolean {
    if (!this.isUp) return false;
    for (const port of this.#ports) if (port.isForwarding) return true;
    return false;
  }

  override onAdd(): void {
    if (this.isMacChosen) this.fdb.add(this.mac, undefined, true, this.#nowNs);
  }

  /** Makes a device a port. */
  addPort(device: Device): void {
    let number = 1;
    while (this.#ports.some((port) => port.number === number)) number++;
    const port = new BridgePort(device, this, number);
    this.#ports.push(port);
    device.master = this;
    device.bridgePort = port;
    device.promiscuity++;
    device.allMulticast++;
    this.#addLocal(device.mac, port);
    this.onPortMtu();
    this.#chooseMac();
    this.onPortCarrier(device);
  }

  /** Frees a port. */
  removePort(device: Device): void {
    const port = device.bridgePort;
    if (port === undefined || port.bridge !== this) return;
    this.fdb.flushPort(port, true);
    this.#ports.splice(this.#ports.indexOf(port), 1);
    device.master = undefined;
    device.bridgePort = undefined;
    device.promiscuity--;
    device.allMulticast--;
    this.onPortMtu();
    this.#chooseMac();
    this.#noteOwnCarrier();
  }

  onPortCarrier(device: Device): void {
    const port = device.bridgePort;
    if (port === undefined) return;
    const isForwarding = this.isUp && device.hasCarrier;
    if (port.isForwarding === isForwarding) return;
    port.isForwarding = isForwarding;
    if (!isForwarding) this.fdb.flushPort(port, false);
    this.#noteOwnCarrier();
  }

  onPortMac(device: Device, old: Mac): void {
    const port = device.bridgePort;
    if (port === undefined) return;
    if (this.fdb.find(old, this.#nowNs)?.port === port) this.fdb.remove(old);
    this.#addLocal(device.mac, port);
    this.#chooseMac();
  }

  onPortMtu(): void {
    if (this.isMtuChosen || this.#ports.length === 0) return;
    let mtu = this.#ports[0]!.device.mtu;
    for (const port of this.#ports) mtu = Math.min(mtu, port.device.mtu);
    this.mtu = mtu;
    this.namespace?.routes.invalidate();
  }

  override onOwnMac(old: Mac): void {
    const entry = this.fdb.find(old, this.#nowNs);
    if (entry?.isLocal === true && entry.port === undefined) this.fdb.remove(old);
    for (const port of this.#ports) {
      if (port.device.mac === old) this.fdb.add(old, port, true, this.#nowNs);
    }
    if (this.fdb.find(this.mac, this.#nowNs)?.isLocal !== true) {
      this.fdb.add(this.mac, undefined, true, this.#nowNs);
    }
  }

  /** Brings ports to forwarding or out of it when the bridge itself goes up or down. */
  override onUpChange(): void {
    for (const port of this.#ports) this.onPortCarrier(port.device);
  }

  override onRemove(): void {
    while (this.#ports.length > 0) this.removePort(this.#ports[0]!.device);
  }

  /** A frame of the namespace itself leaves by the ports (`br_dev_xmit`). */
  override transmit(packet: Packet): void {
    if (!this.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    const destination = destinationMacOf(packet.bytes, packet.start);
    if (packet.bridgedSource !== undefined && this.#resume(packet, packet.bridgedSource)) return;
    packet.inPort = undefined;
    if (isGroupMac(destination)) {
      this.#flood(packet, undefined, destination, false);
      return;
    }
    const entry = this.fdb.find(destination, this.#nowNs);
    if (entry?.port !== undefined) this.#forward(packet, undefined, entry.port);
    else this.#flood(packet, undefined, destination, false);
  }

  /** Bridges on what waited for its new destination's MAC address (`br_nf_dev_xmit`). */
  #resume(packet: Packet, source: Mac): boolean {
    packet.bridgedSource = undefined;
    const port = packet.inPort?.bridgePort;
    if (port?.bridge !== this || !packet.isBridgePrerouted) return false;
    setSourceMac(packet.bytes, packet.start, source);
    this.handle(port, packet);
    return true;
  }

  /** A frame came in by a port (`br_handle_frame`). */
  receiveFromPort(device: Device, packet: Packet): void {
    const port = device.bridgePort!;
    const { bytes, start } = packet;
    if (!port.isForwarding) {
      this.namespace.drop(packet, device.name, 'bridge port is not forwarding');
      return;
    }
    const source = sourceMacOf(bytes, start);
    if (source === 0 || isGroupMac(source)) {
      this.namespace.drop(packet, device.name, 'source is no unicast MAC address');
      return;
    }
    const destination = destinationMacOf(bytes, start);
    if (destination >= LINK_LOCAL_GROUP && destination <= LINK_LOCAL_GROUP + 15) {
      this.#receiveLinkLocal(port, packet, destination - LINK_LOCAL_GROUP);
      return;
    }
    packet.inPort = device;
    if (this.#isFiltered(etherTypeOf(bytes, start)) && !bridgePrerouting(this, device, packet)) {
      return;
    }
    this.handle(port, packet);
  }

  /**
   * A frame for one of the sixteen groups that switches keep to themselves: `group_fwd_mask` lets some
   * pass; frames of the spanning tree, which is off, pass as those of any group; the others go to
   * whoever listens on the port.
   */
  #receiveLinkLocal(port: BridgePort, packet: Packet, last: number): void {
    const isSpanningTree = last === 0;
    if (isSpanningTree || (this.groupForwardMask & (1 << last)) !== 0) {
      packet.inPort = port.device;
      this.handle(port, packet);
      return;
    }
    if (last === PAUSE) {
      this.namespace.drop(packet, port.device.name, 'link-local group address');
      return;
    }
    if (port.isLearning) {
      this.fdb.learn(sourceMacOf(packet.bytes, packet.start), port, this.#nowNs);
    }
    this.namespace.receiveFrame(port.device, packet);
  }

  /** True when frames of this type go through the hooks of IP. */
  #isFiltered(etherType: number): boolean {
    const { sysctls, hooks, ipv6IfUsed } = this.namespace;
    if (etherType === EtherType.ipv4) return sysctls.callsIptablesOnBridges && !hooks.isEmpty;
    if (etherType !== EtherType.ipv6 || ipv6IfUsed === undefined) return false;
    return sysctls.callsIp6tablesOnBridges && !ipv6IfUsed.hooks.isEmpty;
  }

  /** Learns, and sends up, to one port or to all (`br_handle_frame_finish`). */
  handle(port: BridgePort, packet: Packet): void {
    const nowNs = this.#nowNs;
    if (port.isLearning) {
      this.fdb.learn(sourceMacOf(packet.bytes, packet.start), port, nowNs);
    }
    const destination = destinationMacOf(packet.bytes, packet.start);
    if (isGroupMac(destination)) {
      this.#flood(packet, port, destination, true);
      return;
    }
    const entry = this.fdb.find(destination, nowNs);
    const isForBridge = entry !== undefined && (entry.isLocal || entry.port === undefined);
    // who listens makes the bridge promiscuous, and sees what only passes, too
    if (this.tap !== undefined && !isForBridge) this.tap(this, packet, false);
    if (entry === undefined) this.#flood(packet, port, destination, false);
    else if (entry.isLocal || entry.port === undefined) this.receive(packet);
    else this.#forward(packet, port, entry.port);
  }

  #addLocal(mac: Mac, port: BridgePort): void {
    const known = this.fdb.find(mac, this.#nowNs);
    if (known?.isLocal !== true) this.fdb.add(mac, port, true, this.#nowNs);
  }

  #forward(packet: Packet, from: BridgePort | undefined, to: BridgePort): void {
    if (this.#mayDeliver(from, to)) this.#leave(packet, from, to);
    else this.namespace.drop(packet, to.device.name, this.#refusalOf(from, to));
  }

  #refusalOf(from: BridgePort | undefined, to: BridgePort): string {
    if (!to.isForwarding) return 'bridge port is not forwarding';
    return from === to ? 'bridge port is no hairpin' : 'bridge ports are isolated';
  }

  /** Sends a copy to every port that may have it, and the frame itself up when `goesUp`. */
  #flood(packet: Packet, from: BridgePort | undefined, destination: Mac, goesUp: boolean): void {
    const ports = this.#ports;
    let previous: BridgePort | undefined;
    let isLost = true;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i]!;
      if (destination === BROADCAST_MAC) {
        if (!port.isBroadcastFlooding) continue;
      } else if (isGroupMac(destination)) {
        if (!port.isMulticastFlooding) continue;
      } else if (!port.isFlooding) continue;
      if (!this.#mayDeliver(from, port)) continue;
      if (previous !== undefined) this.#leave(packet.clone(), from, previous);
      previous = port;
      isLost = false;
    }
    if (goesUp) {
      if (previous !== undefined) this.#leave(packet.clone(), from, previous);
      this.receive(packet);
    } else if (previous !== undefined) this.#leave(packet, from, previous);
    if (isLost && !goesUp) this.namespace.drop(packet, this.name, 'bridge has no port for it');
  }

  #mayDeliver(from: BridgePort | undefined, to: BridgePort): boolean {
    if (!to.isForwarding || (from === to && !to.isHairpin)) return false;
    return from === undefined || !(from.isIsolated && to.isIsolated);
  }

  #leave(packet: Packet, from: BridgePort | undefined, to: BridgePort): void {
    const { device } = to;
    const isBridged = from !== undefined && packet.isBridgePrerouted;
    if (isBridged && !bridgeForwarding(this, device, packet)) return;
    if (packet.end - packet.start > device.mtu + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) {
      this.namespace.drop(packet, device.name, 'frame is longer than the MTU of the bridge port');
      return;
    }
    packet.linkTarget = LinkTarget.host;
    packet.isBridgePrerouted = false;
    packet.outPort = undefined;
    packet.fragmentBytesMax = 0;
    device.transmit(packet);
  }

  /** Takes the lowest address of the ports, unless somebody chose one (`br_stp_recalculate…`). */
  #chooseMac(): void {
    if (this.isMacChosen || this.#ports.length === 0) return;
    let lowest = this.#ports[0]!.device.mac;
    for (const { device } of this.#ports) if (device.mac < lowest) lowest = device.mac;
    if (this.namespace !== undefined) this.namespace.devices.changeMac(this, lowest);
    else this.mac = lowest;
  }

  #noteOwnCarrier(): void {
    this.namespace?.devices.noteCarrier(this);
  }

  get #nowNs(): number {
    return this.namespace === undefined ? 0 : this.namespace.world.nowNs;
  }
}
