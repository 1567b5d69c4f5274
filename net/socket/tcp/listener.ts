/**
 * A listening TCP socket: half-open connections, the accept queue, and the backlog that bounds both.
 *
 * A program that accepts at once gives `onConnection`; while `isAccepting` is false established
 * connections wait in the queue. A full queue drops SYNs, and the last acknowledgement of a
 * handshake, silently (`tcp_abort_on_overflow` 0). There are no SYN cookies.
 * Mirrors `tcp_conn_request` and `tcp_check_req` (net/ipv4/tcp_input.c, tcp_minisocks.c).
 */
import { ANY_ADDRESS } from '../../../wire/addresses.ts';
import { destinationOf, sourceOf } from '../../../wire/ip.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { destinationPortOf, flagsOf, sourcePortOf, TcpFlag } from '../../../wire/tcp.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import type { SocketTable } from '../table.ts';
import { TcpConnection, type TcpOptionSettings } from './connection.ts';
import type { TcpHandlers } from './handlers.ts';
import { takeSyn } from './input.ts';
import { armRetransmission, sendReset, sendSyn } from './output.ts';
import { sendResetFor } from './segment.ts';
import { TcpState } from './state.ts';

/** What `listen` is told. */
export interface ListenOptions extends TcpOptionSettings {
  /** Default 0.0.0.0. */
  readonly address?: IpAddress;
  readonly port: number;
  /** Connections that may wait to be accepted; default and at most `somaxconn`. */
  readonly backlog?: number;
  /** Accepts a connection and says who handles it. */
  readonly onConnection: (connection: TcpConnection) => TcpHandlers;
  /** What `ss` prints in `users:((…))`: `"dockerd",pid=355,fd=27`. */
  readonly program?: string;
  /** Default: what the address is of; both for `::`. */
  readonly family?: SocketFamily;
}

/**
 * What a socket hears: IPv4, IPv6 only (`[::]:80` of `ss`), or both (`*:80`, as programs listen that
 * ask for IPv6). The wildcard address is 0.0.0.0 for all three.
 */
export type SocketFamily = 'ipv4' | 'ipv6' | 'dual';

/** One listening socket. */
export class TcpListener {
  readonly table: SocketTable;
  readonly address: IpAddress;
  readonly port: number;
  readonly backlog: number;
  readonly program: string;
  readonly family: SocketFamily;
  readonly #options: ListenOptions;
  /** Established connections that nobody has accepted. */
  readonly #waiting: TcpConnection[] = [];
  #halfOpenCount = 0;
  #isAccepting = true;
  isClosed = false;

  constructor(table: SocketTable, options: ListenOptions) {
    this.table = table;
    this.address = options.address ?? ANY_ADDRESS;
    this.port = options.port;
    const max = table.namespace.sysctls.number('net.core.somaxconn');
    this.backlog = Math.min(options.backlog ?? max, max);
    this.program = options.program ?? '';
    this.family = options.family ?? 'ipv4';
    this.#options = options;
  }

  /** Connections that wait to be accepted (`Recv-Q` of `ss -l`). */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** True when no more may wait (`sk_acceptq_is_full`). */
  get isFull(): boolean {
    return this.#waiting.length > this.backlog;
  }

  /** Whether connections are accepted as they come; setting it accepts those that wait. */
  get isAccepting(): boolean {
    return this.#isAccepting;
  }

  set isAccepting(value: boolean) {
    this.#isAccepting = value;
    while (this.#isAccepting && this.#waiting.length > 0) this.#accept(this.#waiting.shift()!);
  }

  /** Takes a segment that no connection wants; the new connection starts at `isn` if given. */
  receive(packet: Packet, at: number, end: number, isn?: number): void {
    const { bytes, start } = packet;
    const flags = flagsOf(bytes, at);
    if ((flags & TcpFlag.rst) !== 0) return;
    if ((flags & TcpFlag.ack) !== 0) {
      sendResetFor(this.table, packet, at, end);
      return;
    }
    if ((flags & TcpFlag.syn) === 0) return;
    if (this.isFull || this.#halfOpenCount > this.backlog) {
      this.table.counters.listenOverflows++;
      this.table.noteDrop(packet, 'accept queue is full');
      return;
    }
    const connection = this.table.createConnection(
      destinationOf(bytes, start),
      destinationPortOf(bytes, at),
      sourceOf(bytes, start),
      sourcePortOf(bytes, at),
      isn,
    );
    if (connection === undefined) {
      this.table.noteDrop(packet, 'no route back');
      return;
    }
    connection.configure(this.#options);
    connection.listener = this;
    connection.state = TcpState.synReceived;
    takeSyn(connection, packet, at);
    connection.sndNxt = (connection.initialSequence + 1) | 0;
    connection.sndMax = connection.sndNxt;
    connection.sndUna = connection.initialSequence;
    connection.timedAtNs = this.table.namespace.world.nowNs;
    this.#halfOpenCount++;
    sendSyn(connection);
    armRetransmission(connection);
    this.table.timers.rearm(connection);
  }

  /** A handshake is complete. */
  onEstablished(connection: TcpConnection): void {
    this.#halfOpenCount--;
    if (this.#isAccepting) this.#accept(connection);
    else {
      this.#waiting.push(connection);
      connection.pauseReading();
    }
  }

  /** A connection that was not accepted is over. */
  onGone(connection: TcpConnection): void {
    const index = this.#waiting.indexOf(connection);
    if (index >= 0) this.#waiting.splice(index, 1);
    else this.#halfOpenCount--;
  }

  /** Listens no more: half-open connections are forgotten, waiting ones reset. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.table.removeListener(this);
    for (const endpoint of this.table.endpoints.list()) {
      if (!(endpoint instanceof TcpConnection) || endpoint.listener !== this) continue;
      endpoint.listener = undefined;
      if (endpoint.state !== TcpState.synReceived) sendReset(endpoint);
      endpoint.finish('reset', Errno.ECONNABORTED);
    }
    this.#waiting.length = 0;
    this.#halfOpenCount = 0;
  }

  #accept(connection: TcpConnection): void {
    connection.listener = undefined;
    connection.program = this.program;
    connection.handlers = this.#options.onConnection(connection);
    this.table.counters.passiveOpens++;
    if (connection.isReadingPaused) connection.resumeReading();
  }
}
