/**
 * ipvs' own connection table (`ip_vs_conn.c`): client, virtual and destination address and port of
 * every connection, its state and its time to live.
 *
 * Both directions find a connection by its client end: requests come from it, replies go to it. A
 * packet only moves the instant at which its connection expires; the one pending event, when it
 * fires early, waits for the rest.
 */
import { ConnectionState, type Packet } from '../net/packet.ts';
import { type EventHandle, type EventQueue, NO_EVENT } from '../sim/event-queue.ts';
import { SECOND_NS } from '../sim/time.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { bindConnection, type Destination, unbindConnection } from './service.ts';
import {
  IPVS_ACTIVE_TCP_STATES,
  IpvsTcpState,
  nextTcpState,
  TransitionTable,
} from './states/constants.ts';
import { IPVS_SCTP_TIMEOUTS_NS, IpvsSctpState, nextSctpState } from './states/sctp-states.ts';
import type { IpvsTimeouts } from './states/timeouts.ts';

/** How long a template whose time is over waits for the connections that it has chosen for. */
const CONTROL_GRACE_NS = 60 * SECOND_NS;

/** One connection through a virtual service. */
export class IpvsConnection {
  readonly protocol: number;
  readonly clientAddress: Ipv4Address;
  readonly clientPort: number;
  readonly virtualAddress: Ipv4Address;
  readonly virtualPort: number;
  readonly destinationPort: number;
  readonly fwmark: number;
  readonly destination: Destination;
  /** conntrack follows it (`IP_VS_CONN_F_NFCT`). */
  readonly isTracked: boolean;
  /** One of `IpvsTcpState` or, for SCTP, of `ipvs/states/sctp-states.ts`. */
  state: number = IpvsTcpState.none;
  expiresAtNs = 0;
  /** The pending event that looks at `expiresAtNs`, and its instant. */
  event: EventHandle = NO_EVENT;
  eventAtNs = 0;
  isGone = false;
  /** Counted by its destination as active rather than inactive. */
  isActive = false;
  /** Set on a persistent service's template: how long it lives after its last use, in ns. */
  templateNs: number | undefined = undefined;
  /** On a template: a connection of it was answered (`IP_VS_CTPL_S_ASSURED`). */
  isAssured = false;
  /** On a template: its destination was of no use, and nobody finds it any more. */
  isInvalid = false;
  /** The template that chose the destination, and on a template how many it has chosen for. */
  control: IpvsConnection | undefined = undefined;
  controlledCount = 0;
  /** True once a reply was seen, which dr and tun usually do not see. */
  hasReply = false;
  /** The next connection in the same bucket. */
  next: IpvsConnection | undefined = undefined;
  /** Looks whether it has expired; one function for its whole life. */
  onEvent: (nowNs: number) => void = () => {};

  constructor(
    protocol: number,
    clientAddress: Ipv4Address,
    clientPort: number,
    virtualAddress: Ipv4Address,
    virtualPort: number,
    fwmark: number,
    destination: Destination,
    isTracked: boolean,
  ) {
    this.protocol = protocol;
    this.clientAddress = clientAddress;
    this.clientPort = clientPort;
    this.virtualAddress = virtualAddress;
    this.virtualPort = virtualPort;
    this.destinationPort = destination.port === 0 ? virtualPort : destination.port;
    this.fwmark = fwmark;
    this.destination = destination;
    this.isTracked = isTracked;
  }

  /** The real server's address. */
  get destinationAddress(): Ipv4Address {
    return this.destination.address;
  }
}

/** All connections of one namespace. */
export class IpvsConnections {
  readonly #queue: EventQueue;
  readonly #timeouts: IpvsTimeouts;
  /** First connection of each bucket by the hash of the client's end. */
  readonly #buckets = new Map<number, IpvsConnection>();
  readonly #all = new Set<IpvsConnection>();
  /** Told when a connection ends, so that its conntrack entry goes too. */
  readonly #onExpire: (connection: IpvsConnection) => void;

  constructor(
    queue: EventQueue,
    timeouts: IpvsTimeouts,
    onExpire: (connection: IpvsConnection) => void,
  ) {
    this.#queue = queue;
    this.#timeouts = timeouts;
    this.#onExpire = onExpire;
  }

  /** How many connections there are. */
  get count(): number {
    return this.#all.size;
  }

  /** All connections, oldest first. */
  all(): IterableIterator<IpvsConnection> {
    return this.#all.values();
  }

  /** The connection of a request packet. */
  ofRequest(
    protocol: number,
    source: Ipv4Address,
    sourcePort: number,
    target: Ipv4Address,
    targetPort: number,
  ): IpvsConnection | undefined {
    let c = this.#buckets.get(bucketOf(source, sourcePort));
    for (; c !== undefined; c = c.next) {
      if (
        c.clientPort === sourcePort &&
        c.virtualPort === targetPort &&
        c.clientAddress === source &&
        c.virtualAddress === target &&
        c.protocol === protocol
      ) {
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
    let c = this.#buckets.get(bucketOf(target, targetPort));
    for (; c !== undefined; c = c.next) {
      if (
        c.clientPort === targetPort &&
        c.destinationPort === sourcePort &&
        c.clientAddress === target &&
        c.destination.address === source &&
        c.protocol === protocol
      ) {
        return c;
      }
    }
    return undefined;
  }

  /** Adds a connection; it lives from its first `advance` on. */
  add(connection: IpvsConnection): void {
    const bucket = bucketOf(connection.clientAddress, connection.clientPort);
    connection.next = this.#buckets.get(bucket);
    this.#buckets.set(bucket, connection);
    this.#all.add(connection);
    if (connection.templateNs === undefined) bindConnection(connection.destination);
    if (connection.control !== undefined) connection.control.controlledCount++;
    connection.onEvent = (nowNs) => {
      connection.event = NO_EVENT;
      if (connection.expiresAtNs > nowNs) this.#await(connection);
      else if (connection.controlledCount === 0) this.expire(connection);
      else this.#liveOn(connection, CONTROL_GRACE_NS);
    };
  }

  /** A connection for one datagram: it is counted, and nobody finds it. */
  addOnePacket(connection: IpvsConnection): void {
    bindConnection(connection.destination);
    unbindConnection(connection.destination, false);
    connection.isGone = true;
  }

  /** A persistent service used its template: it lives on for its whole time. */
  useTemplate(template: IpvsConnection): void {
    this.#liveOn(template, template.templateNs!);
  }

  /** A template's destination is of no use: the template only waits for its end (`0xffff` as its ports). */
  invalidate(template: IpvsConnection): void {
    if (template.isInvalid) return;
    template.isInvalid = true;
    this.#unlink(template);
  }

  /** Ends all whose real server was removed (`ip_vs_expire_nodest_conn_flush`). */
  expireUnavailable(): void {
    for (const connection of [...this.#all]) {
      if (connection.destination.isAvailable || connection.controlledCount > 0) continue;
      const { control } = connection;
      this.expire(connection);
      if (control?.controlledCount === 0) this.expire(control);
    }
  }

  /** Ends a connection now. */
  expire(connection: IpvsConnection): void {
    if (connection.isGone) return;
    connection.isGone = true;
    this.#queue.cancel(connection.event);
    if (!connection.isInvalid) this.#unlink(connection);
    this.#all.delete(connection);
    if (connection.templateNs !== undefined) return;
    unbindConnection(connection.destination, connection.isActive);
    if (connection.control !== undefined) connection.control.controlledCount--;
    this.#onExpire(connection);
  }

  /**
   * Moves a connection's state for a packet (`ip_vs_set_state`): `event` is a TCP segment's flags or
   * the type of an SCTP packet's chunk that counts.
   */
  advance(connection: IpvsConnection, isReply: boolean, event: number): void {
    const { protocol } = connection;
    if (protocol === IpProtocol.udp) {
      if (isReply && connection.control !== undefined) connection.control.isAssured = true;
      this.#liveOn(connection, this.#timeouts.udpNs);
      return;
    }
    if (isReply) connection.hasReply = true;
    let table: TransitionTable = TransitionTable.output;
    if (!isReply) {
      const isOneSided = !connection.hasReply && connection.destination.method !== 'masq';
      table = isOneSided ? TransitionTable.inputOnly : TransitionTable.input;
    }
    const isTcp = protocol === IpProtocol.tcp;
    const state = isTcp
      ? nextTcpState(table, event, connection.state as IpvsTcpState)
      : nextSctpState(table, event, connection.state);
    if (state !== connection.state) {
      connection.state = state;
      const isActive = isTcp
        ? IPVS_ACTIVE_TCP_STATES.has(state as IpvsTcpState)
        : state === IpvsSctpState.established;
      this.#countActive(connection, isActive);
      const { control } = connection;
      if (control !== undefined && state === (isTcp ? IpvsTcpState : IpvsSctpState).established) {
        control.isAssured = true;
      }
    }
    this.#liveOn(connection, (isTcp ? this.#timeouts.tcpNs : IPVS_SCTP_TIMEOUTS_NS)[state]!);
  }

  #liveOn(connection: IpvsConnection, spanNs: number): void {
    connection.expiresAtNs = this.#queue.nowNs + spanNs;
    if (connection.event === NO_EVENT) this.#await(connection);
    else if (connection.expiresAtNs < connection.eventAtNs) {
      this.#queue.cancel(connection.event);
      this.#await(connection);
    }
  }

  #countActive(connection: IpvsConnection, isActive: boolean): void {
    if (isActive === connection.isActive) return;
    connection.isActive = isActive;
    connection.destination.activeCount += isActive ? 1 : -1;
    connection.destination.inactiveCount += isActive ? -1 : 1;
  }

  #await(connection: IpvsConnection): void {
    connection.eventAtNs = connection.expiresAtNs;
    connection.event = this.#queue.scheduleCallback(connection.expiresAtNs, connection.onEvent);
  }

  #unlink(connection: IpvsConnection): void {
    const bucket = bucketOf(connection.clientAddress, connection.clientPort);
    const first = this.#buckets.get(bucket);
    if (first === connection) {
      if (connection.next === undefined) this.#buckets.delete(bucket);
      else this.#buckets.set(bucket, connection.next);
      return;
    }
    let previous = first!;
    while (previous.next !== connection) previous = previous.next!;
    previous.next = connection.next;
  }
}

/** conntrack leaves a packet alone whose connection is not tracked (`ip_vs_notrack`). */
export function becomeUntracked(packet: Packet): void {
  packet.connection = undefined;
  packet.connectionState = ConnectionState.untracked;
}

/** A hash of 30 bits, which a map takes without allocating. */
function bucketOf(address: Ipv4Address, port: number): number {
  return (Math.imul(address, 0x61c8_8647) ^ Math.imul(port, 0x85eb_ca6b)) & 0x3fff_ffff;
}
