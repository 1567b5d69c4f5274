/**
 * IPv6 of one namespace: addresses, routes, neighbours, path MTUs, fragments, groups, hooks and
 * ip6tables. Made when somebody first asks, so that namespaces without IPv6 traffic hold none of it;
 * what it then finds on the devices it would have had all along.
 * Mirrors `struct netns_ipv6`.
 */
import { ALL_NODES, ALL_ROUTERS, type IpAddress } from '../../wire/ip-address.ts';
import { solicitedNodeOf } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import { IcmpBudget } from '../ip/icmp-error.ts';
import { IpCounters } from '../ip/ip-counters.ts';
import { PathMtus } from '../ip/path-mtu.ts';
import { Reassembly } from '../ip/reassembly.ts';
import type { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import { NDISC } from '../neighbour/ndisc.ts';
import { Neighbours } from '../neighbour/neighbours.ts';
import { Hook, Hooks } from '../netfilter/hook.ts';
import { Tables } from '../netfilter/tables.ts';
import type { Packet } from '../packet.ts';
import { Ipv6Addresses } from './addresses.ts';
import { continueForward6 } from './forward.ts';
import { IPV6_FRAGMENTS } from './fragments.ts';
import { sendIcmpv6Error } from './icmp-error.ts';
import { continueInput6, continuePrerouting6 } from './input.ts';
import {
  continueOutput6,
  continuePostrouting6,
  firstIdentification,
  sendIpv6,
  transmitIpv6,
} from './output.ts';
import { Ipv6Routes } from './routes.ts';

/** The IPv6 side of one namespace. */
export class Ipv6 {
  readonly addresses: Ipv6Addresses;
  readonly routes: Ipv6Routes;
  readonly neighbours: Neighbours;
  readonly pathMtus: PathMtus;
  readonly reassembly: Reassembly;
  readonly icmpBudget: IcmpBudget;
  readonly hooks = new Hooks();
  /** What IPv6 has counted. */
  readonly counters = new IpCounters();
  /** `ip6tables`. */
  readonly tables: Tables;
  readonly #namespace: Namespace;
  #identification: number;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.addresses = new Ipv6Addresses(namespace);
    this.routes = new Ipv6Routes(namespace);
    this.neighbours = new Neighbours(namespace, NDISC);
    this.pathMtus = new PathMtus(namespace);
    this.reassembly = new Reassembly(namespace, IPV6_FRAGMENTS);
    this.icmpBudget = new IcmpBudget(namespace);
    this.tables = new Tables(namespace, 'ipv6', this.hooks);
    this.#identification = firstIdentification(namespace);
  }

  /** Looks at every device; called once it is in its place, and when settings change. */
  sync(): void {
    for (const device of this.#namespace.devices.list()) this.addresses.sync(device);
  }

  /** A device goes down. */
  onDeviceDown(device: Device): void {
    this.neighbours.flush(device);
    this.neighbours.removeProxiesOf(device);
    this.addresses.flush(device);
    this.routes.onDeviceDown(device);
  }

  /** True when packets to a group are taken on a device. */
  hasJoined(device: Device, group: IpAddress): boolean {
    if (group === ALL_NODES) return true;
    if (group === ALL_ROUTERS) return this.#namespace.sysctls.ipv6.all.forwarding !== 0;
    const isOwn = this.addresses.of(device).some((own) => solicitedNodeOf(own.address) === group);
    return (
      isOwn ||
      this.neighbours.proxies.some((proxy) => {
        return proxy.device === device && solicitedNodeOf(proxy.address) === group;
      })
    );
  }

  /** Sends a local packet, by a device when its destination is of a link. */
  send(packet: Packet, outDevice?: Device | undefined): SendResult {
    return sendIpv6(this.#namespace, packet, outDevice);
  }

  /** POSTROUTING, neighbour, device. */
  transmit(packet: Packet, outDevice: Device, nextHop: IpAddress, mtuBytes: number): SendResult {
    return transmitIpv6(this.#namespace, packet, outDevice, nextHop, mtuBytes);
  }

  /** Answers a packet with an ICMPv6 error, if that may be; it stays alive. */
  sendIcmpError(packet: Packet, type: number, code: number, rest: number): void {
    sendIcmpv6Error(this.#namespace, packet, type, code, rest);
  }

  /** The identification of the next packet that is fragmented. */
  nextIdentification(): number {
    this.#identification = (this.#identification + 1) >>> 0;
    return this.#identification;
  }

  /** Carries a stolen packet on behind `afterPriority` of the hook where it was stolen. */
  reinject(packet: Packet, hook: Hook, afterPriority: number): void {
    const namespace = this.#namespace;
    if (hook === Hook.prerouting) continuePrerouting6(namespace, packet, afterPriority);
    else if (hook === Hook.input) continueInput6(namespace, packet, afterPriority);
    else if (hook === Hook.forward) continueForward6(namespace, packet, afterPriority);
    else if (hook === Hook.output) continueOutput6(namespace, packet, afterPriority);
    else continuePostrouting6(namespace, packet, afterPriority);
  }
}
