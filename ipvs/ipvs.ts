/**
 * ipvs in one namespace: virtual services, their connections, and the hooks that balance.
 *
 * ```
 *  INPUT   98  a reply to a connection that ends here       INPUT   99  a request: schedule, rewrite
 *  FORWARD 100 a reply that passes through: rewrite         OUTPUT -99/-98  the same for local ones
 * ```
 * A request to a service finds its connection or gets a destination from the scheduler; masquerading
 * rewrites the destination and sends the packet through OUTPUT and POSTROUTING, where Docker's
 * `-m ipvs --ipvs` rule gives it the balancer's own address. Mirrors `ip_vs_core.c` and
 * `ip_vs_xmit.c`.
 */

import type { Namespace } from '../net/namespace.ts';
import { type Hook, HookPriority, Hook as Hooks, Verdict } from '../net/netfilter/hook.ts';
import type { Packet } from '../net/packet.ts';
import { ConnectionState } from '../net/packet.ts';
import { assert } from '../sim/assert.ts';
import { formatIpv4Address, type Ipv4Address } from '../wire/addresses.ts';
import { readU16 } from '../wire/bytes.ts';
import { IcmpType, UnreachableCode } from '../wire/icmp.ts';
import {
  destinationOf,
  headerBytesOf,
  IpProtocol,
  isFragment,
  protocolOf,
  sourceOf,
} from '../wire/ipv4.ts';
import { rewriteDestination, rewriteSource } from '../wire/rewrite.ts';
import { flagsOf } from '../wire/tcp.ts';
import { IpvsConnection, IpvsConnections } from './connection.ts';
import { schedulerOf } from './schedulers/by-name.ts';
import { type Destination, Service, type ServiceKey } from './service.ts';

const HOOK_NAME = 'ipvs';
const TCP_SYN = 2;
const TCP_ACK = 16;
const TCP_RST = 4;

/** What ipvs counts beside its services. */
export interface IpvsCounters {
  /** Packets of a service that were no first packet and had no connection. */
  nonSynMisses: number;
  /** First packets that found no destination. */
  noDestination: number;
  /** Packets of connections whose destination was gone. */
  destinationGone: number;
}

/** The balancer of one namespace. */
export class Ipvs {
  readonly namespace: Namespace;
  readonly connections: IpvsConnections;
  readonly counters: IpvsCounters = { nonSynMisses: 0, noDestination: 0, destinationGone: 0 };
  readonly #byMark = new Map<number, Service>();
  readonly #byAddress = new Map<string, Service>();

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.connections = new IpvsConnections(namespace.world.queue);
    this.connections.onExpire = (connection) => this.#forgetConntrack(connection);
    const register = (hook: Hook, priority: number, isReply: boolean) =>
      namespace.hooks.register(hook, priority, HOOK_NAME, (packet) =>
        isReply ? this.#reply(packet) : this.#request(packet),
      );
    register(Hooks.input, HookPriority.ipvsReplyInput, true);
    register(Hooks.input, HookPriority.ipvsRequestInput, false);
    register(Hooks.forward, HookPriority.ipvsReplyForward, true);
    register(Hooks.output, HookPriority.ipvsLocalReply, true);
    register(Hooks.output, HookPriority.ipvsLocalRequest, false);
  }

  /** All services in the order of their creation. */
  get services(): Service[] {
    return [...this.#byMark.values(), ...this.#byAddress.values()];
  }

  /** Adds a service; an error text when the scheduler is unknown or the service exists. */
  addService(key: ServiceKey, schedulerName: string): Service | string {
    const scheduler = schedulerOf(schedulerName);
    if (scheduler === undefined) return `Scheduler or persistence engine not found`;
    if (this.serviceOf(key) !== undefined) return 'Service already exists';
    const service = new Service(key, scheduler);
    if ('fwmark' in key) this.#byMark.set(key.fwmark, service);
    else this.#byAddress.set(addressKey(key.protocol, key.address, key.port), service);
    return service;
  }

  /** The service with this key. */
  serviceOf(key: ServiceKey): Service | undefined {
    if ('fwmark' in key) return this.#byMark.get(key.fwmark);
    return this.#byAddress.get(addressKey(key.protocol, key.address, key.port));
  }

  /** Removes a service; its connections find their destination gone. */
  removeService(key: ServiceKey): boolean {
    const service = this.serviceOf(key);
    if (service === undefined) return false;
    for (const destination of service.destinations) destination.isAvailable = false;
    if ('fwmark' in key) return this.#byMark.delete(key.fwmark);
    return this.#byAddress.delete(addressKey(key.protocol, key.address, key.port));
  }

  #serviceOfPacket(packet: Packet, protocol: number, target: Ipv4Address, port: number) {
    if (packet.mark !== 0) {
      const byMark = this.#byMark.get(packet.mark);
      if (byMark !== undefined) return byMark;
    }
    if (this.#byAddress.size === 0) return undefined;
    return this.#byAddress.get(addressKey(protocol, target, port));
  }

  #request(packet: Packet): Verdict {
    if (packet.ipvsProperty) return Verdict.accept;
    if (this.#byMark.size === 0 && this.#byAddress.size === 0 && this.connections.count === 0) {
      return Verdict.accept;
    }
    const bytes = packet.bytes;
    const at = packet.start;
    const protocol = protocolOf(bytes, at);
    if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp) return Verdict.accept;
    if (isFragment(bytes, at)) return Verdict.accept;
    const transport = at + headerBytesOf(bytes, at);
    const source = sourceOf(bytes, at);
    const sourcePort = readU16(bytes, transport);
    const target = destinationOf(bytes, at);
    const port = readU16(bytes, transport + 2);
    const flags = protocol === IpProtocol.tcp ? flagsOf(bytes, transport) : TCP_SYN;
    let connection = this.connections.ofRequest(protocol, source, sourcePort, target, port);
    if (connection !== undefined && this.#isStale(connection, packet, flags)) {
      this.connections.expire(connection);
      if (this.#isOldConnection(packet)) return this.#drop(packet, 'ipvs destination is gone');
      connection = undefined;
    }
    if (connection === undefined) {
      const service = this.#serviceOfPacket(packet, protocol, target, port);
      if (service === undefined) return Verdict.accept;
      if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) !== TCP_SYN) {
        this.counters.nonSynMisses++;
        this.#note(packet, 'ipvs has no connection for this packet and it is no SYN');
        return Verdict.accept;
      }
      const destination = service.scheduler.schedule(service, {
        sourceAddress: source,
        sourcePort,
        destinationAddress: target,
      });
      if (destination === undefined) return this.#refuse(packet);
      connection = this.#connect(
        packet,
        protocol,
        source,
        sourcePort,
        target,
        port,
        service,
        destination,
      );
    }
    return this.#transmit(packet, connection, flags);
  }

  #connect(
    packet: Packet,
    protocol: number,
    source: Ipv4Address,
    sourcePort: number,
    target: Ipv4Address,
    port: number,
    service: Service,
    destination: Destination,
  ): IpvsConnection {
    const connection = new IpvsConnection(
      protocol,
      { address: source, port: sourcePort },
      { address: target, port },
      destination.port === 0 ? port : destination.port,
      packet.mark,
      service,
      destination,
    );
    this.connections.add(connection);
    if (packet.way !== undefined) {
      const where = formatIpv4Address(destination.address);
      const key = service.key;
      const name = 'fwmark' in key ? `FWM ${key.fwmark}` : formatIpv4Address(key.address);
      this.#note(packet, `${name} ${service.scheduler.name} -> ${where}`, 'schedule');
    }
    return connection;
  }

  /** A connection whose destination went away, or that a new SYN finds quiesced. */
  #isStale(connection: IpvsConnection, packet: Packet, flags: number): boolean {
    if (!connection.destination.isAvailable) {
      this.counters.destinationGone++;
      return this.namespace.sysctls.number('net.ipv4.vs.expire_nodest_conn') === 1;
    }
    const isNew = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
    if (!isNew || connection.protocol !== IpProtocol.tcp || connection.state === 0) return false;
    if (connection.destination.weight > 0) return false;
    void packet;
    return this.namespace.sysctls.number('net.ipv4.vs.expire_nodest_conn') === 1;
  }

  #isOldConnection(packet: Packet): boolean {
    return packet.connection !== undefined && packet.connectionState !== ConnectionState.new;
  }

  #transmit(packet: Packet, connection: IpvsConnection, flags: number): Verdict {
    const destination = connection.destination;
    if (!destination.isAvailable) return this.#drop(packet, 'ipvs destination is gone');
    this.connections.advance(connection, false, flags);
    const lengthBytes = packet.end - packet.start;
    destination.inPackets++;
    destination.inBytes += lengthBytes;
    connection.service.inPackets++;
    connection.service.inBytes += lengthBytes;
    assert(destination.method === 'masq', 'only masquerading is built');
    if (packet.way !== undefined) {
      const from = `${formatIpv4Address(connection.virtualAddress)}:${connection.virtualPort}`;
      const to = `${formatIpv4Address(destination.address)}:${connection.destinationPort}`;
      this.#note(packet, `dst ${from} -> ${to}`, 'rewrite');
    }
    rewriteDestination(packet.bytes, packet.start, destination.address, connection.destinationPort);
    packet.ipvsProperty = true;
    const tracked = packet.connection;
    if (tracked !== undefined && packet.connectionState === ConnectionState.new) {
      this.namespace.connections.alterReply(
        tracked,
        destination.address,
        connection.destinationPort,
      );
    }
    this.namespace.sendFromBalancer(packet);
    return Verdict.stolen;
  }

  #reply(packet: Packet): Verdict {
    if (packet.ipvsProperty || this.connections.count === 0) return Verdict.accept;
    const bytes = packet.bytes;
    const at = packet.start;
    const protocol = protocolOf(bytes, at);
    if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp) return Verdict.accept;
    if (isFragment(bytes, at)) return Verdict.accept;
    const transport = at + headerBytesOf(bytes, at);
    const connection = this.connections.ofReply(
      protocol,
      sourceOf(bytes, at),
      readU16(bytes, transport),
      destinationOf(bytes, at),
      readU16(bytes, transport + 2),
    );
    if (connection === undefined) return Verdict.accept;
    const flags = protocol === IpProtocol.tcp ? flagsOf(bytes, transport) : 0;
    const lengthBytes = packet.end - packet.start;
    connection.destination.outPackets++;
    connection.destination.outBytes += lengthBytes;
    connection.service.outPackets++;
    connection.service.outBytes += lengthBytes;
    if (packet.way !== undefined) {
      const from = `${formatIpv4Address(connection.destinationAddress)}:${connection.destinationPort}`;
      const to = `${formatIpv4Address(connection.virtualAddress)}:${connection.virtualPort}`;
      this.#note(packet, `src ${from} -> ${to}`, 'rewrite');
    }
    rewriteSource(bytes, at, connection.virtualAddress, connection.virtualPort);
    this.connections.advance(connection, true, flags);
    packet.ipvsProperty = true;
    return Verdict.accept;
  }

  #refuse(packet: Packet): Verdict {
    this.counters.noDestination++;
    this.namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, UnreachableCode.port);
    return this.#drop(packet, 'ipvs has no destination');
  }

  #drop(packet: Packet, reason: string): Verdict {
    if (packet.way !== undefined) this.#note(packet, reason, 'drop');
    return Verdict.drop;
  }

  #note(packet: Packet, detail: string, event: 'hook' | 'schedule' | 'rewrite' | 'drop' = 'hook') {
    const namespace = this.namespace;
    packet.way?.add(namespace.world.nowNs, namespace.name, event, 'ipvs', '', detail);
  }

  #forgetConntrack(connection: IpvsConnection): void {
    this.namespace.connections.deleteByOriginal(
      connection.protocol,
      connection.clientAddress,
      connection.clientPort,
      connection.virtualAddress,
      connection.virtualPort,
    );
  }
}

function addressKey(protocol: number, address: Ipv4Address, port: number): string {
  return `${protocol}/${address}:${port}`;
}
