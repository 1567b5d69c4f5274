/**
 * The vxlan device, as Docker's overlay driver makes it (proxy ARP, learning, no default destination),
 * and as operators make it by hand.
 *
 * Out: an ARP request is answered from the neighbour table of the device's own namespace, or
 * vanishes; any other frame goes to the VTEP that the forwarding table names, or is dropped. The
 * outer packet is sent by the *underlay* namespace, whose routes, rules and source address apply.
 * In: the source MAC is snooped, and the frame goes on as received by this device. All VTEPs of a
 * device are of one version of IP.
 * Mirrors `vxlan_xmit`, `vxlan_xmit_one`, `vxlan_encap_bypass` and `vxlan_rcv`
 * (drivers/net/vxlan/vxlan_core.c).
 */
import { Device } from '../net/device/device.ts';
import type { RouteResult } from '../net/ip/route.ts';
import { SendResult } from '../net/ip/send-result.ts';
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { localPortRangeOf, type PortRange } from '../net/socket/ports.ts';
import { formatMac, isGroupMac, type Mac } from '../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
} from '../wire/ethernet.ts';
import { formatIp, type IpAddress, isIpv6Address, LOOPBACK_IPV6 } from '../wire/ip-address.ts';
import { hasDontFragment, ttlOf } from '../wire/ipv4.ts';
import { hopLimitOf } from '../wire/ipv6/header.ts';
import { VXLAN_PORT } from '../wire/vxlan.ts';
import { outerTosOf, takesCongestion } from './congestion.ts';
import { sourcePortOfFlow } from './flow-hash.ts';
import { ForwardingTable, LEARNED_AGE_NS } from './forwarding-table.ts';
import { answerToArp } from './neighbour-proxy.ts';
import { pushOuterHeaders, VXLAN_OVERHEAD_BYTES, VXLAN6_OVERHEAD_BYTES } from './outer-headers.ts';
import { pathMtuReplyTo } from './path-mtu-reply.ts';
import { closeVtep, openVtep, registerVtep, unregisterVtep, vtepHere } from './vtep-sockets.ts';
import { vxlanDetailText, vxlanFdbLines } from './vxlan-text.ts';

const LOOPBACK_IPV4: IpAddress = 0x7f00_0001;

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
  /** The version of IP of its VTEPs; default IPv4, as for devices without a remote. */
  readonly family?: 'ipv4' | 'ipv6';
  /** Default true, as Docker has it. */
  readonly isProxy?: boolean;
  /** Default true, as Docker has it. */
  readonly isLearning?: boolean;
  /** Whoever listens is told of MAC addresses without a VTEP; default true, as Docker has it. */
  readonly tellsL2Misses?: boolean;
  /** Whoever listens is told of ARP requests without an answer; default true, as Docker has it. */
  readonly tellsL3Misses?: boolean;
  /** `remote`: the VTEP of all frames without an entry. */
  readonly remote?: IpAddress;
  /** `local`: the source of outer packets; default: what routing prefers. */
  readonly local?: IpAddress;
  /** `srcport`; default: the namespace's `ip_local_port_range`. */
  readonly sourcePorts?: PortRange;
  /** Default 0: that of the namespace's other packets (`auto`). */
  readonly ttl?: number | 'inherit';
  readonly tos?: number | 'inherit';
  /** Don't-fragment of outer IPv4 headers; default `unset`. */
  readonly df?: 'unset' | 'set' | 'inherit';
  readonly flowLabel?: number;
  /** How long learned entries live without use, in ns; default 300 s. */
  readonly ageNs?: number;
  /** `maxaddress`: how many entries are learned; default: any number. */
  readonly maxAddresses?: number;
  /** `udpcsum`, over IPv4; default true. */
  readonly hasChecksum?: boolean;
  /** `udp6zerocsumtx`: no checksum over IPv6; default false. */
  readonly zeroChecksum6Tx?: boolean;
  /** `udp6zerocsumrx`: packets without a checksum are taken over IPv6; default false. */
  readonly zeroChecksum6Rx?: boolean;
}

/** A VXLAN tunnel endpoint. */
export class VxlanDevice extends Device {
  readonly kind = 'vxlan';
  readonly vni: number;
  readonly port: number;
  readonly underlay: Namespace;
  readonly family: 'ipv4' | 'ipv6';
  readonly isProxy: boolean;
  readonly isLearning: boolean;
  readonly tellsL2Misses: boolean;
  readonly tellsL3Misses: boolean;
  readonly ageNs: number;
  readonly zeroChecksum6Rx: boolean;
  readonly options: VxlanOptions;
  readonly fdb: ForwardingTable;
  /** Unicast frames for which no VTEP was known (netlink `RTM_GETNEIGH` for a MAC). */
  l2MissCount = 0;
  /** ARP requests for which no neighbour was known. */
  l3MissCount = 0;

  constructor(options: VxlanOptions) {
    super(options.name, options.mac, options.mtuBytes);
    this.options = options;
    this.vni = options.vni;
    this.port = options.port ?? VXLAN_PORT;
    this.underlay = options.underlay;
    this.family = options.family ?? 'ipv4';
    this.isProxy = options.isProxy ?? true;
    this.isLearning = options.isLearning ?? true;
    this.tellsL2Misses = options.tellsL2Misses ?? true;
    this.tellsL3Misses = options.tellsL3Misses ?? true;
    this.zeroChecksum6Rx = options.zeroChecksum6Rx ?? false;
    this.ageNs = options.ageNs ?? LEARNED_AGE_NS;
    this.fdb = new ForwardingTable(this.ageNs, options.maxAddresses);
    if (options.remote !== undefined) this.fdb.addDefault(options.remote);
  }

  /** True for a VTEP of its version of IP; the kernel takes no entry with another. */
  fits(vtep: IpAddress): boolean {
    return isIpv6Address(vtep) === (this.family === 'ipv6');
  }

  /** Takes its VNI on the host; the kernel's error text when another device has it. */
  register(): string | undefined {
    return registerVtep(this);
  }

  /** Opens its socket, as going up does; the kernel's error text when a program has the port. */
  openSocket(): string | undefined {
    return openVtep(this);
  }

  override get linkNamespace(): Namespace {
    return this.underlay;
  }

  override get linkDetail(): string {
    return vxlanDetailText(this);
  }

  /** The device's lines of `bridge fdb show`, the newest entry first. */
  fdbLines(hasStatistics = false): string[] {
    return vxlanFdbLines(this, hasStatistics);
  }

  override onUpChange(): void {
    if (this.isUp) openVtep(this);
    else {
      closeVtep(this);
      this.fdb.forgetLearned();
    }
  }

  override onRemove(): void {
    unregisterVtep(this);
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
      const reply = answerToArp(this, packet);
      if (reply !== undefined) this.#receiveOwn(reply);
      return;
    }
    const destination = destinationMacOf(bytes, start);
    const entry = this.fdb.use(destination, this.underlay.world.nowNs);
    if (entry !== undefined) this.#send(packet, entry.remote);
    else if (this.fdb.defaults.length > 0) {
      for (const remote of this.fdb.defaults) this.#send(packet.clone(), remote);
    } else {
      if (this.tellsL2Misses && !isGroupMac(destination)) this.l2MissCount++;
      this.#noteMiss(packet, `frame for ${formatMac(destination)}`);
      this.dropTransmit(packet, 'no VTEP is known for the MAC address');
    }
  }

  /** Takes an inner frame (`packet.start`) that came from the VTEP `remote`. */
  decapsulate(packet: Packet, remote: IpAddress, outerTos: number): void {
    const { underlay, namespace, name } = this;
    if (packet.end - packet.start < ETHERNET_HEADER_BYTES) {
      namespace.drop(packet, name, 'inner frame is cut short');
      return;
    }
    const source = sourceMacOf(packet.bytes, packet.start);
    if (source === this.mac || source === 0 || isGroupMac(source)) {
      namespace.drop(packet, name, 'inner source MAC address is not valid');
      return;
    }
    if (this.isLearning && this.fdb.snoop(source, remote, underlay.world.nowNs) === 'refused') {
      namespace.drop(packet, name, 'a permanent entry puts the source behind another VTEP');
      return;
    }
    if (!takesCongestion(packet, outerTos)) {
      this.statistics.rxErrors++;
      namespace.drop(packet, name, 'congestion cannot be told to the inner packet');
      return;
    }
    packet.scrub();
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} from ${formatIp(remote)}`;
      packet.way.add(underlay.world.nowNs, underlay.name, 'decapsulate', name, '', detail);
    }
    this.receive(packet);
  }

  /** An ARP request is for an address that no neighbour has. */
  noteL3Miss(frame: Packet, address: string): void {
    if (this.tellsL3Misses) this.l3MissCount++;
    this.#noteMiss(frame, `ARP request for ${address}`);
  }

  /** Counts what comes out of the tunnel: inner packets, without their Ethernet headers. */
  protected override countReceive(packet: Packet): void {
    if (packet.inDevice === this) return;
    this.statistics.rxPackets++;
    this.statistics.rxBytes += packet.end - packet.start - ETHERNET_HEADER_BYTES;
  }

  #send(packet: Packet, remote: IpAddress): void {
    const { underlay, statistics, name } = this;
    const { local } = this.options;
    const query = { destination: remote, ...(local === undefined ? {} : { source: local }) };
    const route = underlay.routeLookup(query);
    if (route === undefined || !REACHING.has(route.type)) {
      statistics.txErrors++;
      statistics.txCarrierErrors++;
      underlay.drop(packet, name, 'no route to the VTEP');
      return;
    }
    if (route.device === this) {
      statistics.txErrors++;
      statistics.collisions++;
      underlay.drop(packet, name, 'the VTEP is behind the tunnel itself');
      return;
    }
    if (route.type === 'local') {
      this.#bypass(packet);
      return;
    }
    const reply = this.#tooBigReplyTo(packet, remote, route);
    if (reply !== undefined) {
      this.namespace.drop(packet, name, 'packet is too big for the underlay');
      this.#deliverHere(reply, this);
      return;
    }
    const innerBytes = packet.end - packet.start - ETHERNET_HEADER_BYTES;
    const { beliefs } = underlay.host;
    if (beliefs !== undefined) {
      beliefs.onTunnel(this.vni, destinationMacOf(packet.bytes, packet.start), remote);
    }
    this.#encapsulate(packet, remote, route);
    if (packet.way !== undefined) {
      const detail = `VNI ${this.vni} to ${formatIp(remote)}`;
      const { world, name: namespaceName } = this.namespace;
      packet.way.add(world.nowNs, namespaceName, 'encapsulate', name, '', detail);
    }
    packet.scrub();
    packet.isTunnelled = true;
    if (underlay.sendAlong(packet, route) === SendResult.sent) {
      statistics.txPackets++;
      statistics.txBytes += innerBytes;
    } else statistics.txErrors++;
  }

  /** The error for a frame that is too long for the way to its VTEP, if anybody is to hear of it. */
  #tooBigReplyTo(frame: Packet, remote: IpAddress, route: RouteResult): Packet | undefined {
    const { tunnelsTellMtu } = this.underlay.host.kernel;
    if (!tunnelsTellMtu || this.bridgePort === undefined) return undefined;
    const overhead = isIpv6Address(remote) ? VXLAN6_OVERHEAD_BYTES : VXLAN_OVERHEAD_BYTES;
    return pathMtuReplyTo(frame, this.underlay.pathMtuBytes(remote, route) - overhead);
  }

  #encapsulate(packet: Packet, remote: IpAddress, route: RouteResult): void {
    const { underlay, options } = this;
    const isVersion6 = isIpv6Address(remote);
    const ports = options.sourcePorts ?? localPortRangeOf(this.namespace);
    pushOuterHeaders(packet, {
      vni: this.vni,
      source: options.local ?? route.source,
      destination: remote,
      sourcePort: sourcePortOfFlow(packet.bytes, packet.start, ports),
      port: this.port,
      ttl: this.#ttlFor(packet, route, isVersion6),
      tos: outerTosOf(packet, options.tos ?? 0),
      hasChecksum: isVersion6 ? options.zeroChecksum6Tx !== true : options.hasChecksum !== false,
      dontFragment: setsDontFragment(packet, options.df),
      identification: isVersion6 ? 0 : underlay.nextIdentification(),
      flowLabel: options.flowLabel ?? 0,
    });
  }

  #ttlFor({ bytes, start }: Packet, { device }: RouteResult, isVersion6: boolean): number {
    const { ttl = 0 } = this.options;
    const at = start + ETHERNET_HEADER_BYTES;
    const type = etherTypeOf(bytes, start);
    let chosen = ttl === 'inherit' ? 0 : ttl;
    if (ttl === 'inherit' && type === EtherType.ipv4) chosen = ttlOf(bytes, at);
    if (ttl === 'inherit' && type === EtherType.ipv6) chosen = hopLimitOf(bytes, at);
    if (chosen !== 0) return chosen;
    const { sysctls } = this.underlay;
    return isVersion6 ? device.ipv6.hop_limit : sysctls.number('net.ipv4.ip_default_ttl');
  }

  /** The VTEP is an address of this host: the frame goes to the device that has the VNI here. */
  #bypass(packet: Packet): void {
    const here = vtepHere(this);
    if (here === undefined) {
      this.statistics.txErrors++;
      this.underlay.drop(packet, this.name, 'no vxlan device has this VNI');
      return;
    }
    if (here.isLearning) {
      const loopback = this.family === 'ipv6' ? LOOPBACK_IPV6 : LOOPBACK_IPV4;
      const source = sourceMacOf(packet.bytes, packet.start);
      here.fdb.snoop(source, loopback, this.underlay.world.nowNs);
    }
    this.#deliverHere(packet, here);
  }

  /** Hands a frame to a device of the host as if it had come through the tunnel; both count it. */
  #deliverHere(packet: Packet, here: VxlanDevice): void {
    const lengthBytes = packet.end - packet.start;
    this.statistics.txPackets++;
    this.statistics.txBytes += lengthBytes;
    here.statistics.rxPackets++;
    here.statistics.rxBytes += lengthBytes;
    packet.scrub();
    here.#receiveOwn(packet);
  }

  /** Takes in soon what it has made itself, uncounted. */
  #receiveOwn(packet: Packet): void {
    packet.inDevice = this;
    if (!this.namespace.host.backlog.enqueue(this, packet)) this.statistics.rxDropped++;
  }

  /** What the drop that follows is about; counted reasons name no address. */
  #noteMiss(packet: Packet, what: string): void {
    if (packet.way === undefined) return;
    const { world, name } = this.namespace;
    packet.way.add(world.nowNs, name, 'route', this.name, '', what);
  }
}

/** Routes that lead somewhere. */
const REACHING: ReadonlySet<string> = new Set(['unicast', 'local', 'broadcast', 'multicast']);

function setsDontFragment(
  { bytes, start }: Packet,
  df: 'unset' | 'set' | 'inherit' = 'unset',
): boolean {
  if (df !== 'inherit') return df === 'set';
  const type = etherTypeOf(bytes, start);
  if (type === EtherType.ipv6) return true;
  return type === EtherType.ipv4 && hasDontFragment(bytes, start + ETHERNET_HEADER_BYTES);
}
