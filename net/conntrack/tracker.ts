/**
 * Connection tracking of one namespace: which flow a packet belongs to, and in which state that is.
 *
 * A packet is looked up at PREROUTING or OUTPUT (`nf_conntrack_in`); the first one of a flow carries
 * a new connection with it, which enters the table only when the packet leaves by INPUT or
 * POSTROUTING (`nf_conntrack_confirm`), after NAT has had its say. An ended connection is found out
 * when it is looked up; a sweep, armed only while there are connections, frees the others.
 * Tracking costs nothing until `enable`: nat rules, state matches and ipvs ask for it.
 * Mirrors nf_conntrack_core.c and the `nf_conntrack_proto_*.c` files.
 */
import { NO_EVENT } from '../../sim/event-queue.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { fragmentOffsetBytesOf, headerBytesOf, isIcmp } from '../../wire/ip.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { HOOK_NAMES, Hook, HookPriority, Verdict } from '../netfilter/hook.ts';
import { ConnectionState, type Packet } from '../packet.ts';
import { Connection, ConnectionStatus } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { findRelated, IcmpKind, icmpKindOf } from './icmp-related.ts';
import { formatConnections } from './list.ts';
import { SctpTracking } from './sctp-tracking.ts';
import { ConntrackSettings } from './settings.ts';
import { hasSaneFlags } from './tcp-states.ts';
import { TcpDecision, TcpTracking } from './tcp-tracking.ts';
import {
  emptyTuple,
  opensIcmpConnection,
  readTuple,
  type Tuple,
  type TupleFields,
  tuplesEqual,
} from './tuple.ts';

/** How often ended connections are swept out while there are any, in ns. */
const SWEEP_INTERVAL_NS = 60 * SECOND_NS;

const UDP_STREAM_AFTER_NS = 2 * SECOND_NS;

/** What the protocol's part decides; a {@link TcpDecision} without `refresh`. */
const { accept: PASS, invalid: INVALID, repeat: REPEAT } = TcpDecision;

/** What happens to a connection, as `conntrack -E` calls it. */
export type ConnectionEvent = 'NEW' | 'UPDATE' | 'DESTROY';

/** The connections of one namespace. */
export class ConnectionTracker {
  readonly namespace: Namespace;
  readonly table = new ConnectionTable();
  /** Packets that were dropped because the table was full. */
  fullDropCount = 0;
  #isEnabled = false;
  #sweepEvent = NO_EVENT;
  readonly #scratch = emptyTuple();
  readonly #settings: ConntrackSettings;

  /** Packets without a connection of their own, and first packets whose tuple was taken. */
  invalidCount = 0;
  clashDropCount = 0;
  /** Somebody who watches connections come, change and go (`conntrack -E`). */
  onEvent: ((kind: ConnectionEvent, connection: Connection) => void) | undefined = undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.#settings = new ConntrackSettings(namespace.sysctls);
    this.table.onRemove = (connection) => this.onEvent?.('DESTROY', connection);
  }

  /** True once packets are tracked here. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** How many connections stand in the table. */
  get count(): number {
    return this.table.count;
  }

  /** Begins to track; may do nothing. */
  enable(): void {
    if (this.#isEnabled) return;
    this.#isEnabled = true;
    const track = (packet: Packet, hook: Hook): Verdict => {
      const verdict = this.#track(packet, hook);
      if (packet.connectionState === ConnectionState.invalid) this.invalidCount++;
      return verdict;
    };
    const confirm = (packet: Packet, hook: Hook): Verdict => this.#confirm(packet, hook);
    this.namespace.onHooks((hooks) => {
      hooks.register(Hook.prerouting, HookPriority.conntrack, 'conntrack', track);
      hooks.register(Hook.output, HookPriority.conntrack, 'conntrack', track);
      hooks.register(Hook.input, HookPriority.confirm, 'conntrack', confirm);
      hooks.register(Hook.postrouting, HookPriority.confirm, 'conntrack', confirm);
    });
  }

  /** The live connection's tuple that equals these fields. */
  find(fields: TupleFields): Tuple | undefined {
    return this.table.find(fields, this.namespace.world.nowNs);
  }

  /** True when another live connection than `ignored` has this tuple. */
  isTaken(fields: TupleFields, ignored: Connection): boolean {
    return this.table.isTaken(fields, ignored, this.namespace.world.nowNs);
  }

  /** The live connections in the order in which they were confirmed. */
  connections(): Connection[] {
    const nowNs = this.namespace.world.nowNs;
    const all: Connection[] = [];
    for (let c = this.table.first; c !== undefined; c = c.following) {
      if (c.expiresAtNs > nowNs) all.push(c);
    }
    return all;
  }

  /** The text of `conntrack -L`, a line per connection in the order of confirmation. */
  list(): string {
    return formatConnections(this.connections(), this.namespace.world.nowNs);
  }

  /** Takes a connection out of the table (`nf_ct_kill`). */
  delete(connection: Connection): void {
    this.table.remove(connection);
  }

  /** Takes out what `mustGo` chooses; returns how many. */
  deleteWhere(mustGo: (connection: Connection) => boolean): number {
    let count = 0;
    for (let c = this.table.first; c !== undefined; ) {
      const following: Connection | undefined = c.following;
      if (mustGo(c)) {
        this.table.remove(c);
        count++;
      }
      c = following;
    }
    return count;
  }

  /**
   * Takes out every connection that has `address` as source or destination in either direction, as
   * libnetwork does when an endpoint goes (`DeleteConntrackEntries`); returns how many.
   */
  deleteByAddress(address: number): number {
    return this.deleteWhere(
      ({ original, reply }) =>
        original.source === address ||
        original.destination === address ||
        reply.source === address ||
        reply.destination === address,
    );
  }

  /** Takes out the connection with this original tuple, if there is one (`ip_vs_conn_drop_conntrack`). */
  deleteByOriginal(
    protocol: number,
    source: number,
    sourcePort: number,
    destination: number,
    destinationPort: number,
  ): boolean {
    const tuple = this.find({ protocol, source, sourcePort, destination, destinationPort });
    if (tuple === undefined || tuple.isReply) return false;
    this.table.remove(tuple.connection);
    return true;
  }

  /** Takes out the connections to a published port (`DeleteConntrackEntriesByPort`). */
  deleteByDestinationPort(protocol: number, port: number): number {
    return this.deleteWhere(
      ({ original }) => original.protocol === protocol && original.destinationPort === port,
    );
  }

  /**
   * Takes out what MASQUERADE bound to a device that went down, or to one address of it that was
   * removed; returns how many.
   */
  purgeMasquerade(device: Device, address?: number): number {
    return this.deleteWhere(
      (c) =>
        c.masqueradeDevice === device && (address === undefined || c.reply.destination === address),
    );
  }

  /**
   * Tells where answers will come from, for ipvs (`ip_vs_update_conntrack`). Does nothing once the
   * connection is confirmed. `port` 0 leaves the port (ICMP).
   */
  alterReply(connection: Connection, source: number, port: number): void {
    if (connection.isConfirmed || connection.isDying) return;
    connection.reply.source = source;
    if (port !== 0) connection.reply.sourcePort = port;
  }

  /** `nf_conntrack_in`. */
  #track(packet: Packet, hook: Hook): Verdict {
    if (packet.connection !== undefined || packet.connectionState === ConnectionState.untracked) {
      return Verdict.accept;
    }
    const { bytes, start, end } = packet;
    packet.isReply = false;
    packet.connectionState = ConnectionState.invalid;
    if (end - start < 20 || fragmentOffsetBytesOf(bytes, start) !== 0) return Verdict.accept;
    if (isIcmp(bytes, start)) {
      const kind = icmpKindOf(bytes, start, end);
      if (kind === IcmpKind.malformed) return Verdict.accept;
      if (kind === IcmpKind.untracked) {
        packet.connectionState = ConnectionState.untracked;
        return Verdict.accept;
      }
      if (kind === IcmpKind.error) {
        const related = findRelated(this, bytes, start, end);
        if (related !== undefined) attach(packet, related, ConnectionState.related);
        return Verdict.accept;
      }
    }
    if (!readTuple(this.#scratch, bytes, start, end)) return Verdict.accept;
    for (;;) {
      const verdict = this.#resolve(packet, hook);
      if (verdict !== undefined) return verdict;
    }
  }

  /** Finds or opens the connection of the tuple in `#scratch`; undefined to look again. */
  #resolve(packet: Packet, hook: Hook): Verdict | undefined {
    const nowNs = this.namespace.world.nowNs;
    this.#settings.refresh();
    let tuple = this.table.find(this.#scratch, nowNs);
    if (tuple === undefined) {
      const max = this.#settings.connectionsMax;
      const isFull = max !== 0 && this.table.count >= max;
      if (isFull && !this.table.dropUnassured(this.#scratch)) {
        this.fullDropCount++;
        const { log } = this.namespace.host;
        log.writeLimited('nf_conntrack: nf_conntrack: table full, dropping packet');
        this.noteDrop(packet, hook, 'nf_conntrack: table full, dropping packet');
        return Verdict.drop;
      }
      tuple = new Connection(this.#scratch).original;
      if (this.namespace.sysctls.countsTraffic) {
        const none = { packets: 0, bytes: 0 };
        tuple.connection.traffic = { original: { ...none }, reply: { ...none } };
      }
    }
    const { connection, isReply } = tuple;
    const before = this.onEvent === undefined ? '' : this.#stampOf(connection);
    let state: ConnectionState = ConnectionState.new;
    if (isReply || connection.isSeenReply) state = ConnectionState.established;
    else if ((connection.status & ConnectionStatus.expected) !== 0) state = ConnectionState.related;
    const decision = this.#takeProtocol(packet, connection, isReply, nowNs);
    if (decision === REPEAT) {
      this.table.remove(connection);
      return undefined;
    }
    if (decision === INVALID) return Verdict.accept;
    attach(packet, tuple, state);
    if (connection.traffic !== undefined) connection.count(packet.lengthBytes, isReply);
    if (isReply) connection.status |= ConnectionStatus.seenReply;
    if (this.onEvent !== undefined && connection.isConfirmed) {
      if (this.#stampOf(connection) !== before) this.onEvent('UPDATE', connection);
    }
    return Verdict.accept;
  }

  /** What somebody hears of when it changes: status and TCP's state. */
  #stampOf({ status, tcp, sctp }: Connection): string {
    return `${status} ${tcp?.state} ${sctp?.state}`;
  }

  #takeProtocol(
    packet: Packet,
    connection: Connection,
    isReply: boolean,
    nowNs: number,
  ): TcpDecision {
    const { isSeenReply } = connection;
    const { greNs, greStreamNs, genericNs } = this.#settings;
    switch (connection.protocol) {
      case IpProtocol.tcp:
        return this.#takeTcp(packet, connection, isReply, nowNs);
      case IpProtocol.udp:
        return takeUdp(connection, this.#settings, nowNs);
      case NextHeader.icmpv6:
      case IpProtocol.icmp:
        if (!connection.isConfirmed) {
          const { destinationPort, protocol } = connection.original;
          if (!opensIcmpConnection(destinationPort >> 8, protocol)) return INVALID;
        }
        return refresh(connection, this.#icmpNs(connection.protocol), nowNs);
      case IpProtocol.sctp:
        return takeSctp(packet, connection, isReply, this.#settings, nowNs);
      case IpProtocol.gre:
        if (isSeenReply) connection.status |= ConnectionStatus.assured;
        return refresh(connection, isSeenReply ? greStreamNs : greNs, nowNs);
      default:
        return refresh(connection, genericNs, nowNs);
    }
  }

  #icmpNs(protocol: number): number {
    return protocol === IpProtocol.icmp ? this.#settings.icmpNs : this.#settings.icmpv6Ns;
  }

  #takeTcp(packet: Packet, connection: Connection, isReply: boolean, nowNs: number): TcpDecision {
    const { bytes, start, end } = packet;
    const at = start + headerBytesOf(bytes, start);
    const headerBytes = (bytes[at + 12]! >> 4) * 4;
    if (end - at < 20 || headerBytes < 20 || end - at < headerBytes) return INVALID;
    if (!hasSaneFlags(bytes[at + 13]!)) return INVALID;
    let tcp = connection.tcp;
    if (tcp === undefined) {
      tcp = new TcpTracking(this.#settings);
      if (!tcp.begin(bytes, at, end)) return INVALID;
      connection.tcp = tcp;
    }
    const { isSeenReply, isAssured } = connection;
    const decision = tcp.take(bytes, at, end, isReply, isSeenReply, isAssured);
    if (decision === TcpDecision.refresh) {
      if (tcp.becameAssured) connection.status |= ConnectionStatus.assured;
      return refresh(connection, tcp.timeoutNs, nowNs);
    }
    if (decision === TcpDecision.kill) {
      this.table.remove(connection);
      return PASS;
    }
    return decision;
  }

  /** `nf_conntrack_confirm`: the first packet made it, so its connection enters the table. */
  #confirm(packet: Packet, hook: Hook): Verdict {
    const connection = packet.connection;
    if (connection === undefined || packet.isReply || connection.isConfirmed) return Verdict.accept;
    if (packet.connectionState === ConnectionState.related) return Verdict.accept;
    if (connection.isDying) {
      this.noteDrop(packet, hook, 'conntrack: connection died before it was confirmed');
      return Verdict.drop;
    }
    const nowNs = this.namespace.world.nowNs;
    const clash =
      this.table.find(connection.original, nowNs) ?? this.table.find(connection.reply, nowNs);
    if (clash !== undefined) return this.#resolveClash(packet, hook, connection, clash);
    connection.expiresAtNs = nowNs + connection.timeoutNs;
    this.table.add(connection);
    this.onEvent?.('NEW', connection);
    this.#armSweep();
    return Verdict.accept;
  }

  /** Two first packets raced: UDP's second joins the connection of the first, others drop. */
  #resolveClash(packet: Packet, hook: Hook, own: Connection, clash: Tuple): Verdict {
    const other = clash.connection;
    if (
      own.protocol === IpProtocol.udp &&
      !clash.isReply &&
      tuplesEqual(own.original, other.original) &&
      tuplesEqual(own.reply, other.reply)
    ) {
      packet.connection = other;
      return Verdict.accept;
    }
    this.clashDropCount++;
    this.noteDrop(packet, hook, 'conntrack: tuple is taken by another connection');
    return Verdict.drop;
  }

  /** Notes on a watched packet's way that it ends here. */
  noteDrop(packet: Packet, hook: Hook, reason: string): void {
    const { world, name } = this.namespace;
    packet.way?.add(world.nowNs, name, 'drop', HOOK_NAMES[hook], 'conntrack', reason);
  }

  #armSweep(): void {
    const { queue } = this.namespace.world;
    if (this.#sweepEvent !== NO_EVENT) return;
    this.#sweepEvent = queue.scheduleCallback(queue.nowNs + SWEEP_INTERVAL_NS, this.#sweep);
  }

  readonly #sweep = (nowNs: number): void => {
    this.#sweepEvent = NO_EVENT;
    this.deleteWhere((connection) => connection.expiresAtNs <= nowNs);
    if (this.table.count > 0) this.#armSweep();
  };
}

function attach(packet: Packet, tuple: Tuple, state: ConnectionState): void {
  packet.connection = tuple.connection;
  packet.connectionState = state;
  packet.isReply = tuple.isReply;
}

function refresh(connection: Connection, timeoutNs: number, nowNs: number): TcpDecision {
  connection.timeoutNs = timeoutNs;
  connection.expiresAtNs = nowNs + timeoutNs;
  return PASS;
}

function takeSctp(
  packet: Packet,
  connection: Connection,
  isReply: boolean,
  { sctpTimeoutsNs }: ConntrackSettings,
  nowNs: number,
): TcpDecision {
  const { bytes, start, end } = packet;
  const at = start + headerBytesOf(bytes, start);
  connection.sctp ??= new SctpTracking();
  const { sctp, isConfirmed } = connection;
  const decision = sctp.take(bytes, at, end, isReply, isConfirmed);
  if (decision === 'invalid') return INVALID;
  if (sctp.isAssured) connection.status |= ConnectionStatus.assured;
  return decision === 'refresh' ? refresh(connection, sctpTimeoutsNs[sctp.state]!, nowNs) : PASS;
}

function takeUdp(
  connection: Connection,
  { udpNs, udpStreamNs }: ConntrackSettings,
  nowNs: number,
): TcpDecision {
  if (!connection.isConfirmed) connection.streamAtNs = nowNs + UDP_STREAM_AFTER_NS;
  if (!connection.isSeenReply || nowNs <= connection.streamAtNs) {
    return refresh(connection, udpNs, nowNs);
  }
  connection.status |= ConnectionStatus.assured;
  return refresh(connection, udpStreamNs, nowNs);
}
