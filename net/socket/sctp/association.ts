/**
 * One SCTP association: handshake, messages both ways, heartbeats, and how it ends.
 *
 * Each end has one address; what arrives goes through `input.ts`. There is no half-close: after
 * `close` everything queued is still delivered, and then both sides are done. Mirrors
 * net/sctp/associola.c and sm_sideeffect.c.
 */
import { assert } from '../../../sim/assert.ts';
import { type DrawKey, drawBelow } from '../../../sim/chance.ts';
import { writeU32 } from '../../../wire/bytes.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { ChunkType, type InitFields, InitParameter, paddedBytes } from '../../../wire/sctp.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import type { CloseReason } from '../tcp/handlers.ts';
import {
  ASSOCIATION_ERRORS_MAX,
  HEARTBEAT_INTERVAL_NS,
  headersBytesTo,
  IN_STREAMS_MAX,
  INIT_RETRANSMISSIONS_MAX,
  OUT_STREAMS,
  RTO_NS_MAX,
  SACK_DELAY_NS,
  WINDOW_BYTES,
} from './constants.ts';
import type { SctpHandlers } from './handlers.ts';
import { Inbound } from './inbound.ts';
import { takePacket } from './input.ts';
import { Outbound } from './outbound.ts';
import { abortChunk, chunkOf, initChunk, packetOf, shutdownChunk } from './packet.ts';
import { RoundTrip } from './round-trip.ts';
import type { SctpSockets } from './sockets.ts';
import { SctpState } from './state.ts';
import { SctpTimer } from './timer.ts';

/** What both sides of an INIT say by default. */
export function initFieldsOf(tag: number, initialTsn: number): InitFields {
  const streams = { outStreams: OUT_STREAMS, inStreams: IN_STREAMS_MAX };
  return { tag, windowBytes: WINDOW_BYTES, ...streams, initialTsn };
}

/** One association; {@link SctpSockets} makes it. */
export class SctpAssociation {
  readonly sockets: SctpSockets;
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  /** What this side said of itself in its INIT or INIT ACK. */
  readonly local: InitFields;
  /** The tag that packets to the peer carry. */
  remoteTag = 0;
  state: SctpState = SctpState.closed;
  handlers: SctpHandlers = {};
  errno: Errno = Errno.none;
  inbound: Inbound | undefined = undefined;
  outbound: Outbound | undefined = undefined;
  readonly roundTrip = new RoundTrip();
  /** The cookie that COOKIE ECHO carries. */
  cookie: Uint8Array | undefined = undefined;
  /** Timeouts in a row. */
  errorCount = 0;
  readonly #key: DrawKey;
  /** INIT, COOKIE ECHO, SHUTDOWN and SHUTDOWN ACK (T1 and T2), which exclude each other. */
  readonly #control: SctpTimer;
  /** DATA that nobody acknowledges (T3-rtx). */
  readonly #retransmission: SctpTimer;
  readonly #acknowledgement: SctpTimer;
  readonly #heartbeat: SctpTimer;
  #attempts = 0;
  /** What the control chunk that was sent last may wait; its repetitions wait twice as long each. */
  #controlNs = 0;
  #heartbeatCount = 0;
  #awaitsHeartbeat = false;
  /** The first DATA is acknowledged at once. */
  #unacknowledgedPackets = 1;
  #identification: number;

  constructor(
    sockets: SctpSockets,
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
    local: InitFields,
    key: DrawKey,
  ) {
    this.sockets = sockets;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.local = local;
    this.#key = key;
    this.#identification = local.tag & 0xffff;
    const { queue } = sockets.namespace.world;
    this.#control = new SctpTimer(queue, () => this.#onControlTimeout());
    this.#retransmission = new SctpTimer(queue, () => this.#onDataTimeout());
    this.#acknowledgement = new SctpTimer(queue, () => this.transmit([this.takeSack()]));
    this.#heartbeat = new SctpTimer(queue, () => this.#beat());
  }

  /** True once messages may be sent. */
  get isOpen(): boolean {
    return this.state === SctpState.established;
  }

  /** Sends the INIT. */
  open(): void {
    this.become(SctpState.cookieWait);
    this.#sendControl();
  }

  /** Both sides know each other: messages may go. */
  establish(): void {
    this.sockets.counters.established++;
    this.become(SctpState.established);
    this.#control.disarm();
    this.#restHeartbeat();
  }

  /** What the peer said of itself. */
  learnPeer(remote: InitFields): void {
    this.remoteTag = remote.tag;
    this.outbound = new Outbound(
      this.local.initialTsn,
      remote.windowBytes,
      this.#mtuBytes(),
      headersBytesTo(this.remoteAddress),
    );
    this.inbound = new Inbound(remote.initialTsn, (bytes, stream) =>
      this.handlers.onMessage?.(bytes, this, stream),
    );
  }

  /** Another state, in which no control chunk has been sent. */
  become(state: SctpState): void {
    this.state = state;
    this.#attempts = 0;
    this.#controlNs = this.roundTrip.timeoutNs;
  }

  /** Answers INIT ACK. */
  sendCookie(): void {
    this.become(SctpState.cookieEchoed);
    this.#sendControl();
  }

  /** Sends a message; false when the association does not take any (more). */
  send(message: Uint8Array, stream = 0): boolean {
    if (!this.isOpen || message.length === 0) return false;
    this.outbound!.push(message, stream);
    this.flush();
    return true;
  }

  /** Ends the association once everything that was sent has arrived. */
  close(): void {
    if (this.state === SctpState.established) {
      this.become(SctpState.shutdownPending);
      this.continueShutdown();
    } else if (this.state <= SctpState.cookieEchoed) this.finish('closed', Errno.none);
  }

  /** Ends it now, with an ABORT. */
  abort(): void {
    if (this.state === SctpState.closed) return;
    if (this.remoteTag !== 0) this.transmit([abortChunk()]);
    this.finish('reset', Errno.ECONNABORTED);
  }

  /** Nothing is left to send: SHUTDOWN, or SHUTDOWN ACK for the peer's. */
  continueShutdown(): void {
    const isPending = this.state === SctpState.shutdownPending;
    if (!isPending && this.state !== SctpState.shutdownReceived) return;
    if (!this.outbound!.isEmpty) return;
    this.become(isPending ? SctpState.shutdownSent : SctpState.shutdownAckSent);
    this.#sendControl();
  }

  /** SHUTDOWN again, for a peer that still sends. */
  repeatShutdown(): void {
    this.#sendControl();
  }

  /** Takes a packet in whose common header is at `at`. */
  receive(packet: Packet, at: number, end: number): void {
    takePacket(this, packet, at, end);
  }

  /** DATA came: acknowledged at once where something is missing, every second packet, or later. */
  acknowledge(): void {
    this.#unacknowledgedPackets++;
    if (this.#unacknowledgedPackets < 2 && !this.inbound!.isIrregular) {
      if (!this.#acknowledgement.isArmed) this.#acknowledgement.arm(SACK_DELAY_NS);
      return;
    }
    this.transmit([this.takeSack()]);
  }

  /** The SACK chunk that is due; it is then no more. */
  takeSack(): Uint8Array {
    this.#acknowledgement.disarm();
    this.#unacknowledgedPackets = 0;
    return this.inbound!.sackChunk();
  }

  /** Sends what may go now, with the SACK that waits. */
  flush(): void {
    const outbound = this.outbound!;
    const { nowNs } = this.sockets.namespace.world;
    for (;;) {
      const sack = this.#acknowledgement.isArmed ? SACK_BYTES : 0;
      const data = outbound.nextChunks(nowNs, sack);
      if (data.length === 0) break;
      const chunks = sack > 0 ? [this.takeSack(), ...data] : data;
      this.transmit(chunks);
      if (!this.#retransmission.isArmed) this.#retransmission.arm(this.roundTrip.timeoutNs);
    }
  }

  /** DATA was acknowledged: the timer runs anew while something is out. */
  onAcknowledged(hasAdvanced: boolean): void {
    if (!this.outbound!.hasOutstanding) this.#retransmission.disarm();
    else if (hasAdvanced) this.#retransmission.arm(this.roundTrip.timeoutNs);
  }

  /** The peer answered a HEARTBEAT, or anything else that only it could. */
  onAlive(): void {
    this.errorCount = 0;
    this.#awaitsHeartbeat = false;
  }

  /** Sends chunks in one packet. */
  transmit(chunks: readonly Uint8Array[], tag = this.remoteTag): void {
    this.#identification = (this.#identification + 1) & 0xffff;
    this.sockets.transmit(packetOf(this, tag, chunks, this.#identification, this.#mtuBytes()));
    if (this.state >= SctpState.established) this.#restHeartbeat();
  }

  /** A router refused what was too long for the path. */
  onPathMtu(): void {
    if (this.outbound === undefined) return;
    this.outbound.setMtu(this.#mtuBytes());
    this.outbound.onTimeout();
    this.flush();
  }

  /** It is over. */
  finish(reason: CloseReason, errno: Errno): void {
    if (this.state === SctpState.closed) return;
    this.state = SctpState.closed;
    this.errno = errno;
    for (const timer of [
      this.#control,
      this.#retransmission,
      this.#acknowledgement,
      this.#heartbeat,
    ]) {
      timer.disarm();
    }
    this.sockets.forget(this);
    this.handlers.onClosed?.(reason, this);
  }

  #sendControl(): void {
    this.#control.arm(this.#controlNs);
    switch (this.state) {
      case SctpState.cookieWait:
        this.transmit([initChunk(this.local, this.remoteAddress)], 0);
        return;
      case SctpState.cookieEchoed:
        this.transmit([chunkOf(ChunkType.cookieEcho, this.cookie)]);
        return;
      case SctpState.shutdownSent:
        this.transmit([shutdownChunk(this.inbound!.cumulativeTsn)]);
        return;
      default:
        assert(this.state === SctpState.shutdownAckSent, 'a chunk for this state');
        this.transmit([chunkOf(ChunkType.shutdownAck)]);
    }
  }

  #onControlTimeout(): void {
    const isOpening = this.state <= SctpState.cookieEchoed;
    this.#attempts++;
    const max = isOpening ? INIT_RETRANSMISSIONS_MAX : ASSOCIATION_ERRORS_MAX;
    if (this.#attempts > max) {
      this.finish('timeout', Errno.ETIMEDOUT);
      return;
    }
    this.#controlNs = Math.min(2 * this.#controlNs, RTO_NS_MAX);
    this.#sendControl();
  }

  #onDataTimeout(): void {
    if (!this.#isStillTried()) return;
    this.roundTrip.backOff();
    this.outbound!.onTimeout();
    this.flush();
  }

  /** Counts a timeout; one too many ends the association. */
  #isStillTried(): boolean {
    if (++this.errorCount <= ASSOCIATION_ERRORS_MAX) return true;
    this.transmit([abortChunk()]);
    this.finish('timeout', Errno.ETIMEDOUT);
    return false;
  }

  /** The path is in use: the next HEARTBEAT is a whole interval away. */
  #restHeartbeat(): void {
    const { timeoutNs } = this.roundTrip;
    const jitterNs = drawBelow(this.#key, timeoutNs, this.#heartbeatCount++) - timeoutNs / 2;
    this.#heartbeat.arm(HEARTBEAT_INTERVAL_NS + timeoutNs + Math.floor(jitterNs));
  }

  #beat(): void {
    if (this.#awaitsHeartbeat) {
      if (!this.#isStillTried()) return;
      this.roundTrip.backOff();
    }
    const info = new Uint8Array(HEARTBEAT_INFO_BYTES);
    writeU32(info, 0, (InitParameter.heartbeatInfo << 16) | HEARTBEAT_INFO_BYTES);
    const { nowNs } = this.sockets.namespace.world;
    writeU32(info, 4, Math.floor(nowNs / 0x1_0000_0000));
    writeU32(info, 8, nowNs % 0x1_0000_0000);
    this.#awaitsHeartbeat = true;
    this.transmit([chunkOf(ChunkType.heartbeat, info)]);
  }

  #mtuBytes(): number {
    return this.sockets.mtuBytesTo(this.remoteAddress, this.localAddress);
  }
}

/** A SACK without gaps in a packet of DATA. */
const SACK_BYTES = paddedBytes(16);
/** Parameter, instant of sending, and what Linux keeps beside it (`struct sctp_sender_hb_info`). */
const HEARTBEAT_INFO_BYTES = 40;
