/**
 * The vxlan device, as Docker's overlay driver makes it: proxy ARP, learning, no default
 * destination (`drivers/net/vxlan/vxlan_core.c`).
 *
 * Out: an ARP request is answered from the neighbour table of the device's own namespace, or
 * vanishes; any other frame goes to the VTEP that the forwarding table names, or is dropped. The
 * outer packet is sent by the *underlay* namespace, whose routes, rules and source address apply.
 * In: the source MAC is snooped, and the frame goes on as received by this device.
 */
import { Device } from '../net/device/device.ts';
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { Packet as NewPacket } from '../net/packet.ts';
import { formatIpv4Address, formatMac, type Ipv4Address, type Mac } from '../wire/addresses.ts';
import { ARP_BYTES, ArpOperation, parseArp, writeArp } from '../wire/arp.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  writeEthernetHeader,
} from '../wire/ethernet.ts';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../wire/ipv4.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../wire/udp.ts';
import { VXLAN_HEADER_BYTES, VXLAN_PORT, writeVxlanHeader } from '../wire/vxlan.ts';
import { sourcePortOfFlow } from './flow-hash.ts';
import { ForwardingTable } from './forwarding-table.ts';
import { attachToSocket, detachFromSocket } from './vtep-sockets.ts';

const OUTER_BYTES = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES;
const OUTER_TTL = 64;

/** What a vxlan device is made from. */
export interface VxlanOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly vni: number;
  /** UDP port, 4789 unless `--data-path-port` says otherwise. */
  readonly port?: number;
  /** Where the outer packets are sent and received: the host's namespace. */
  readonly underlay: Namespace;
  readonly isProxy?: boolean;
  readonly isLearning?: boolean;
}

/** A VXLAN tunnel endpoint. */
export class VxlanDevice extends Device {
  readonly kind = 'vxlan';
  readonly vni: number;
  readonly port: number;
  readonly underlay: Namespace;
  readonly isProxy: boolean;
  readonly isLearning: boolean;
  readonly fdb = new ForwardingTable();
  /** Frames and ARP requests for which nobody knew a destination. */
  l2MissCount = 0;
  l3MissCount = 0;
  #identification = 0;

  constructor(options: VxlanOptions) {
    super(options.name, options.mac, options.mtuBytes);
    this.vni = options.vni;
    this.port = options.port ?? VXLAN_PORT;
    this.underlay = options.underlay;
    this.isProxy = options.isProxy ?? true;
    this.isLearning = options.isLearning ?? true;
  }

  /** What `ip -d link` says of the tunnel. */
  override get linkDetail(): string {
    const proxy = this.isProxy ? 'proxy ' : '';
    const learning = this.isLearning ? '' : 'nolearning ';
    return (
      `id ${this.vni} srcport 0 0 dstport ${this.port} ${learning}${proxy}l2miss l3miss ` +
      'ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx'
    );
  }

  /** What `bridge fdb` says of the tunnel's own table. */
  fdbLines(): string[] {
    const entries = this.fdb.list(this.underlay.world.nowNs);
    return entries.map(({ mac, remote, isPermanent }) => {
      const state = isPermanent ? 'permanent' : '';
      const dst = `dst ${formatIpv4Address(remote)} link-netnsid 0`;
      return `${formatMac(mac)} dev ${this.name} ${dst} self ${state}`;
    });
  }

  /** Opens the tunnel's socket; false when the host has this VNI already ("file exists"). */
  open(): boolean {
    return attachToSocket(this.underlay, this);
  }

  override onRemove(): void {
    detachFromSocket(this.underlay, this);
  }

  override transmit(packet: Packet): void {
    const { bytes, start } = packet;
    if (this.isProxy && etherTypeOf(bytes, start) === EtherType.arp) {
      this.#answerArp(packet);
      return;
    }
    const destination = destinationMacOf(bytes, start);
    const entry = this.fdb.find(destination, this.underlay.world.nowNs);
    if (entry === undefined) {
      this.l2MissCount++;
      this.dropTransmit(packet, `no VTEP is known for ${formatMac(destination)}`);
      return;
    }
    this.countTransmit(packet);
    this.#encapsulate(packet, entry.remote);
  }

  /** Takes an inner frame (`packet.start`) that came from the VTEP `remote`. */
  decapsulate(packet: Packet, remote: Ipv4Address): void {
    const world = this.underlay.world;
    if (packet.end - packet.start < ETHERNET_HEADER_BYTES) {
      this.underlay.drop(packet, this.name, 'inner frame is cut short');
      return;
    }
    const source = sourceMacOf(packet.bytes, packet.start);
    if (source === this.mac || source === 0 || (source / 0x100_0000_0000) % 2 >= 1) {
      this.statistics.rxErrors++;
      this.underlay.drop(packet, this.name, 'inner source MAC is not valid');
      return;
    }
    if (this.fdb.snoop(source, remote, world.nowNs, this.isLearning) === 'refused') {
      this.statistics.rxErrors++;
      const detail = `a permanent entry puts ${formatMac(source)} behind another VTEP`;
      this.underlay.drop(packet, this.name, detail);
      return;
    }
    packet.scrub();
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} from ${formatIpv4Address(remote)}`;
      packet.way.add(world.nowNs, this.underlay.name, 'decapsulate', this.name, '', detail);
    }
    this.receive(packet);
  }

  #encapsulate(packet: Packet, remote: Ipv4Address): void {
    const { underlay } = this;
    const sourcePort = sourcePortOfFlow(packet.bytes, packet.start);
    const route = underlay.routeLookup({ destination: remote });
    if (route === undefined) {
      this.dropTransmit(packet, `no route to the VTEP ${formatIpv4Address(remote)}`);
      return;
    }
    packet.push(OUTER_BYTES);
    const { bytes, start, end } = packet;
    const udp = start + IPV4_HEADER_BYTES;
    const udpBytes = end - udp;
    writeVxlanHeader(bytes, udp + UDP_HEADER_BYTES, this.vni);
    writeUdpHeader(bytes, udp, sourcePort, this.port, udpBytes, 0);
    this.#identification = (this.#identification + 1) & 0xffff;
    writeIpv4Header(bytes, start, {
      totalLengthBytes: end - start,
      identification: this.#identification,
      dontFragment: false,
      ttl: OUTER_TTL,
      protocol: IpProtocol.udp,
      source: route.source,
      destination: remote,
    });
    finishUdpChecksum(bytes, udp, udpBytes, route.source, remote);
    packet.scrub();
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} to ${formatIpv4Address(remote)}`;
      const { world } = underlay;
      packet.way.add(world.nowNs, this.namespace.name, 'encapsulate', this.name, '', detail);
    }
    underlay.sendIpv4(packet);
  }

  #answerArp(packet: Packet): void {
    const { bytes, start, end } = packet;
    const message = parseArp(bytes, start + ETHERNET_HEADER_BYTES, end);
    if (message === undefined || message.operation !== ArpOperation.request) {
      this.dropTransmit(packet, 'ARP that is no request stays on this host');
      return;
    }
    const mac = this.namespace.neighbours.macOf(this, message.targetAddress);
    if (mac === undefined) {
      this.l3MissCount++;
      const target = formatIpv4Address(message.targetAddress);
      this.dropTransmit(packet, `no neighbour entry for ${target}`);
      return;
    }
    const reply = NewPacket.allocate(ETHERNET_HEADER_BYTES + ARP_BYTES);
    writeEthernetHeader(reply.bytes, reply.start, message.senderMac, mac, EtherType.arp);
    writeArp(reply.bytes, reply.start + ETHERNET_HEADER_BYTES, {
      operation: ArpOperation.reply,
      senderMac: mac,
      senderAddress: message.targetAddress,
      targetMac: message.senderMac,
      targetAddress: message.senderAddress,
    });
    this.namespace.host.backlog.enqueue(this, reply);
  }
}
