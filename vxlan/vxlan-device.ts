/**
 * The vxlan device, as Docker's overlay driver makes it: proxy ARP, learning, no default destination.
 *
 * Out: an ARP request is answered from the neighbour table of the device's own namespace, or
 * vanishes; any other frame goes to the VTEP that the forwarding table names, or is dropped. The
 * outer packet is sent by the *underlay* namespace, whose routes, rules and source address apply.
 * In: the source MAC is snooped, and the frame goes on as received by this device.
 * Mirrors `vxlan_xmit`, `arp_reduce`, `vxlan_xmit_one` and `vxlan_rcv` (drivers/net/vxlan/vxlan_core.c).
 */
import { Device } from '../net/device/device.ts';
import type { Namespace } from '../net/namespace.ts';
import { CONNECTED } from '../net/neighbour/neighbour.ts';
import { Packet } from '../net/packet.ts';
import {
  formatIpv4Address,
  formatMac,
  type Ipv4Address,
  isGroupMac,
  isLoopbackAddress,
  isMulticastAddress,
  type Mac,
} from '../wire/addresses.ts';
import { ARP_BYTES, ArpOperation, parseArp, writeArp } from '../wire/arp.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  writeEthernetHeader,
} from '../wire/ethernet.ts';
import { IPV4_HEADER_BYTES, IpProtocol, setTos, tosOf, writeIpv4Header } from '../wire/ipv4.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../wire/udp.ts';
import { VXLAN_HEADER_BYTES, VXLAN_PORT, writeVxlanHeader } from '../wire/vxlan.ts';
import { sourcePortOfFlow } from './flow-hash.ts';
import { ForwardingTable } from './forwarding-table.ts';
import { pathMtuReplyTo } from './path-mtu-reply.ts';
import { attachToSocket, detachFromSocket } from './vtep-sockets.ts';

const OUTER_BYTES = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES;
const OUTER_TTL = 64;

/** What VXLAN puts around an inner packet, inner Ethernet header included (`vxlan_headroom`). */
export const VXLAN_OVERHEAD_BYTES = OUTER_BYTES + ETHERNET_HEADER_BYTES;

/** ECN's two bits of the type-of-service octet, and their values (RFC 3168). */
const ECN_MASK = 3;
const ECN_CAPABLE = 2;
const ECN_CONGESTED = 3;

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
  /** Default true, as Docker has it. */
  readonly isProxy?: boolean;
  /** Default true, as Docker has it. */
  readonly isLearning?: boolean;
  /** Whoever listens is told of misses (`l2miss l3miss`); default true, as Docker has it. */
  readonly tellsMisses?: boolean;
  /**
   * Frames that do not fit the way to the VTEP are answered (Linux 5.8 and later; the default).
   * Otherwise the outer packet is fragmented, whatever the inner one asks for.
   */
  readonly answersTooBig?: boolean;
}

/** A VXLAN tunnel endpoint. */
export class VxlanDevice extends Device {
  readonly kind = 'vxlan';
  readonly vni: number;
  readonly port: number;
  readonly underlay: Namespace;
  readonly isProxy: boolean;
  readonly isLearning: boolean;
  readonly tellsMisses: boolean;
  readonly answersTooBig: boolean;
  readonly fdb = new ForwardingTable();
  /** Frames for which no VTEP was known (netlink `RTM_GETNEIGH` for a MAC). */
  l2MissCount = 0;
  /** ARP requests for which no neighbour was known. */
  l3MissCount = 0;

  constructor(options: VxlanOptions) {
    super(options.name, options.mac, options.mtuBytes);
    this.vni = options.vni;
    this.port = options.port ?? VXLAN_PORT;
    this.underlay = options.underlay;
    this.isProxy = options.isProxy ?? true;
    this.isLearning = options.isLearning ?? true;
    this.tellsMisses = options.tellsMisses ?? true;
    this.answersTooBig = options.answersTooBig ?? true;
  }

  /** Opens the tunnel's socket; the kernel's error text when that cannot be. */
  open(): string | undefined {
    return attachToSocket(this.underlay, this);
  }

  override get linkNamespace(): Namespace {
    return this.underlay;
  }

  override get linkDetail(): string {
    const learning = this.isLearning ? '' : 'nolearning ';
    const proxy = this.isProxy ? 'proxy ' : '';
    const misses = this.tellsMisses ? 'l2miss l3miss ' : '';
    return (
      `id ${this.vni} srcport 0 0 dstport ${this.port} ${learning}${proxy}${misses}` +
      'ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx'
    );
  }

  /** The device's lines of `bridge fdb show`, the newest entry first. */
  fdbLines(): string[] {
    const isHere = this.namespace === this.underlay;
    const id = isHere ? 0 : this.namespace.devices.namespaceIdOf(this.underlay);
    const elsewhere = isHere ? '' : ` link-netnsid ${id}`;
    const entries = this.fdb.list(this.underlay.world.nowNs).reverse();
    const defaults = this.fdb.defaults.map((remote) => ({ mac: 0, remote, isPermanent: true }));
    return [...entries, ...defaults].map(({ mac, remote, isPermanent }) => {
      const where = `dst ${formatIpv4Address(remote)}${elsewhere}`;
      const state = isPermanent ? 'permanent' : '';
      return `${formatMac(mac)} dev ${this.name} ${where} self ${state}`;
    });
  }

  override onRemove(): void {
    detachFromSocket(this.underlay, this);
  }

  override transmit(packet: Packet): void {
    if (!this.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    if (packet.way !== undefined) this.noteWay(packet, 'transmit', '');
    if (this.tap !== undefined) this.tap(this, packet, true);
    const { bytes, start } = packet;
    if (this.isProxy && etherTypeOf(bytes, start) === EtherType.arp) {
      this.#reduceArp(packet);
      return;
    }
    const entry = this.fdb.use(destinationMacOf(bytes, start), this.underlay.world.nowNs);
    if (entry === undefined && this.fdb.defaults.length > 0) {
      for (const remote of this.fdb.defaults) this.#send(packet.clone(), remote);
      return;
    }
    if (entry === undefined) {
      this.l2MissCount++;
      this.#noteMiss(packet, 'frame', formatMac, destinationMacOf(bytes, start));
      this.dropTransmit(packet, 'no VTEP is known for the MAC address');
      return;
    }
    this.#send(packet, entry.remote);
  }

  /** Takes an inner frame (`packet.start`) that came from the VTEP `remote`. */
  decapsulate(packet: Packet, remote: Ipv4Address, outerTos: number): void {
    const { underlay } = this;
    if (packet.end - packet.start < ETHERNET_HEADER_BYTES) {
      this.#refuse(packet, 'inner frame is cut short');
      return;
    }
    const source = sourceMacOf(packet.bytes, packet.start);
    if (source === this.mac || source === 0 || isGroupMac(source)) {
      this.#refuse(packet, 'inner source MAC address is not valid');
      return;
    }
    if (this.isLearning && this.fdb.snoop(source, remote, underlay.world.nowNs) === 'refused') {
      this.#refuse(packet, 'a permanent entry puts the source behind another VTEP');
      return;
    }
    if ((outerTos & ECN_MASK) === ECN_CONGESTED) this.#markCongestion(packet);
    packet.scrub();
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} from ${formatIpv4Address(remote)}`;
      const { world, name } = underlay;
      packet.way.add(world.nowNs, name, 'decapsulate', this.name, '', detail);
    }
    this.receive(packet);
  }

  #refuse(packet: Packet, reason: string): void {
    this.statistics.rxDropped++;
    this.namespace.drop(packet, this.name, reason);
  }

  /** Congestion on the underlay is told to the inner packet that can carry it (RFC 6040). */
  #markCongestion(packet: Packet): void {
    if (etherTypeOf(packet.bytes, packet.start) !== EtherType.ipv4) return;
    const at = packet.start + ETHERNET_HEADER_BYTES;
    const tos = tosOf(packet.bytes, at);
    if ((tos & ECN_MASK) !== 0) setTos(packet.bytes, at, tos | ECN_CONGESTED);
  }

  #send(packet: Packet, remote: Ipv4Address): void {
    const { underlay } = this;
    const route = underlay.routeLookup({ destination: remote });
    if (route === undefined) {
      this.statistics.txErrors++;
      underlay.drop(packet, this.name, 'no route to the VTEP');
      return;
    }
    if (this.answersTooBig && this.bridgePort !== undefined) {
      const mtuBytes = underlay.pathMtuBytes(remote, route) - VXLAN_OVERHEAD_BYTES;
      const reply = pathMtuReplyTo(packet, mtuBytes);
      if (reply !== undefined) {
        this.namespace.drop(packet, this.name, 'packet is too big for the underlay');
        this.#receiveSoon(reply);
        return;
      }
    }
    this.statistics.txPackets++;
    this.statistics.txBytes += packet.end - packet.start;
    const { beliefs } = underlay.host;
    if (beliefs !== undefined) {
      beliefs.onTunnel(this.vni, destinationMacOf(packet.bytes, packet.start), remote);
    }
    const tos = outerTosOf(packet);
    const sourcePort = sourcePortOfFlow(packet.bytes, packet.start);
    packet.push(OUTER_BYTES);
    const { bytes, start, end } = packet;
    const udp = start + IPV4_HEADER_BYTES;
    writeVxlanHeader(bytes, udp + UDP_HEADER_BYTES, this.vni);
    writeUdpHeader(bytes, udp, sourcePort, this.port, end - udp, 0);
    writeIpv4Header(bytes, start, {
      totalLengthBytes: end - start,
      identification: underlay.nextIdentification(),
      dontFragment: false,
      ttl: OUTER_TTL,
      protocol: IpProtocol.udp,
      source: route.source,
      destination: remote,
      tos,
    });
    finishUdpChecksum(bytes, udp, end - udp, route.source, remote);
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} to ${formatIpv4Address(remote)}`;
      const { world, name } = this.namespace;
      packet.way.add(world.nowNs, name, 'encapsulate', this.name, '', detail);
    }
    packet.scrub();
    underlay.sendIpv4Along(packet, route);
  }

  /** Proxy ARP: a request is answered or vanishes, any other message just vanishes. */
  #reduceArp(packet: Packet): void {
    const { bytes, start, end } = packet;
    const message = parseArp(bytes, start + ETHERNET_HEADER_BYTES, end);
    if (message === undefined || message.operation !== ArpOperation.request) {
      this.namespace.drop(packet, this.name, 'ARP that is no request stays on this host');
      return;
    }
    const { targetAddress: target, senderMac, senderAddress } = message;
    if (isLoopbackAddress(target) || isMulticastAddress(target)) {
      this.namespace.drop(packet, this.name, 'ARP for no unicast address');
      return;
    }
    const { neighbours } = this.namespace;
    const neighbour = neighbours.find(this, target);
    if (neighbour === undefined) {
      this.l3MissCount++;
      this.#noteMiss(packet, 'ARP request', formatIpv4Address, target);
      this.namespace.drop(packet, this.name, 'no neighbour is known for the address');
      return;
    }
    if ((neighbours.stateOf(neighbour) & CONNECTED) === 0) {
      this.namespace.drop(packet, this.name, 'the neighbour entry is not connected');
      return;
    }
    const { mac } = neighbour;
    const reply = Packet.allocate(ETHERNET_HEADER_BYTES + ARP_BYTES);
    writeEthernetHeader(reply.bytes, reply.start, senderMac, mac, EtherType.arp);
    writeArp(reply.bytes, reply.start + ETHERNET_HEADER_BYTES, {
      operation: ArpOperation.reply,
      senderMac: mac,
      senderAddress: target,
      targetMac: senderMac,
      targetAddress: senderAddress,
    });
    if (packet.way !== undefined) {
      const detail = `proxy: ${formatIpv4Address(target)} is at ${formatMac(mac)}`;
      const { world, name } = this.namespace;
      packet.way.add(world.nowNs, name, 'deliver', this.name, '', detail);
      reply.way = packet.way.fork();
    }
    this.#receiveSoon(reply);
  }

  #receiveSoon(packet: Packet): void {
    if (!this.namespace.host.backlog.enqueue(this, packet)) this.statistics.rxDropped++;
  }

  /** What the drop that follows is about; counted reasons name no address. */
  #noteMiss<T>(packet: Packet, what: string, format: (value: T) => string, value: T): void {
    if (packet.way === undefined) return;
    const { world, name } = this.namespace;
    packet.way.add(world.nowNs, name, 'route', this.name, '', `${what} for ${format(value)}`);
  }
}

/** The outer type of service: 0 but for ECN, where congestion is not told twice (RFC 6040). */
function outerTosOf(frame: Packet): number {
  const { bytes, start } = frame;
  if (etherTypeOf(bytes, start) !== EtherType.ipv4) return 0;
  const ecn = tosOf(bytes, start + ETHERNET_HEADER_BYTES) & ECN_MASK;
  return ecn === ECN_CONGESTED ? ECN_CAPABLE : ecn;
}
