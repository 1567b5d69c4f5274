/**
 * One TCP connection: its state record and what a program can do with it.
 *
 * The transitions are functions beside it: input.ts (a segment arrives), acknowledgement.ts (what it
 * acknowledges), output.ts (what is sent now) and expiry.ts (a timer fires). Names are RFC 9293's and
 * Linux' (`snd_una` is `sndUna`). Sequence numbers are signed 32-bit integers (sequence.ts).
 *
 * Not spoken, so never offered in a SYN: timestamps, SACK, ECN, fast open. Everything else is as
 * Linux has it by default: Nagle on, quick acknowledgements at first, then delayed ones of 40 ms.
 */
import { type EventHandle, NO_EVENT } from '../../../sim/event-queue.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import type { SocketTable } from '../table.ts';
import { Congestion } from './congestion.ts';
import { MSS_DEFAULT_BYTES, RECEIVE_WINDOW_BYTES, SEND_BUFFER_BYTES } from './constants.ts';
import type { TcpEndpoint } from './endpoint-map.ts';
import { onTimer } from './expiry.ts';
import type { CloseReason, TcpHandlers } from './handlers.ts';
import { segmentArrives } from './input.ts';
import type { TcpListener } from './listener.ts';
import { maybeUpdateWindow, sendPending, sendReset, windowFieldOf } from './output.ts';
import { segmentBytesOf } from './path-mtu.ts';
import { RetransmissionTimeout } from './retransmission.ts';
import { TcpState } from './state.ts';
import type { Reassembly } from './stream/reassembly.ts';
import { SendBuffer } from './stream/send-buffer.ts';
import type { Sequence } from './stream/sequence.ts';
import { TimeWait } from './time-wait.ts';

const NEVER = Number.POSITIVE_INFINITY;
const NO_HANDLERS: TcpHandlers = {};

/** Options of a connection, by name of the socket option. */
export interface TcpOptionSettings {
  /** TCP_NODELAY: send small segments although others are in flight. Default false. */
  readonly noDelay?: boolean;
  /** SO_KEEPALIVE, with the time before the first probe in ns (default `tcp_keepalive_time`). */
  readonly keepAlive?: boolean;
  readonly keepAliveTimeNs?: number;
  /** TCP_USER_TIMEOUT in ns: how long sent data may stay without acknowledgement. */
  readonly userTimeoutNs?: number;
}

/** One end of a connection. */
export class TcpConnection implements TcpEndpoint {
  readonly table: SocketTable;
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  nextInBucket: TcpEndpoint | undefined = undefined;
  state: TcpState = TcpState.closed;
  /** Set while the connection is the listener's: from the SYN until it is accepted. */
  listener: TcpListener | undefined = undefined;
  handlers: TcpHandlers;
  /** Whose it is, as `ss -p` names programs; empty when nobody said. */
  program = '';
  /** What ended it, or the last ICMP error that did not (`sk_err`, `sk_err_soft`). */
  errno: Errno = Errno.none;
  softErrno: Errno = Errno.none;
  isNoDelay = false;
  userTimeoutNs = 0;
  keepAliveTimeNs = 0;
  keepAliveProbeCount = 0;
  /** The program has closed it: nothing is delivered any more (`SOCK_DEAD`). */
  isOrphan = false;
  hasReportedEnd = false;
  /** Out of the table: no segment and no timer reaches it. */
  isDetached = false;
  /** The program knows that it is over. */
  isFinished = false;
  /** Closed in order, with bytes that the program has not read. */
  isClosePending = false;

  // sending
  readonly initialSequence: Sequence;
  sndUna: Sequence;
  sndNxt: Sequence;
  /** The highest `sndNxt` so far; above `sndNxt` after a timeout. */
  sndMax: Sequence;
  /** What the peer allows, in bytes from `sndUna` on. */
  sndWnd = 0;
  sndWndMax = 0;
  /** Sequence and acknowledgement number of the segment that told `sndWnd`. */
  sndWl1: Sequence = 0;
  sndWl2: Sequence = 0;
  sndWindowScale = 0;
  /** The sequence number of the buffer's first byte. */
  dataStart: Sequence;
  readonly sendBuffer = new SendBuffer();
  isFinQueued = false;
  isDrainDue = false;
  /** End of the last segment shorter than the MSS (`snd_sml`, for Nagle). */
  sndSmall: Sequence;
  /** What the peer takes and what the path takes, in bytes of payload; `mssBytes` is the less. */
  peerMssBytes = MSS_DEFAULT_BYTES;
  mssBytes: number;
  advertisedMssBytes: number;
  readonly congestion: Congestion;
  readonly timeout = new RetransmissionTimeout();
  retransmitCount = 0;
  /** When the first retransmission of the present series was sent (`retrans_stamp`). */
  retransmittingSinceNs = 0;
  isProbing = false;
  /** The segment that is being timed ends here; `timedAtNs` is 0 when none is. */
  timedSequence: Sequence = 0;
  timedAtNs = 0;
  lastSentAtNs = 0;
  identification: number;
  /** The next packet tells the neighbour table that the peer answers. */
  confirmsNeighbour = false;

  // receiving
  rcvNxt: Sequence = 0;
  /** `rcvNxt` in the last segment that was sent (`rcv_wup`). */
  rcvWup: Sequence = 0;
  /** The right edge of the window that was announced. */
  rcvEdge: Sequence = 0;
  rcvWindowScale = 0;
  /** Room for bytes that the program has not taken. */
  receiveBufferBytes: number;
  receiveQueue: Uint8Array[] | undefined = undefined;
  receiveQueueBytes = 0;
  isReadingPaused = false;
  reassembly: Reassembly | undefined = undefined;
  /** The sequence number of the peer's FIN, once it is in order. */
  hasReceivedFin = false;
  /** The largest segment that came lately, from 536 bytes on (`icsk_ack.rcv_mss`). */
  rcvMssBytes = MSS_DEFAULT_BYTES;
  quickAckCount = 0;
  /** 0 until data arrives, then 40 ms (`icsk_ack.ato`). */
  ackTimeoutNs = 0;
  /** Requests and answers alternate, so acknowledgements wait for data (`pingpong`). */
  isInteractive = false;
  isAckDue = false;
  /** When data arrived last, and when anything did. */
  lastReceivedAtNs = 0;
  lastHeardAtNs = 0;
  lastInvalidAtNs = -NEVER;

  // timers
  retransmitAtNs = NEVER;
  delayedAckAtNs = NEVER;
  /** Keepalive, or the end of an orphan in FIN-WAIT-2. */
  lifeAtNs = NEVER;
  timerEvent: EventHandle = NO_EVENT;
  timerAtNs = 0;
  timerSlot = -1;

  constructor(
    table: SocketTable,
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
    initialSequence: Sequence,
    pathMtuBytes: number,
    handlers: TcpHandlers = NO_HANDLERS,
  ) {
    this.table = table;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.handlers = handlers;
    this.initialSequence = initialSequence;
    this.sndUna = initialSequence;
    this.sndNxt = initialSequence;
    this.sndMax = initialSequence;
    this.sndSmall = initialSequence;
    this.dataStart = (initialSequence + 1) | 0;
    this.advertisedMssBytes = segmentBytesOf(pathMtuBytes, remoteAddress);
    this.mssBytes = Math.min(this.advertisedMssBytes, MSS_DEFAULT_BYTES);
    this.congestion = new Congestion(initialSequence, this.advertisedMssBytes);
    this.receiveBufferBytes = initialWindowBytes(this.advertisedMssBytes);
    this.identification = table.nextIdentification(initialSequence);
  }

  receive(packet: Packet, at: number, end: number): void {
    segmentArrives(this, packet, at, end);
    this.table.timers.rearm(this);
  }

  /** Applies socket options. */
  configure(options: TcpOptionSettings): void {
    if (options.noDelay !== undefined) this.isNoDelay = options.noDelay;
    if (options.userTimeoutNs !== undefined) this.userTimeoutNs = options.userTimeoutNs;
    if (options.keepAlive !== undefined) {
      const defaultNs = this.table.tunable('tcp_keepalive_time') * SECOND_NS;
      this.keepAliveTimeNs = options.keepAlive ? (options.keepAliveTimeNs ?? defaultNs) : 0;
      if (this.state === TcpState.established) this.armKeepAlive();
    }
  }

  /** Bytes that were handed to `send` and are not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.sendBuffer.lengthBytes;
  }

  /** True while `send` may be called. */
  get isWritable(): boolean {
    const { state } = this;
    if (this.isFinQueued || this.isOrphan) return false;
    return (
      state === TcpState.established ||
      state === TcpState.closeWait ||
      state === TcpState.synSent ||
      state === TcpState.synReceived
    );
  }

  /**
   * Sends bytes; the array is kept by reference until it is acknowledged, so nobody may change it.
   * False when much is waiting now, and `onDrain` will tell when it is gone; also false, and nothing
   * sent, when the connection cannot send any more (EPIPE).
   */
  send(bytes: Uint8Array): boolean {
    if (!this.isWritable) return false;
    this.sendBuffer.append(bytes);
    const nowNs = this.table.namespace.world.nowNs;
    const isIdle = this.sndNxt === this.sndUna && this.state !== TcpState.synSent;
    if (isIdle && nowNs - this.lastSentAtNs > this.timeout.timeoutNs) {
      this.congestion.onIdle(this.mssBytes);
    }
    sendPending(this);
    this.table.timers.rearm(this);
    if (this.sendBuffer.lengthBytes < SEND_BUFFER_BYTES) return true;
    this.isDrainDue = true;
    return false;
  }

  /** Sends a FIN behind all data and goes on receiving (`shutdown(SHUT_WR)`). */
  end(): void {
    if (this.isFinQueued) return;
    switch (this.state) {
      case TcpState.synSent:
        this.finish('closed', Errno.none);
        return;
      case TcpState.synReceived:
      case TcpState.established:
        this.#becomeFinQueued(TcpState.finWait1);
        return;
      case TcpState.closeWait:
        this.#becomeFinQueued(TcpState.lastAck);
        return;
    }
  }

  /**
   * Closes both directions: a FIN behind all data, or a RST when received bytes are left unread.
   * Nothing but `onClosed` is called from now on, and data that still arrives is answered by a RST.
   */
  close(): void {
    if (this.isOrphan) return;
    this.isOrphan = true;
    if (this.isClosePending) this.finish('closed', Errno.none);
    if (this.isDetached) return;
    if (this.receiveQueueBytes > 0) {
      this.abort();
      return;
    }
    this.end();
    if (this.state === TcpState.finWait2) this.armFinTimeout();
  }

  /** Sends a RST and forgets everything (`SO_LINGER` of 0). */
  abort(): void {
    if (this.isFinished) return;
    if (this.state !== TcpState.synSent && !this.isDetached) sendReset(this);
    this.finish('reset', Errno.ECONNABORTED);
  }

  /** Stops delivering; the window closes as bytes arrive (a program that does not read). */
  pauseReading(): void {
    this.isReadingPaused = true;
  }

  /** Delivers what has waited, and goes on. */
  resumeReading(): void {
    if (!this.isReadingPaused) return;
    this.isReadingPaused = false;
    this.deliverQueued();
    if (this.isClosePending && !this.#hasUnread) this.finish('closed', Errno.none);
    if (this.isDetached) return;
    maybeUpdateWindow(this);
    this.table.timers.rearm(this);
  }

  // what follows is for the transitions

  /** The earliest deadline, or Infinity. */
  get nextDeadlineNs(): number {
    return Math.min(this.retransmitAtNs, this.delayedAckAtNs, this.lifeAtNs);
  }

  /** A deadline may have come. */
  onTimer(nowNs: number): void {
    onTimer(this, nowNs);
  }

  /** Hands waiting bytes, and then the end, to the program. */
  deliverQueued(): void {
    while (this.receiveQueueBytes > 0 && !this.isReadingPaused) {
      const bytes = this.receiveQueue!.shift()!;
      this.receiveQueueBytes -= bytes.length;
      this.handlers.onData?.(bytes, this);
    }
    if (this.hasReceivedFin && this.receiveQueueBytes === 0) this.#reportEnd();
  }

  /** Tells the program once that the peer sends no more. */
  #reportEnd(): void {
    if (this.hasReportedEnd || this.isReadingPaused || this.isOrphan || this.isFinished) return;
    this.hasReportedEnd = true;
    if (this.handlers.onEnd !== undefined) this.handlers.onEnd(this);
    else this.close();
  }

  /** Arms the keepalive timer, if the program wants it. */
  armKeepAlive(): void {
    if (this.keepAliveTimeNs === 0) return;
    this.lifeAtNs = this.table.namespace.world.nowNs + this.keepAliveTimeNs;
    this.keepAliveProbeCount = 0;
    this.table.timers.rearm(this);
  }

  /** Gives an orphan in FIN-WAIT-2 its `tcp_fin_timeout`. */
  armFinTimeout(): void {
    const spanNs = this.table.tunable('tcp_fin_timeout') * SECOND_NS;
    this.lifeAtNs = this.table.namespace.world.nowNs + spanNs;
    this.table.timers.rearm(this);
  }

  /** Goes to TIME-WAIT; for the program the connection is over. */
  becomeTimeWait(): void {
    const { table } = this;
    const timeWait = new TimeWait(this, windowFieldOf(this), table.namespace.world.nowNs);
    this.finish('closed', Errno.none);
    table.timeWaits.add(timeWait);
  }

  /**
   * Takes the connection out of the table and tells the program why, at once, or after an orderly
   * close once the program has read what it has not.
   */
  finish(reason: CloseReason, errno: Errno): void {
    if (this.isFinished) return;
    this.#detach();
    this.errno = errno;
    if (reason === 'closed' && !this.isOrphan && this.#hasUnread) {
      this.isClosePending = true;
      return;
    }
    this.isFinished = true;
    this.receiveQueue = undefined;
    this.receiveQueueBytes = 0;
    const { listener } = this;
    this.listener = undefined;
    if (listener !== undefined) listener.onGone(this);
    else this.handlers.onClosed?.(reason, this);
  }

  get #hasUnread(): boolean {
    return this.receiveQueueBytes > 0 || (this.hasReceivedFin && !this.hasReportedEnd);
  }

  #detach(): void {
    if (this.isDetached) return;
    this.isDetached = true;
    this.state = TcpState.closed;
    this.retransmitAtNs = NEVER;
    this.delayedAckAtNs = NEVER;
    this.lifeAtNs = NEVER;
    this.table.timers.release(this);
    this.table.endpoints.remove(this);
    this.sendBuffer.clear();
    this.reassembly = undefined;
  }

  #becomeFinQueued(state: TcpState): void {
    this.isFinQueued = true;
    if (this.state !== TcpState.synReceived) this.state = state;
    sendPending(this);
    this.table.timers.rearm(this);
  }
}

/** The first window: at most 65535 bytes, whole segments (`tcp_select_initial_window`). */
function initialWindowBytes(mssBytes: number): number {
  return RECEIVE_WINDOW_BYTES - (RECEIVE_WINDOW_BYTES % Math.min(mssBytes, RECEIVE_WINDOW_BYTES));
}
