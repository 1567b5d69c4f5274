/**
 * What is left of a connection in TIME-WAIT: enough to acknowledge a repeated FIN for 60 s, and to
 * let a new connection take the tuple over.
 *
 * Much smaller than a connection, as Linux' `tcp_timewait_sock` is: a server that closes first has
 * thousands. All wait equally long, so a queue in the order of their arrival and one event serve a
 * namespace.
 * Mirrors net/ipv4/tcp_minisocks.c (`tcp_timewait_state_process`).
 */
import type { IpAddress } from '../../../wire/ip-address.ts';
import {
  acknowledgementOf,
  dataOffsetBytesOf,
  flagsOf,
  sequenceOf,
  TcpFlag,
} from '../../../wire/tcp.ts';
import type { Packet } from '../../packet.ts';
import type { SocketTable } from '../table.ts';
import type { TcpConnection } from './connection.ts';
import { TIME_WAIT_NS } from './constants.ts';
import type { TcpEndpoint } from './endpoint-map.ts';
import { allocateSegment, finishSegment } from './segment.ts';
import { TcpState } from './state.ts';
import { isAfter, isBefore } from './stream/sequence.ts';

/** One connection in TIME-WAIT. */
export class TimeWait implements TcpEndpoint {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  readonly state = TcpState.timeWait;
  nextInBucket: TcpEndpoint | undefined = undefined;
  readonly table: SocketTable;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  /** As on the wire. */
  readonly window: number;
  /** 0 once it is over. */
  endsAtNs: number;
  /** When its turn in the queue comes; `endsAtNs` unless the wait began anew. */
  readonly queuedUntilNs: number;

  constructor(connection: TcpConnection, window: number, nowNs: number) {
    this.localAddress = connection.localAddress;
    this.localPort = connection.localPort;
    this.remoteAddress = connection.remoteAddress;
    this.remotePort = connection.remotePort;
    this.table = connection.table;
    this.sndNxt = connection.sndNxt;
    this.rcvNxt = connection.rcvNxt;
    this.window = window;
    this.endsAtNs = nowNs + TIME_WAIT_NS;
    this.queuedUntilNs = this.endsAtNs;
  }

  receive(packet: Packet, at: number, end: number): void {
    const { bytes } = packet;
    const { table } = this;
    const flags = flagsOf(bytes, at);
    const sequence = sequenceOf(bytes, at) | 0;
    const endSequence = (sequence + end - at - dataOffsetBytesOf(bytes, at)) | 0;
    if ((flags & TcpFlag.rst) !== 0) {
      if (sequence === this.rcvNxt) table.timeWaits.remove(this);
      return;
    }
    const isSyn = (flags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn;
    if (isSyn && isAfter(sequence, this.rcvNxt)) {
      table.timeWaits.remove(this);
      // above anything that the old connection can have sent (`tw_snd_nxt + 65535 + 2`)
      table.receiveByListener(packet, at, end, (this.sndNxt + 65_537) | 0);
      return;
    }
    if (isBefore(sequence, this.rcvNxt) || endSequence !== sequence || isSyn) {
      if ((flags & TcpFlag.fin) !== 0) this.endsAtNs = table.namespace.world.nowNs + TIME_WAIT_NS;
      this.#sendAcknowledgement();
      return;
    }
    const isExpected = (acknowledgementOf(bytes, at) | 0) === this.sndNxt;
    if (!isExpected) this.#sendAcknowledgement();
  }

  #sendAcknowledgement(): void {
    const segment = allocateSegment(this.remoteAddress, 0, 0);
    finishSegment(
      segment,
      this.localAddress,
      this.localPort,
      this.remoteAddress,
      this.remotePort,
      this.sndNxt,
      this.rcvNxt,
      TcpFlag.ack,
      this.window,
      0,
      0,
    );
    this.table.transmit(segment);
  }
}

/** The endpoints of one namespace in TIME-WAIT. */
export class TimeWaits {
  readonly #table: SocketTable;
  #waiting: (TimeWait | undefined)[] = [];
  #head = 0;
  #isArmed = false;
  count = 0;

  constructor(table: SocketTable) {
    this.#table = table;
  }

  /** Lets a connection wait; its tuple must be free. */
  add(timeWait: TimeWait): void {
    this.#table.endpoints.add(timeWait);
    this.#waiting.push(timeWait);
    this.count++;
    this.#arm();
  }

  /** Ends a wait. */
  remove(timeWait: TimeWait): void {
    if (this.#table.endpoints.remove(timeWait)) this.count--;
    timeWait.endsAtNs = 0;
  }

  /** Ends every wait. */
  clear(): void {
    for (let i = this.#head; i < this.#waiting.length; i++) {
      if (this.#waiting[i]!.endsAtNs > 0) this.remove(this.#waiting[i]!);
    }
    this.#waiting.length = 0;
    this.#head = 0;
  }

  #arm(): void {
    const first = this.#waiting[this.#head];
    if (this.#isArmed || first === undefined) return;
    this.#isArmed = true;
    const { queue } = this.#table.namespace.world;
    queue.scheduleCallback(Math.max(first.queuedUntilNs, queue.nowNs), this.#expire);
  }

  readonly #expire = (nowNs: number): void => {
    this.#isArmed = false;
    while (this.#head < this.#waiting.length) {
      const timeWait = this.#waiting[this.#head]!;
      if (timeWait.queuedUntilNs > nowNs) break;
      this.#waiting[this.#head++] = undefined;
      if (timeWait.endsAtNs > nowNs) this.#waitOn(timeWait);
      else if (timeWait.endsAtNs > 0) this.remove(timeWait);
    }
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    this.#arm();
  };

  /** Ends one whose wait began anew; rare enough for an event of its own. */
  #waitOn(timeWait: TimeWait): void {
    this.#table.namespace.world.queue.scheduleCallback(timeWait.endsAtNs, (nowNs) => {
      if (timeWait.endsAtNs > nowNs) this.#waitOn(timeWait);
      else if (timeWait.endsAtNs > 0) this.remove(timeWait);
    });
  }
}
