/**
 * A segment arrives at a connection: RFC 9293, 3.10.7, in its order, with RFC 5961's challenges and
 * Linux' acknowledgement policy.
 *
 * As in Linux, an acknowledgement that is due at once leaves before the program sees the data, so a
 * server's first answer follows a bare acknowledgement. In an interactive exchange
 * (`isInteractive`) the acknowledgement waits up to 40 ms and usually travels with the answer.
 * Mirrors net/ipv4/tcp_input.c (`tcp_rcv_state_process`, `tcp_data_queue`, `__tcp_ack_snd_check`).
 */
import {
  acknowledgementOf,
  dataOffsetBytesOf,
  flagsOf,
  parseTcpOptions,
  sequenceOf,
  TcpFlag,
  windowOf,
} from '../../../wire/tcp.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import { acknowledgementArrives, maybeBecomeFinAcknowledged } from './acknowledgement.ts';
import type { TcpConnection } from './connection.ts';
import {
  DELAYED_ACK_NS,
  INVALID_RATE_LIMIT_NS,
  MSS_BYTES_MIN,
  MSS_DEFAULT_BYTES,
  QUICK_ACKS_MAX,
  RECEIVE_WINDOW_SCALE,
} from './constants.ts';
import {
  armRetransmission,
  maybeUpdateWindow,
  sendAcknowledgement,
  sendPending,
  sendSyn,
} from './output.ts';
import { syncPathMtu } from './path-mtu.ts';
import { sendResetFor } from './segment.ts';
import { TcpState } from './state.ts';
import { Reassembly } from './stream/reassembly.ts';
import { isAfter, isBefore, type Sequence } from './stream/sequence.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Takes a segment in; its header is at `at`, its data ends at `end`. */
export function segmentArrives(
  connection: TcpConnection,
  packet: Packet,
  at: number,
  end: number,
): void {
  if (connection.state === TcpState.synSent) {
    arriveInSynSent(connection, packet, at, end);
    return;
  }
  const { bytes } = packet;
  const flags = flagsOf(bytes, at);
  const dataAt = at + dataOffsetBytesOf(bytes, at);
  const sequence = sequenceOf(bytes, at) | 0;
  const payloadBytes = end - dataAt;
  const nowNs = connection.table.namespace.world.nowNs;
  connection.lastHeardAtNs = nowNs;
  const controlCount = (flags & TcpFlag.syn ? 1 : 0) + (flags & TcpFlag.fin ? 1 : 0);
  const endSequence = (sequence + payloadBytes + controlCount) | 0;
  if (!mayGoOn(connection, sequence, endSequence, flags, payloadBytes, nowNs)) return;
  const acknowledgement = acknowledgementOf(bytes, at) | 0;
  const window = windowOf(bytes, at) << connection.sndWindowScale;
  if (connection.state === TcpState.synReceived) {
    if (acknowledgement !== connection.sndNxt) {
      sendResetFor(connection.table, packet, at, end);
      return;
    }
    if (connection.listener?.isFull === true) {
      connection.table.counters.listenOverflows++;
      return;
    }
    becomeEstablished(connection, sequence, window);
    connection.listener?.onEstablished(connection);
    connection.handlers.onConnected?.(connection);
    if (connection.isDetached) return;
  } else if (
    !acknowledgementArrives(connection, sequence, acknowledgement, window, payloadBytes, flags)
  ) {
    return;
  }
  maybeBecomeFinAcknowledged(connection);
  if (connection.isDetached) return;
  if (endSequence !== sequence) {
    if (connection.isOrphan && isNewData(connection, sequence, payloadBytes)) {
      // the program that would read it is gone
      sendResetFor(connection.table, packet, at, end);
      connection.finish('reset', Errno.ECONNABORTED);
      return;
    }
    dataArrives(connection, packet, dataAt, payloadBytes, sequence, flags, nowNs);
    if (connection.isDetached) return;
  }
  sendPending(connection);
  maybeAcknowledge(connection, nowNs);
  if (connection.receiveQueueBytes > 0 || connection.hasReceivedFin) {
    connection.deliverQueued();
    maybeFinish(connection);
    if (connection.isDetached) return;
    // the acknowledgement went out before the program read, perhaps with a closed window
    maybeUpdateWindow(connection);
  }
  if (connection.isDrainDue && connection.sendBuffer.lengthBytes === 0) {
    connection.isDrainDue = false;
    connection.handlers.onDrain?.(connection);
  }
}

/** The checks of sequence number, RST, SYN and ACK flag; false when they settle the segment. */
function mayGoOn(
  connection: TcpConnection,
  sequence: Sequence,
  endSequence: Sequence,
  flags: number,
  payloadBytes: number,
  nowNs: number,
): boolean {
  if (isBefore(endSequence, connection.rcvWup) || isAfter(sequence, connection.rcvEdge)) {
    if ((flags & TcpFlag.rst) === 0) answerInvalid(connection, payloadBytes === 0, nowNs);
    return false;
  }
  if ((flags & TcpFlag.rst) !== 0) {
    if (sequence === connection.rcvNxt) resetArrives(connection);
    else answerInvalid(connection, true, nowNs);
    return false;
  }
  if ((flags & TcpFlag.syn) !== 0) {
    const isRepeated = sequence === ((connection.rcvNxt - 1) | 0);
    if (connection.state !== TcpState.synReceived || !isRepeated) {
      answerInvalid(connection, true, nowNs);
      return false;
    }
    if ((flags & TcpFlag.ack) === 0) sendSyn(connection);
  }
  return (flags & TcpFlag.ack) !== 0;
}

function arriveInSynSent(connection: TcpConnection, packet: Packet, at: number, end: number): void {
  const { bytes } = packet;
  const flags = flagsOf(bytes, at);
  const hasAck = (flags & TcpFlag.ack) !== 0;
  if (hasAck && (acknowledgementOf(bytes, at) | 0) !== connection.sndNxt) {
    sendResetFor(connection.table, packet, at, end);
    return;
  }
  if ((flags & TcpFlag.rst) !== 0) {
    if (hasAck) {
      connection.table.counters.attemptsFailed++;
      connection.finish('refused', Errno.ECONNREFUSED);
    }
    return;
  }
  if ((flags & TcpFlag.syn) === 0) return;
  const sequence = sequenceOf(bytes, at) | 0;
  takeSyn(connection, packet, at);
  if (!hasAck) {
    // both sides called at once
    connection.state = TcpState.synReceived;
    sendSyn(connection);
    armRetransmission(connection);
    return;
  }
  becomeEstablished(connection, sequence, windowOf(bytes, at));
  if (connection.sendBuffer.lengthBytes > 0) sendPending(connection);
  else sendAcknowledgement(connection);
  connection.handlers.onConnected?.(connection);
}

/** Takes what the peer's SYN says: where it starts, its window, its options. */
export function takeSyn(connection: TcpConnection, packet: Packet, at: number): void {
  const { bytes } = packet;
  const sequence = sequenceOf(bytes, at) | 0;
  const options = parseTcpOptions(bytes, at);
  connection.rcvNxt = (sequence + 1) | 0;
  connection.rcvWup = connection.rcvNxt;
  connection.rcvEdge = (connection.rcvNxt + connection.receiveBufferBytes) | 0;
  connection.peerMssBytes = Math.max(
    options.maximumSegmentBytes ?? MSS_DEFAULT_BYTES,
    MSS_BYTES_MIN,
  );
  connection.mssBytes = Math.min(connection.peerMssBytes, connection.advertisedMssBytes);
  if (options.windowScale !== undefined) {
    connection.sndWindowScale = options.windowScale;
    connection.rcvWindowScale = RECEIVE_WINDOW_SCALE;
  }
  connection.sndWnd = windowOf(bytes, at);
  connection.sndWndMax = connection.sndWnd;
  connection.sndWl1 = sequence;
}

function becomeEstablished(connection: TcpConnection, sequence: Sequence, window: number): void {
  const nowNs = connection.table.namespace.world.nowNs;
  const { timeout } = connection;
  connection.state = TcpState.established;
  connection.sndUna = connection.sndNxt;
  connection.sndWnd = window;
  connection.sndWndMax = window;
  connection.sndWl1 = sequence;
  connection.sndWl2 = connection.sndUna;
  if (timeout.backoffCount === 0) timeout.measure(nowNs - connection.timedAtNs);
  else timeout.becomeFallback();
  connection.congestion.start(connection.mssBytes, timeout.backoffCount > 1);
  timeout.backoffCount = 0;
  connection.timedAtNs = 0;
  connection.retransmitAtNs = NEVER;
  connection.lastReceivedAtNs = nowNs;
  connection.lastHeardAtNs = nowNs;
  connection.confirmsNeighbour = true;
  connection.table.counters.established++;
  syncPathMtu(connection);
  connection.armKeepAlive();
  if (connection.isFinQueued) connection.state = TcpState.finWait1;
}

/** A RST with exactly the expected sequence number. */
function resetArrives(connection: TcpConnection): void {
  const errno = connection.state === TcpState.closeWait ? Errno.EPIPE : Errno.ECONNRESET;
  connection.table.counters.resetsReceived++;
  connection.finish('reset', errno);
}

/** Tells the peer what is expected; without data, twice a second at most. */
function answerInvalid(connection: TcpConnection, isLimited: boolean, nowNs: number): void {
  if (isLimited) {
    if (nowNs - connection.lastInvalidAtNs < INVALID_RATE_LIMIT_NS) return;
    connection.lastInvalidAtNs = nowNs;
  }
  sendAcknowledgement(connection);
}

function isNewData(connection: TcpConnection, sequence: Sequence, payloadBytes: number): boolean {
  return payloadBytes > 0 && isAfter((sequence + payloadBytes) | 0, connection.rcvNxt);
}

/** Bytes, a FIN, or both: `tcp_data_queue`. */
function dataArrives(
  connection: TcpConnection,
  packet: Packet,
  dataAt: number,
  payloadBytes: number,
  sequence: Sequence,
  flags: number,
  nowNs: number,
): void {
  const { state } = connection;
  const isReceiving =
    state === TcpState.established || state === TcpState.finWait1 || state === TcpState.finWait2;
  const hasFin = (flags & TcpFlag.fin) !== 0;
  const end = (sequence + payloadBytes + (hasFin ? 1 : 0)) | 0;
  if (!isReceiving || connection.hasReceivedFin || !isAfter(end, connection.rcvNxt)) {
    // it was sent again because our acknowledgement was lost
    connection.quickAckCount = QUICK_ACKS_MAX;
    sendAcknowledgement(connection);
    return;
  }
  noteArrival(connection, payloadBytes, nowNs);
  if (isAfter(sequence, connection.rcvNxt)) {
    connection.reassembly ??= new Reassembly();
    const data = packet.bytes.subarray(dataAt, dataAt + payloadBytes);
    connection.reassembly.insert(sequence, data, hasFin);
    sendAcknowledgement(connection);
    return;
  }
  const skip = (connection.rcvNxt - sequence) | 0;
  if (skip < payloadBytes) {
    takeData(connection, packet.bytes.subarray(dataAt + skip, dataAt + payloadBytes));
  }
  let isFinNext = hasFin;
  const { reassembly } = connection;
  if (reassembly !== undefined && !isFinNext) {
    for (;;) {
      const next = reassembly.take(connection.rcvNxt);
      if (next === undefined) break;
      takeData(connection, next.bytes);
      if (next.hasFin) isFinNext = true;
    }
    // a hole was filled, wholly or in part: the sender must know (RFC 5681, 4.2)
    sendAcknowledgement(connection);
    if (reassembly.isEmpty) connection.reassembly = undefined;
  }
  if (isFinNext) finArrives(connection);
}

function takeData(connection: TcpConnection, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  connection.rcvNxt = (connection.rcvNxt + bytes.length) | 0;
  connection.receiveQueue ??= [];
  connection.receiveQueue.push(bytes);
  connection.receiveQueueBytes += bytes.length;
}

/** `tcp_event_data_recv` and `tcp_measure_rcv_mss`. */
function noteArrival(connection: TcpConnection, payloadBytes: number, nowNs: number): void {
  if (connection.ackTimeoutNs === 0) {
    connection.ackTimeoutNs = DELAYED_ACK_NS;
    const segments = Math.floor(connection.receiveBufferBytes / (2 * connection.rcvMssBytes));
    connection.quickAckCount = Math.max(Math.min(segments, QUICK_ACKS_MAX), 2);
  }
  if (payloadBytes > connection.rcvMssBytes) {
    connection.rcvMssBytes = Math.min(payloadBytes, connection.advertisedMssBytes);
  }
  connection.lastReceivedAtNs = nowNs;
  connection.isAckDue = true;
}

/** The peer's FIN is in order: `tcp_fin`. */
function finArrives(connection: TcpConnection): void {
  connection.rcvNxt = (connection.rcvNxt + 1) | 0;
  connection.hasReceivedFin = true;
  connection.isAckDue = true;
  connection.reassembly = undefined;
  switch (connection.state) {
    case TcpState.established:
      connection.state = TcpState.closeWait;
      // the acknowledgement waits for our own FIN
      connection.isInteractive = true;
      return;
    case TcpState.finWait1:
      connection.state = TcpState.closing;
      sendAcknowledgement(connection);
      return;
    case TcpState.finWait2:
      sendAcknowledgement(connection);
      return;
  }
}

/** Acknowledges now or later what has come in: `__tcp_ack_snd_check`. */
function maybeAcknowledge(connection: TcpConnection, nowNs: number): void {
  if (!connection.isAckDue) return;
  const isMuch = ((connection.rcvNxt - connection.rcvWup) | 0) > connection.rcvMssBytes;
  const isQuick = connection.quickAckCount > 0 && !connection.isInteractive;
  if (isMuch || isQuick || connection.reassembly !== undefined) sendAcknowledgement(connection);
  else if (connection.delayedAckAtNs === NEVER) {
    connection.delayedAckAtNs = nowNs + DELAYED_ACK_NS;
  }
}

/** Both FINs have arrived: what is left is to wait. */
function maybeFinish(connection: TcpConnection): void {
  const { state, hasReceivedFin, isDetached } = connection;
  if (state === TcpState.finWait2 && hasReceivedFin && !isDetached) connection.becomeTimeWait();
}
