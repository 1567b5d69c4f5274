/**
 * ipvs' own connection table (`ip_vs_conn.c`): client, virtual and destination address and port of
 * every connection, its state and its time to live.
 *
 * Both directions find a connection by its client end: requests come from it, replies go to it. A
 * connection has one pending event; a packet only moves the instant at which it expires, and the
 * event, when it fires early, waits for the rest.
 */
import { type EventHandle, type EventQueue, NO_EVENT } from '../sim/event-queue.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import {
  IPVS_TCP_TIMEOUTS_NS,
  IPVS_TCP_TRANSITIONS,
  IPVS_UDP_TIMEOUT_NS,
  IpvsTcpState,
  TcpEvent,
} from './constants.ts';
import type { Destination, Service } from './service.ts';

/** One connection through a virtual service. */
export class IpvsConnection {
  readonly protocol: number;
  readonly clientAddress: Ipv4Address;
  readonly clientPort: number;
  readonly virtualAddress: Ipv4Address;
  readonly virtualPort: number;
  readonly destinationAddress: Ipv4Address;
  readonly destinationPort: number;
  readonly fwmark: number;
  readonly service: Service;
  readonly destination: Destination;
  state: IpvsTcpState = IpvsTcpState.none;
  expiresAtNs = 0;
  /** The pending event that looks at `expiresAtNs`, and its instant. */
  event: EventHandle = NO_EVENT;
  eventAtNs = 0;
  isGone = false;
  /** Counted by its destination as active (ESTABLISHED) rather than inactive. */
  isActive = false;
  /** True once a reply was seen; decides between the direction tables of dr and tun. */
  hasReply = false;

  constructor(
    protocol: number,
    client: { address: Ipv4Address; port: number },
    virtual: { address: Ipv4Address; port: number },
    destinationPort: number,
    fwmark: number,
    service: Service,
    destination: Destination,
  ) {
    this.protocol = protocol;
    this.clientAddress = client.address;
    this.clientPort = client.port;
    this.virtualAddress = virtual.address;
    this.virtualPort = virtual.port;
    this.destinationAddress = destination.address;
    this.destinationPort = destinationPort;
    this.fwmark = fwmark;
    this.service = service;
    this.destination = destination;
  }
}

/** The row of the transition tables that a TCP packet's flags select; -1 when none does. */
export function tcpEventOf(flags: number): TcpEvent | -1 {
  if ((flags & 4) !== 0) return TcpEvent.rst;
  if ((flags & 2) !== 0) return TcpEvent.syn;
  if ((flags & 1) !== 0) return TcpEvent.fin;
  if ((flags & 16) !== 0) return TcpEvent.ack;
  return -1;
}

/** All connections of one namespace. */
export class IpvsConnections {
  readonly #queue: EventQueue;
  readonly #byClient = new Map<number, IpvsConnection[]>();
  #count = 0;
  /** Told when a connection ends, so that its conntrack entry goes too. */
  onExpire: ((connection: IpvsConnection) => void) | undefined;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** How many connections there are. */
  get count(): number {
    return this.#count;
  }

  /** All connections, oldest client first. */
  *all(): IterableIterator<IpvsConnection> {
    for (const chain of this.#byClient.values()) yield* chain;
  }

  /** The connection of a request packet. */
  ofRequest(
    protocol: number,
    source: Ipv4Address,
    sourcePort: number,
    target: Ipv4Address,
    targetPort: number,
  ): IpvsConnection | undefined {
    const chain = this.#byClient.get(source * 65536 + sourcePort);
    if (chain === undefined) return undefined;
    for (const c of chain) {
      if (c.protocol === protocol && c.virtualAddress === target && c.virtualPort === targetPort) {
        return c;
      }
    }
    return undefined;
  }

  /** The connection of a reply packet. */
  ofReply(
    protocol: number,
    source: Ipv4Address,
    sourcePort: number,
    target: Ipv4Address,
    targetPort: number,
  ): IpvsConnection | undefined {
    const chain = this.#byClient.get(target * 65536 + targetPort);
    if (chain === undefined) return undefined;
    for (const c of chain) {
      if (
        c.protocol === protocol &&
        c.destinationAddress === source &&
        c.destinationPort === sourcePort
      ) {
        return c;
      }
    }
    return undefined;
  }

  /** Adds a connection with the kernel's first time to live of 3 s. */
  add(connection: IpvsConnection): void {
    const key = connection.clientAddress * 65536 + connection.clientPort;
    const chain = this.#byClient.get(key);
    if (chain === undefined) this.#byClient.set(key, [connection]);
    else chain.push(connection);
    this.#count++;
    connection.destination.inactiveCount++;
    connection.destination.connectionCount++;
    connection.service.connectionCount++;
    connection.expiresAtNs = this.#queue.nowNs + 3_000_000_000;
    this.#await(connection);
  }

  /** Ends a connection now. */
  expire(connection: IpvsConnection): void {
    if (connection.isGone) return;
    connection.isGone = true;
    this.#queue.cancel(connection.event);
    const key = connection.clientAddress * 65536 + connection.clientPort;
    const chain = this.#byClient.get(key)!;
    if (chain.length === 1) this.#byClient.delete(key);
    else chain.splice(chain.indexOf(connection), 1);
    this.#count--;
    if (connection.isActive) connection.destination.activeCount--;
    else connection.destination.inactiveCount--;
    this.onExpire?.(connection);
  }

  /** Moves a connection's state for a packet with these TCP flags (`ip_vs_set_state`). */
  advance(connection: IpvsConnection, isReply: boolean, tcpFlags: number): void {
    const nowNs = this.#queue.nowNs;
    if (connection.protocol !== IpProtocol.tcp) {
      connection.expiresAtNs = nowNs + IPVS_UDP_TIMEOUT_NS;
      return;
    }
    if (isReply) connection.hasReply = true;
    const event = tcpEventOf(tcpFlags);
    const direction = isReply
      ? 'output'
      : connection.destination.method === 'masq'
        ? 'input'
        : 'inputOnly';
    if (event >= 0) {
      const next = IPVS_TCP_TRANSITIONS[direction][event]![connection.state]!;
      connection.state = next as IpvsTcpState;
    }
    this.#countActive(connection);
    connection.expiresAtNs = nowNs + IPVS_TCP_TIMEOUTS_NS[connection.state]!;
    if (connection.expiresAtNs < connection.eventAtNs) {
      this.#queue.cancel(connection.event);
      this.#await(connection);
    }
  }

  #countActive(connection: IpvsConnection): void {
    const isActive = connection.state === IpvsTcpState.established;
    if (isActive === connection.isActive) return;
    connection.isActive = isActive;
    connection.destination.activeCount += isActive ? 1 : -1;
    connection.destination.inactiveCount += isActive ? -1 : 1;
  }

  #await(connection: IpvsConnection): void {
    connection.eventAtNs = connection.expiresAtNs;
    connection.event = this.#queue.scheduleCallback(connection.expiresAtNs, (nowNs) => {
      if (connection.isGone) return;
      if (connection.expiresAtNs <= nowNs) this.expire(connection);
      else this.#await(connection);
    });
  }
}
