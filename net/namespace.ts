/**
 * A network namespace: the devices, addresses, routes, rules, neighbours, netfilter tables,
 * connections, sockets and sysctls that belong together, and the way of a packet between them.
 *
 * The class only composes. What happens to a packet is in `ip/` (input, forward, output, icmp) and
 * `neighbour/`, as functions of a namespace; each part keeps its own state. One class serves a
 * host, a container, an overlay's `1-<id>`, `ingress_sbox` and `lb_<id>`.
 * Mirrors `struct net` (net/core/net_namespace.c) and `struct netns_ipv4`.
 */
import { draw32, hashText } from '../sim/chance.ts';
import type { World } from '../sim/world.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import { isIpv6 } from '../wire/ip.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import { ConnectionTracker } from './conntrack/tracker.ts';
import type { Bridge } from './device/bridge.ts';
import type { Device } from './device/device.ts';
import { Loopback } from './device/loopback.ts';
import { NamespaceDevices } from './device/namespace-devices.ts';
import type { HostCounters } from './host-counters.ts';
import { Addresses, type AddressSpecification } from './ip/addresses.ts';
import { continueForward } from './ip/forward.ts';
import { IPV4_FRAGMENTS } from './ip/fragment-format.ts';
import { IcmpBudget, sendIcmpError } from './ip/icmp-error.ts';
import { continueInput, continuePrerouting, receiveFrame, receiveIpv4 } from './ip/input.ts';
import { IpCounters } from './ip/ip-counters.ts';
import {
  continueOutput,
  continuePostrouting,
  sendFromBalancer,
  sendIpv4,
  sendIpv4Along,
  sendRouted,
  transmitIpv4,
} from './ip/output.ts';
import { PathMtus } from './ip/path-mtu.ts';
import { Reassembly } from './ip/reassembly.ts';
import type { Route, RouteQuery, RouteResult, RouteSpecification } from './ip/route.ts';
import { Routes } from './ip/routes.ts';
import type { Rules } from './ip/rules.ts';
import type { SendResult } from './ip/send-result.ts';
import { receiveIpv6 } from './ip6/input.ts';
import { sendIpv6Along } from './ip6/output.ts';
import { Ipv6 } from './ip6/stack.ts';
import { ARP } from './neighbour/arp.ts';
import { Neighbours } from './neighbour/neighbours.ts';
import { Hook, Hooks } from './netfilter/hook.ts';
import { Nftables } from './netfilter/nft/nftables.ts';
import { Tables } from './netfilter/tables.ts';
import type { Packet } from './packet.ts';
import { SocketTable } from './socket/table.ts';
import { Sysctls } from './sysctls.ts';
import type { Xfrm } from './xfrm/xfrm.ts';

/** Greater numbers are IPv6 addresses. */
const IPV4_MAX = 0xffff_ffff;
const ALL_HOSTS_GROUP: Ipv4Address = 0xe000_0001;

/** What a namespace is made from. */
export interface NamespaceOptions {
  /** Host included: `worker-1`, `worker-1/ingress_sbox`. */
  readonly name: string;
  /** Whose observations and draws these are. */
  readonly nodeIndex: number;
  readonly host: HostCounters;
  /** The host's first namespace, whose IPv4 settings (`ip_forward`) a new one copies. */
  readonly initial?: Namespace;
}

/** One network namespace. */
export class Namespace {
  readonly world: World;
  readonly name: string;
  readonly nodeIndex: number;
  readonly host: HostCounters;
  readonly sysctls: Sysctls;
  readonly devices: NamespaceDevices;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly neighbours: Neighbours;
  readonly pathMtus: PathMtus;
  readonly reassembly: Reassembly;
  readonly hooks = new Hooks();
  readonly tables: Tables;
  readonly nftables: Nftables;
  readonly connections: ConnectionTracker;
  readonly sockets: SocketTable;
  readonly loopback: Loopback;
  readonly icmpBudget: IcmpBudget;
  /** What IPv4 has counted. */
  readonly ipCounters = new IpCounters();
  /** Who takes IP protocols other than TCP, UDP and ICMP (ESP); whole packets from `start` on. */
  readonly protocolHandlers = new Map<number, (packet: Packet) => void>();
  /** IPsec, once somebody has asked for it. */
  xfrm: Xfrm | undefined = undefined;
  /** Packets that ended here, by reason; the reasons are those that a way names. */
  readonly dropCounts = new Map<string, number>();
  /** True for the host's first namespace, whose rules may write to the kernel's log. */
  readonly isInitial: boolean;
  #ipv6: Ipv6 | undefined = undefined;
  readonly #hookUsers: ((hooks: Hooks) => void)[] = [];
  readonly #groups = new Map<Ipv4Address, number>();
  #identification: number;

  constructor(world: World, options: NamespaceOptions) {
    this.world = world;
    this.name = options.name;
    this.nodeIndex = options.nodeIndex;
    this.host = options.host;
    this.isInitial = options.initial === undefined;
    this.sysctls = new Sysctls(options.initial?.sysctls);
    this.devices = new NamespaceDevices(this);
    this.addresses = new Addresses(this);
    this.routes = new Routes(this);
    this.neighbours = new Neighbours(this, ARP);
    this.pathMtus = new PathMtus(this);
    this.reassembly = new Reassembly(this, IPV4_FRAGMENTS);
    this.icmpBudget = new IcmpBudget(this);
    const key = world.chance.key('ip.identification');
    this.#identification = draw32(key, options.nodeIndex, hashText(options.name)) & 0xffff;
    this.tables = new Tables(this);
    this.nftables = new Nftables(this);
    this.connections = new ConnectionTracker(this);
    this.sockets = new SocketTable(this);
    this.loopback = new Loopback();
    this.devices.add(this.loopback);
  }

  /** IPv6, made when first asked for. */
  get ipv6(): Ipv6 {
    if (this.#ipv6 === undefined) {
      this.#ipv6 = new Ipv6(this);
      for (const register of this.#hookUsers) register(this.#ipv6.hooks);
      this.#ipv6.sync();
      this.sysctls.onIpv6Change = () => this.#ipv6!.sync();
    }
    return this.#ipv6;
  }

  /** IPv6, if somebody has asked for it. */
  get ipv6IfUsed(): Ipv6 | undefined {
    return this.#ipv6;
  }

  /** Lets `register` at the hooks of both versions, IPv6's when they come to be. */
  onHooks(register: (hooks: Hooks) => void): void {
    this.#hookUsers.push(register);
    register(this.hooks);
    if (this.#ipv6 !== undefined) register(this.#ipv6.hooks);
  }

  /** The policy rules (`ip rule`). */
  get rules(): Rules {
    return this.routes.rules;
  }

  /** Brings a new device in: gives it an index, settings and a place. */
  addDevice(device: Device): void {
    this.devices.add(device);
  }

  /** `ip link set dev <device> netns <to> name <newName>`: it loses addresses and goes down. */
  moveDevice(device: Device, to: Namespace, newName: string = device.name): void {
    this.devices.move(device, to, newName);
  }

  /** `ip link del`; a veth's other end goes with it. */
  removeDevice(device: Device): void {
    this.devices.remove(device);
  }

  /** Takes every device out, as the kernel does when the last process of a namespace is gone. */
  destroy(): void {
    this.sockets.destroy();
    this.devices.removeAll();
    this.devices.forgetEverywhere();
  }

  /** The device of this name (without `@if…`). */
  deviceByName(name: string): Device | undefined {
    return this.devices.byName(name);
  }

  /** The device with this ifindex. */
  deviceByIndex(index: number): Device | undefined {
    return this.devices.byIndex(index);
  }

  /** `ip link set up|down`. */
  setUp(device: Device, isUp: boolean): void {
    this.devices.setUp(device, isUp);
  }

  /** `ip link set master <bridge>`, or `nomaster`. */
  setMaster(device: Device, bridge: Bridge | undefined): void {
    this.devices.setMaster(device, bridge);
  }

  /** `ip link set address`. */
  setMac(device: Device, mac: number): void {
    this.devices.setMac(device, mac);
  }

  /** `ip link set mtu`. */
  setMtu(device: Device, mtuBytes: number): void {
    this.devices.setMtu(device, mtuBytes);
  }

  /** `ip link set name`. */
  rename(device: Device, name: string): void {
    this.devices.rename(device, name);
  }

  /** `ip addr add`; false when the device has this address and prefix already. */
  addAddress(device: Device, specification: AddressSpecification): boolean {
    return this.addresses.add(device, specification);
  }

  /** `ip addr del`; false when there is no such address. */
  removeAddress(device: Device, address: Ipv4Address, prefixLength: number): boolean {
    return this.addresses.remove(device, address, prefixLength);
  }

  /** True when the local table holds the address (`inet_addr_type` LOCAL): 127/8 included. */
  isLocalAddress(address: IpAddress): boolean {
    return address > IPV4_MAX ? this.ipv6.routes.isLocal(address) : this.routes.isLocal(address);
  }

  /** True when the local table holds it as a broadcast address. */
  isBroadcastAddress(address: Ipv4Address): boolean {
    return this.routes.isBroadcast(address);
  }

  /** `ip route add`; iproute2's error text when the kernel would refuse. */
  addRoute(route: RouteSpecification): string | undefined {
    return this.routes.add(route);
  }

  /** `ip route del`: the first route that has all the given fields; false when there is none. */
  removeRoute(route: Partial<RouteSpecification>): boolean {
    return this.routes.remove(route);
  }

  /** The routes of a table (default main), in `ip route show` order. */
  routesOf(table?: number): readonly Route[] {
    return this.routes.list(table);
  }

  /** What rules and tables say; undefined when nothing matches (network unreachable). */
  routeLookup(query: RouteQuery): RouteResult | undefined {
    if (query.destination > IPV4_MAX) return this.ipv6.routes.lookup(query);
    return this.routes.lookup(query);
  }

  /** The MTU towards a destination, path MTU discovery included, in bytes. */
  pathMtuBytes(destination: IpAddress, route: RouteResult): number {
    const { pathMtus } = destination > IPV4_MAX ? this.ipv6 : this;
    return pathMtus.bytesTo(destination, route);
  }

  /** Takes a frame from a device; `packet.start` is its Ethernet header. */
  receiveFrame(device: Device, packet: Packet): void {
    receiveFrame(this, device, packet);
  }

  /** Takes an IPv4 packet in: PREROUTING, routing, INPUT or FORWARD. */
  receiveIpv4(device: Device, packet: Packet): void {
    receiveIpv4(this, device, packet);
  }

  /** Takes an IPv6 packet in, likewise. */
  receiveIpv6(device: Device, packet: Packet): void {
    receiveIpv6(this, device, packet);
  }

  /** Takes a packet that IPsec has opened: PREROUTING and everything after it, once more. */
  receiveDecrypted(packet: Packet): void {
    if (isIpv6(packet.bytes, packet.start)) {
      this.ipv6.reinject(packet, Hook.prerouting, Number.NEGATIVE_INFINITY);
    } else continuePrerouting(this, packet, Number.NEGATIVE_INFINITY);
  }

  /**
   * Sends a local packet whose IPv4 header is written: routing, OUTPUT, again routing where a rule
   * changed what it depends on, POSTROUTING, neighbour. A source of 0 is filled in.
   */
  sendIpv4(packet: Packet): SendResult {
    return sendIpv4(this, packet);
  }

  /** {@link sendIpv4} along a route that the sender has looked up (a socket bound to a device). */
  sendIpv4Along(packet: Packet, route: RouteResult): SendResult {
    return sendIpv4Along(this, packet, route);
  }

  /** Sends a local packet of either version, whose header is written. */
  send(packet: Packet): SendResult {
    if (isIpv6(packet.bytes, packet.start)) return this.ipv6.send(packet);
    return sendIpv4(this, packet);
  }

  /** {@link send} along a route that the sender has looked up. */
  sendAlong(packet: Packet, route: RouteResult): SendResult {
    if (isIpv6(packet.bytes, packet.start)) return sendIpv6Along(this, packet, route);
    return sendIpv4Along(this, packet, route);
  }

  /** Routes what a device hands over for it (ipvlan l3), through OUTPUT and POSTROUTING. */
  sendRouted(packet: Packet): SendResult {
    return sendRouted(this, packet);
  }

  /** ipvs' way out: the destination is rewritten; routing, TTL, OUTPUT, POSTROUTING. */
  sendFromBalancer(packet: Packet): SendResult {
    return sendFromBalancer(this, packet);
  }

  /** POSTROUTING, fragmentation, neighbour, device. */
  transmitIpv4(
    packet: Packet,
    outDevice: Device,
    nextHop: Ipv4Address,
    mtuBytes: number = outDevice.mtu,
  ): SendResult {
    return transmitIpv4(this, packet, outDevice, nextHop, mtuBytes);
  }

  /** Answers a packet with an ICMP error, if RFC 1122 and the rate limits allow; it stays alive. */
  sendIcmpError(packet: Packet, type: number, code: number, rest = 0): void {
    sendIcmpError(this, packet, type, code, rest);
  }

  /** Carries a stolen packet on behind `afterPriority` of the hook where it was stolen. */
  reinject(packet: Packet, hook: Hook, afterPriority: number): void {
    if (isIpv6(packet.bytes, packet.start)) {
      this.ipv6.reinject(packet, hook, afterPriority);
      return;
    }
    switch (hook) {
      case Hook.prerouting:
        continuePrerouting(this, packet, afterPriority);
        break;
      case Hook.input:
        continueInput(this, packet, afterPriority);
        break;
      case Hook.forward:
        continueForward(this, packet, afterPriority);
        break;
      case Hook.output:
        continueOutput(this, packet, afterPriority);
        break;
      case Hook.postrouting:
        continuePostrouting(this, packet, afterPriority);
        break;
    }
  }

  /** True when packets to this multicast group are taken; 224.0.0.1 always. */
  hasJoined(group: Ipv4Address): boolean {
    return group === ALL_HOSTS_GROUP || this.#groups.has(group);
  }

  /** Takes packets to a multicast group from now on. */
  joinGroup(group: Ipv4Address): void {
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
  }

  /** Undoes one `joinGroup`. */
  leaveGroup(group: Ipv4Address): void {
    const left = (this.#groups.get(group) ?? 0) - 1;
    if (left > 0) this.#groups.set(group, left);
    else this.#groups.delete(group);
  }

  /** The identification of the next packet that may be fragmented. */
  nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  /** Counts a packet that ends here and notes it on its way; `place` is a device or a hook. */
  drop(packet: Packet, place: string, reason: string): void {
    this.countDrop(reason);
    packet.way?.add(this.world.nowNs, this.name, 'drop', place, '', reason);
  }

  /** Counts a packet that ended here; what dropped it has noted its way. */
  countDrop(reason: string): void {
    this.dropCounts.set(reason, (this.dropCounts.get(reason) ?? 0) + 1);
  }
}
