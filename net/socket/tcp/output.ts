/**
 * What a connection sends: SYN, data as windows, Nagle and the congestion window allow, FIN,
 * acknowledgements with the window to announce, probes and resets.
 *
 * Mirrors net/ipv4/tcp_output.c (`tcp_write_xmit`, `__tcp_select_window`, `tcp_send_ack`,
 * `tcp_write_wakeup`). There is no TSO: every segment is a packet.
 */
import { TcpFlag, tcpOptionsBytesOf, writeTcpOptions } from '../../../wire/tcp.ts';
import { SendResult } from '../../ip/send-result.ts';
import type { TcpConnection } from './connection.ts';
import { RECEIVE_WINDOW_BYTES, RECEIVE_WINDOW_SCALE } from './constants.ts';
import { syncPathMtu } from './path-mtu.ts';
import { allocateSegment, finishSegment, optionsOffsetOf } from './segment.ts';
import { TcpState } from './state.ts';
import { isAfter } from './stream/sequence.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Sends a SYN, with the ACK flag in SYN-RECEIVED; `sndNxt` is not moved. */
export function sendSyn(connection: TcpConnection): void {
  const isAnswer = connection.state === TcpState.synReceived;
  const offersScale = !isAnswer || connection.rcvWindowScale > 0;
  const options = {
    maximumSegmentBytes: connection.advertisedMssBytes,
    windowScale: offersScale ? RECEIVE_WINDOW_SCALE : undefined,
  };
  const optionsBytes = tcpOptionsBytesOf(options);
  const packet = allocateSegment(connection.remoteAddress, optionsBytes, 0);
  writeTcpOptions(packet.bytes, optionsOffsetOf(packet, connection.remoteAddress), options);
  const window = Math.min(connection.receiveBufferBytes, RECEIVE_WINDOW_BYTES);
  connection.rcvWup = connection.rcvNxt;
  connection.rcvEdge = (connection.rcvNxt + window) | 0;
  finishSegment(
    packet,
    connection.localAddress,
    connection.localPort,
    connection.remoteAddress,
    connection.remotePort,
    connection.initialSequence,
    isAnswer ? connection.rcvNxt : 0,
    isAnswer ? TcpFlag.syn | TcpFlag.ack : TcpFlag.syn,
    window,
    optionsBytes,
    // a SYN-ACK has no socket yet whose counter it could take
    isAnswer ? 0 : nextIdentification(connection),
  );
  connection.lastSentAtNs = connection.table.namespace.world.nowNs;
  connection.table.transmit(packet);
}

/** The window to announce, as on the wire; remembers the edge. It never takes back what it gave. */
export function windowFieldOf(connection: TcpConnection): number {
  const scale = connection.rcvWindowScale;
  const unit = 1 << scale;
  const given = Math.max((connection.rcvEdge - connection.rcvNxt) | 0, 0);
  const free = connection.receiveBufferBytes - connection.receiveQueueBytes;
  // silly window avoidance: none rather than less than a segment
  const offered =
    free < Math.min(connection.mssBytes, connection.receiveBufferBytes / 2) ? 0 : free;
  const window = Math.max(offered, given);
  const field = Math.min((window + unit - 1) >>> scale, 0xffff);
  connection.rcvEdge = (connection.rcvNxt + field * unit) | 0;
  return field;
}

/** Sends a segment of `count` bytes from `sequence` on; they are in the buffer. */
function sendSegment(
  connection: TcpConnection,
  sequence: number,
  count: number,
  flags: number,
): SendResult {
  const packet = allocateSegment(connection.remoteAddress, 0, count);
  if (count > 0) {
    const offset = (sequence - connection.dataStart) | 0;
    const at = optionsOffsetOf(packet, connection.remoteAddress);
    connection.sendBuffer.copyTo(packet.bytes, at, offset, count);
  }
  const window = windowFieldOf(connection);
  finishSegment(
    packet,
    connection.localAddress,
    connection.localPort,
    connection.remoteAddress,
    connection.remotePort,
    sequence,
    connection.rcvNxt,
    flags,
    window,
    0,
    nextIdentification(connection),
  );
  if ((flags & TcpFlag.ack) !== 0) {
    if (connection.quickAckCount > 0 && connection.isAckDue) connection.quickAckCount--;
    connection.isAckDue = false;
    connection.delayedAckAtNs = NEVER;
    connection.rcvWup = connection.rcvNxt;
  }
  if (connection.confirmsNeighbour) {
    connection.confirmsNeighbour = false;
    packet.confirmsNeighbour = true;
  }
  return connection.table.transmit(packet);
}

function nextIdentification(connection: TcpConnection): number {
  connection.identification = (connection.identification + 1) & 0xffff;
  return connection.identification;
}

/**
 * The number of a segment without data: the highest that was sent, even while older data is being
 * sent again, or the peer would take it for an old duplicate (`tcp_acceptable_seq`).
 */
function acceptableSequence(connection: TcpConnection): number {
  const windowEnd = (connection.sndUna + connection.sndWnd) | 0;
  return isAfter(connection.sndMax, windowEnd) ? windowEnd : connection.sndMax;
}

/** Sends an acknowledgement now. */
export function sendAcknowledgement(connection: TcpConnection): void {
  sendSegment(connection, acceptableSequence(connection), 0, TcpFlag.ack);
}

/** Sends a RST for a connection that is in a synchronised state. */
export function sendReset(connection: TcpConnection): void {
  connection.table.counters.resetsSent++;
  sendSegment(connection, acceptableSequence(connection), 0, TcpFlag.rst | TcpFlag.ack);
}

/** Tells the peer of a window that has at least doubled since it was last told. */
export function maybeUpdateWindow(connection: TcpConnection): void {
  const known = Math.max((connection.rcvEdge - connection.rcvNxt) | 0, 0);
  if (2 * known > connection.receiveBufferBytes) return;
  const free = connection.receiveBufferBytes - connection.receiveQueueBytes;
  if (free >= Math.max(2 * known, connection.mssBytes)) sendAcknowledgement(connection);
}

/** True in the states in which data or a FIN may go out. */
function canSend(state: TcpState): boolean {
  return (
    state === TcpState.established ||
    state === TcpState.closeWait ||
    state === TcpState.finWait1 ||
    state === TcpState.closing ||
    state === TcpState.lastAck
  );
}

/** Sends all that may go out now, and keeps the retransmission or probe timer running. */
export function sendPending(connection: TcpConnection): void {
  if (!canSend(connection.state)) return;
  let available = 0;
  for (;;) {
    const { sendBuffer, sndNxt } = connection;
    const offset = (sndNxt - connection.dataStart) | 0;
    available = sendBuffer.lengthBytes - offset;
    if (available < 0) break; // the FIN is out
    const count = Math.min(available, connection.mssBytes);
    const hasFin = connection.isFinQueued && count === available;
    if (count === 0 && !hasFin) break;
    if (count > 0 && !maySend(connection, count, hasFin)) break;
    const result = sendNext(connection, count, hasFin, count === available);
    if (result === SendResult.EMSGSIZE && !syncPathMtu(connection)) break;
    if (connection.state === TcpState.closed) return;
  }
  if (connection.sndNxt !== connection.sndUna) {
    if (connection.retransmitAtNs === NEVER) armRetransmission(connection);
  } else if (available > 0 && connection.retransmitAtNs === NEVER) {
    connection.isProbing = true;
    armRetransmission(connection);
  }
}

/** The windows' and Nagle's word on a segment of `count` bytes (`tcp_nagle_test` and the tests). */
function maySend(connection: TcpConnection, count: number, hasFin: boolean): boolean {
  const { sndNxt, sndUna, mssBytes } = connection;
  const flight = (sndNxt - sndUna) | 0;
  // the first segment is sent again whatever the window has become
  if (flight === 0 && sndNxt !== connection.sndMax) return true;
  if (flight + count > connection.sndWnd) return false;
  if (flight === 0) return true;
  if (flight + count > connection.congestion.allowanceBytes(mssBytes)) return false;
  if (count >= mssBytes || connection.isNoDelay || hasFin) return true;
  // Minshall: a short segment waits only for another short one
  return !isAfter(connection.sndSmall, sndUna);
}

function sendNext(
  connection: TcpConnection,
  count: number,
  hasFin: boolean,
  isLast: boolean,
): SendResult {
  const { sndNxt, sndMax } = connection;
  const nowNs = connection.table.namespace.world.nowNs;
  const end = (sndNxt + count + (hasFin ? 1 : 0)) | 0;
  const isNew = isAfter(end, connection.sndMax);
  let flags: number = TcpFlag.ack;
  if (isLast && count > 0) flags |= TcpFlag.psh;
  if (hasFin) flags |= TcpFlag.fin;
  connection.sndNxt = end;
  if (isNew) {
    if (connection.timedAtNs === 0 && sndNxt === connection.sndMax) {
      connection.timedSequence = end;
      connection.timedAtNs = nowNs;
    }
    connection.sndMax = end;
  } else {
    connection.table.counters.segmentsRetransmitted++;
    connection.retransmitCount++;
  }
  if (count < connection.mssBytes && count > 0) connection.sndSmall = end;
  if (count > 0 && nowNs - connection.lastReceivedAtNs < connection.ackTimeoutNs) {
    connection.isInteractive = true;
  }
  connection.lastSentAtNs = nowNs;
  const result = sendSegment(connection, sndNxt, count, flags);
  if (result === SendResult.EMSGSIZE) {
    connection.sndNxt = sndNxt;
    connection.sndMax = sndMax;
  }
  return result;
}

/** Sends the first segment that is not acknowledged again; nothing else moves. */
export function retransmitFirst(connection: TcpConnection): void {
  const { sndUna, sendBuffer } = connection;
  const offset = (sndUna - connection.dataStart) | 0;
  const available = sendBuffer.lengthBytes - offset;
  if (available < 0) return;
  const sent = (connection.sndMax - sndUna) | 0;
  const count = Math.min(available, connection.mssBytes, sent);
  const hasFin = connection.isFinQueued && count === available && sent > count;
  if (count === 0 && !hasFin) return;
  connection.timedAtNs = 0;
  connection.table.counters.segmentsRetransmitted++;
  connection.retransmitCount++;
  const flags = TcpFlag.ack | (count === available ? TcpFlag.psh : 0) | (hasFin ? TcpFlag.fin : 0);
  sendSegment(connection, sndUna, count, flags);
}

/** Starts the retransmission timer anew. */
export function armRetransmission(connection: TcpConnection): void {
  connection.retransmitAtNs = connection.table.namespace.world.nowNs + connection.timeout.timeoutNs;
}

/**
 * Sends a probe into a closed window: what fits, or an old sequence number without data, which the
 * peer must answer (`tcp_write_wakeup`).
 */
export function sendProbe(connection: TcpConnection): void {
  const offset = (connection.sndNxt - connection.dataStart) | 0;
  const available = connection.sendBuffer.lengthBytes - offset;
  const room = connection.sndWnd - ((connection.sndNxt - connection.sndUna) | 0);
  const count = Math.min(available, connection.mssBytes, room);
  if (count > 0) {
    const hasFin = connection.isFinQueued && count === available;
    sendNext(connection, count, hasFin, true);
  } else sendSegment(connection, (connection.sndUna - 1) | 0, 0, TcpFlag.ack);
}

/** Sends an old sequence number without data, which the peer must answer. */
export function sendKeepAlive(connection: TcpConnection): void {
  sendSegment(connection, (connection.sndUna - 1) | 0, 0, TcpFlag.ack);
}
