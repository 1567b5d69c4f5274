/**
 * ipvs in one namespace: virtual services, their connections, and the hooks that balance.
 *
 * ```
 *  INPUT   98  a reply to a connection that ends here       INPUT   99  a request: schedule, rewrite
 *  FORWARD 99  an ICMP error about a reply                  FORWARD 100 a reply that passes through
 *  OUTPUT -99/-98  replies and requests of this namespace itself
 * ```
 * A request to a service finds its connection or gets a destination from the scheduler, and goes out
 * to it (transmit.ts). Replies get the virtual address as their source. Mirrors `ip_vs_core.c`.
 */
import type { Namespace } from '../net/namespace.ts';
import { type Hook, HookPriority, Hook as Hooks, Verdict } from '../net/netfilter/hook.ts';
import type { Packet } from '../net/packet.ts';
import { MILLISECOND_NS } from '../sim/time.ts';
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
import { rewriteEndpoint } from '../wire/rewrite.ts';
import { CHUNK_HEADER_BYTES, ChunkType, SCTP_HEADER_BYTES } from '../wire/sctp.ts';
import { flagsOf, TcpFlag } from '../wire/tcp.ts';
import { becomeUntracked, IpvsConnection, IpvsConnections } from './connection.ts';
import { connectionOfRequestError, rewriteReplyError } from './icmp.ts';
import { templateOf } from './persistence.ts';
import { RateEstimator } from './rate.ts';
import { fateOf } from './reuse.ts';
import { schedulerOf } from './schedulers/by-name.ts';
import {
  countIn,
  countOut,
  type Destination,
  Service,
  type ServiceKey,
  type Traffic,
} from './service.ts';
import { IPVS_SYSCTLS } from './states/constants.ts';
import { sctpEventOf } from './states/sctp-states.ts';
import { IpvsTimeouts } from './states/timeouts.ts';
import { transmit, transmitError } from './transmit.ts';
import { DestinationTrash } from './trash.ts';

const HOOK_NAME = 'ipvs';

/** The protocols with ports that ipvs knows, and what a packet of them must hold, in bytes. */
const LEAST_BYTES: Readonly<Record<number, number>> = {
  [IpProtocol.tcp]: 20,
  [IpProtocol.udp]: 8,
  [IpProtocol.sctp]: SCTP_HEADER_BYTES + CHUNK_HEADER_BYTES,
};

/** What ipvs counts beside its services. */
export interface IpvsCounters {
  /** Packets to a service that opened nothing and had no connection. */
  nonSynMisses: number;
  /** First packets that found no destination. */
  noDestination: number;
  /** Packets of connections that they could not use: the destination was gone or quiesced, or all over. */
  destinationGone: number;
}

const FTP_DATA_PORT = 20;

/** Behind the removal of a real server, until its connections end: one tick of 250 a second. */
const FLUSH_DELAY_NS = 4 * MILLISECOND_NS;

/** The balancers by their namespaces, as `net_ipvs` finds them. */
const BALANCERS = new WeakMap<Namespace, Ipvs>();

/** The balancer of one namespace. */
export class Ipvs {
  readonly namespace: Namespace;
  readonly connections: IpvsConnections;
  readonly counters: IpvsCounters = { nonSynMisses: 0, noDestination: 0, destinationGone: 0 };
  readonly timeouts = new IpvsTimeouts();
  readonly rates: RateEstimator;
  readonly #byMark = new Map<number, Service>();
  readonly #byAddress = new Map<number, Service>();
  readonly #trash: DestinationTrash;
  #isFlushing = false;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    BALANCERS.set(namespace, this);
    const { world, hooks, sysctls } = namespace;
    this.#trash = new DestinationTrash(
      () => world.nowNs,
      () => this.#flushSoon(),
    );
    this.rates = new RateEstimator(world.nowNs, () => this.#counted());
    const { timeouts } = this;
    this.connections = new IpvsConnections(world.queue, timeouts, (c) => this.#forgetConntrack(c));
    for (const [name, value] of IPVS_SYSCTLS) {
      const path = `net.ipv4.vs.${name}`;
      if (sysctls.text(path) === undefined) sysctls.set(path, value);
    }
    const reply = (packet: Packet): Verdict => this.#reply(packet);
    const request = (packet: Packet): Verdict => this.#request(packet);
    const requestError = (packet: Packet): Verdict => this.#requestError(packet);
    const register = (hook: Hook, priority: number, run: (packet: Packet) => Verdict) =>
      hooks.register(hook, priority, HOOK_NAME, run);
    register(Hooks.input, HookPriority.ipvsReplyInput, reply);
    register(Hooks.input, HookPriority.ipvsRequestInput, request);
    register(Hooks.forward, HookPriority.ipvsIcmpForward, requestError);
    register(Hooks.forward, HookPriority.ipvsReplyForward, reply);
    register(Hooks.output, HookPriority.ipvsLocalReply, reply);
    register(Hooks.output, HookPriority.ipvsLocalRequest, request);
  }

  /** The balancer of a namespace, if somebody has made one. */
  static of(namespace: Namespace): Ipvs | undefined {
    return BALANCERS.get(namespace);
  }

  /** All services in the order of their creation. */
  get services(): Service[] {
    return [...this.#byMark.values(), ...this.#byAddress.values()];
  }

  /** Adds a service; an error text when the scheduler is unknown or the service exists. */
  addService(key: ServiceKey, schedulerName: string): Service | string {
    if (this.serviceOf(key) !== undefined) return 'Service already exists';
    const scheduler = schedulerOf(schedulerName);
    if (scheduler === undefined) return 'Scheduler or persistence engine not found';
    const service = new Service(key, scheduler, this.#trash);
    if ('fwmark' in key) this.#byMark.set(key.fwmark, service);
    else this.#byAddress.set(addressKey(key.protocol, key.address, key.port), service);
    this.namespace.connections.enable();
    return service;
  }

  /** Gives a service another scheduler (`ip_vs_edit_service`); an error text when it cannot be. */
  editService(key: ServiceKey, schedulerName: string): string | undefined {
    const service = this.serviceOf(key);
    if (service === undefined) return 'No such service';
    const scheduler = schedulerOf(schedulerName);
    if (scheduler === undefined) return 'Scheduler or persistence engine not found';
    if (service.scheduler === scheduler) return undefined;
    service.scheduler = scheduler;
    service.cursor = -1;
    scheduler.onChange(service);
    return undefined;
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
    for (const { address, port } of [...service.destinations]) service.remove(address, port);
    if ('fwmark' in key) return this.#byMark.delete(key.fwmark);
    return this.#byAddress.delete(addressKey(key.protocol, key.address, key.port));
  }

  /** Ends every connection and service, as the end of the namespace does. */
  stop(): void {
    for (const connection of [...this.connections.all()]) this.connections.expire(connection);
    for (const { key } of this.services) this.removeService(key);
    this.namespace.hooks.unregister(HOOK_NAME);
    BALANCERS.delete(this.namespace);
  }

  /** Everything that counts packets. */
  *#counted(): IterableIterator<Traffic> {
    for (const service of this.services) {
      yield service;
      yield* service.destinations;
    }
  }

  /** Notes on a watched packet's way what ipvs did to it. */
  note(packet: Packet, event: 'hook' | 'schedule' | 'rewrite' | 'drop', detail: string): void {
    const { world, name } = this.namespace;
    packet.way?.add(world.nowNs, name, event, HOOK_NAME, '', detail);
  }

  /** Drops a packet, and says why on its way. */
  drop(packet: Packet, reason: string): Verdict {
    if (packet.way !== undefined) this.note(packet, 'drop', reason);
    return Verdict.drop;
  }

  /** `ip_vs_in`. */
  #request(packet: Packet): Verdict {
    if (packet.ipvsProperty) return Verdict.accept;
    if (this.#byMark.size === 0 && this.#byAddress.size === 0 && this.connections.count === 0) {
      return Verdict.accept;
    }
    const { nowNs } = this.namespace.world;
    if (nowNs >= this.rates.nextNs) this.rates.catchUp(nowNs);
    const { bytes, start } = packet;
    const protocol = protocolOf(bytes, start);
    if (protocol === IpProtocol.icmp) return this.#requestError(packet);
    if (!isBalanced(packet, protocol)) return Verdict.accept;
    const transport = start + headerBytesOf(bytes, start);
    const source = sourceOf(bytes, start);
    const sourcePort = readU16(bytes, transport);
    const target = destinationOf(bytes, start);
    const port = readU16(bytes, transport + 2);
    const event = eventOf(packet, protocol, transport);
    let connection = this.connections.ofRequest(protocol, source, sourcePort, target, port);
    if (connection !== undefined) {
      const fate = fateOf(this.namespace, connection, packet, event);
      if (fate !== 'used') {
        this.counters.destinationGone++;
        if (fate === 'held') return this.drop(packet, 'ipvs destination is gone');
        this.connections.expire(connection);
        if (fate === 'lost') {
          return this.drop(
            packet,
            'ipvs destination is gone, conntrack still knows the connection',
          );
        }
        connection = undefined;
      }
    }
    if (connection === undefined) {
      const service = this.#serviceOfPacket(packet, protocol, target, port);
      if (service === undefined) return Verdict.accept;
      if (!this.#opens(protocol, sourcePort, event)) {
        this.counters.nonSynMisses++;
        if (packet.way !== undefined) {
          const opener = protocol === IpProtocol.sctp ? 'INIT' : 'SYN';
          this.note(
            packet,
            'hook',
            `ipvs has no connection for this packet, and it is no ${opener}`,
          );
        }
        return Verdict.accept;
      }
      const ends = { sourceAddress: source, sourcePort, destinationAddress: target };
      const template = templateOf(this, service, protocol, ends);
      const destination =
        template === undefined ? service.scheduler.schedule(service, ends) : template?.destination;
      if (destination === undefined) return this.#refuse(packet);
      connection = this.#connect(packet, protocol, sourcePort, port, destination, template);
    }
    countIn(connection.destination, packet.end - packet.start);
    if (!connection.isGone) this.connections.advance(connection, false, event);
    return transmit(this, packet, connection);
  }

  #serviceOfPacket(packet: Packet, protocol: number, target: Ipv4Address, port: number) {
    if (packet.mark !== 0) {
      const byMark = this.#byMark.get(packet.mark);
      if (byMark !== undefined) return byMark;
    }
    if (this.#byAddress.size === 0) return undefined;
    return (
      this.#byAddress.get(addressKey(protocol, target, port)) ??
      this.#byAddress.get(addressKey(protocol, target, 0))
    );
  }

  /**
   * A SYN, with or without ACK, and no RST; with `sloppy_tcp` anything but a RST. An INIT; with
   * `sloppy_sctp` anything but an ABORT. Any datagram. Nothing that comes from the port of FTP's data.
   */
  #opens(protocol: number, sourcePort: number, event: number): boolean {
    if (sourcePort === FTP_DATA_PORT) return false;
    if (protocol === IpProtocol.udp) return true;
    if (protocol === IpProtocol.sctp) {
      if (event === ChunkType.abort) return false;
      return event === ChunkType.init || this.#setting('sloppy_sctp') !== 0;
    }
    if ((event & TcpFlag.rst) !== 0) return false;
    return (event & TcpFlag.syn) !== 0 || this.#setting('sloppy_tcp') !== 0;
  }

  /** `ip_vs_schedule`, behind the choice. */
  #connect(
    packet: Packet,
    protocol: number,
    sourcePort: number,
    port: number,
    destination: Destination,
    template: IpvsConnection | undefined | null,
  ): IpvsConnection {
    const { bytes, start } = packet;
    const connection = new IpvsConnection(
      protocol,
      sourceOf(bytes, start),
      sourcePort,
      destinationOf(bytes, start),
      port,
      packet.mark,
      destination,
      this.#setting('conntrack') !== 0,
    );
    connection.control = template ?? undefined;
    const isOnePacket = protocol === IpProtocol.udp && destination.service.isOnePacket;
    if (isOnePacket) this.connections.addOnePacket(connection);
    else this.connections.add(connection);
    this.namespace.host.beliefs?.onSchedule(destination.address);
    if (packet.way !== undefined) {
      const { key, scheduler } = destination.service;
      const name = 'fwmark' in key ? `FWM ${key.fwmark}` : formatIpv4Address(key.address);
      const where = formatIpv4Address(destination.address);
      this.note(packet, 'schedule', `${name} ${scheduler.name} -> ${where}`);
    }
    return connection;
  }

  /** `ip_vs_out`. */
  #reply(packet: Packet): Verdict {
    if (packet.ipvsProperty || this.connections.count === 0) return Verdict.accept;
    const { bytes, start } = packet;
    const protocol = protocolOf(bytes, start);
    if (protocol === IpProtocol.icmp) return rewriteReplyError(this, packet);
    if (!isBalanced(packet, protocol)) return Verdict.accept;
    const transport = start + headerBytesOf(bytes, start);
    const connection = this.connections.ofReply(
      protocol,
      sourceOf(bytes, start),
      readU16(bytes, transport),
      destinationOf(bytes, start),
      readU16(bytes, transport + 2),
    );
    if (connection === undefined) return Verdict.accept;
    const { virtualAddress, virtualPort } = connection;
    if (packet.way !== undefined) {
      const from = `${formatIpv4Address(connection.destinationAddress)}:${connection.destinationPort}`;
      const to = `${formatIpv4Address(virtualAddress)}:${virtualPort}`;
      this.note(packet, 'rewrite', `src ${from} -> ${to}`);
    }
    rewriteEndpoint(bytes, start, packet.end, true, virtualAddress, virtualPort);
    countOut(connection.destination, packet.end - start);
    this.connections.advance(connection, true, eventOf(packet, protocol, transport));
    packet.ipvsProperty = true;
    if (!connection.isTracked) becomeUntracked(packet);
    return Verdict.accept;
  }

  /** `ip_vs_in_icmp`: an error about a reply is for the real server. */
  #requestError(packet: Packet): Verdict {
    if (packet.ipvsProperty || this.connections.count === 0) return Verdict.accept;
    if (protocolOf(packet.bytes, packet.start) !== IpProtocol.icmp) return Verdict.accept;
    const connection = connectionOfRequestError(this, packet);
    if (connection === undefined) return Verdict.accept;
    countIn(connection.destination, packet.end - packet.start);
    return transmitError(this, packet, connection);
  }

  /** `ip_vs_leave`. */
  #refuse(packet: Packet): Verdict {
    this.counters.noDestination++;
    this.namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, UnreachableCode.port);
    return this.drop(packet, 'ipvs has no destination');
  }

  /** `ip_vs_enqueue_expire_nodest_conns`. */
  #flushSoon(): void {
    const { host, world } = this.namespace;
    if (this.#isFlushing || !host.kernel.flushesRemovedServers) return;
    if (this.connections.count === 0 || this.#setting('expire_nodest_conn') === 0) return;
    this.#isFlushing = true;
    world.queue.scheduleCallback(world.nowNs + FLUSH_DELAY_NS, () => {
      this.#isFlushing = false;
      this.connections.expireUnavailable();
    });
  }

  #setting(name: string): number {
    return this.namespace.sysctls.number(`net.ipv4.vs.${name}`);
  }

  #forgetConntrack(connection: IpvsConnection): void {
    if (!connection.isTracked) return;
    this.namespace.connections.deleteByOriginal(
      connection.protocol,
      connection.clientAddress,
      connection.clientPort,
      connection.virtualAddress,
      connection.virtualPort,
    );
  }
}

/** A packet of a protocol with ports that ipvs knows, with all of its ports. */
function isBalanced(packet: Packet, protocol: number): boolean {
  const { bytes, start, end } = packet;
  const leastBytes = LEAST_BYTES[protocol];
  if (leastBytes === undefined) return false;
  return end - start - headerBytesOf(bytes, start) >= leastBytes && !isFragment(bytes, start);
}

/** What moves a connection's state: a segment's flags, the chunk of an SCTP packet that counts. */
function eventOf(packet: Packet, protocol: number, transport: number): number {
  const { bytes, end } = packet;
  if (protocol === IpProtocol.tcp) return flagsOf(bytes, transport);
  return protocol === IpProtocol.sctp ? sctpEventOf(bytes, transport, end)! : 0;
}

/** One number for address, port and protocol: 48 bits and two. */
function addressKey(protocol: number, address: Ipv4Address, port: number): number {
  const kind = protocol === IpProtocol.tcp ? 0 : protocol === IpProtocol.udp ? 1 : 2;
  return (address * 65_536 + port) * 4 + kind;
}
