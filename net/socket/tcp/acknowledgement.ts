/**
 * What an acknowledgement does: it frees the buffer, measures the round trip, opens windows, and
 * carries our FIN's states on. Mirrors `tcp_ack` (net/ipv4/tcp_input.c).
 */
import { TcpFlag } from '../../../wire/tcp.ts';
import { Errno } from '../errno.ts';
import { CongestionAdvice } from './congestion.ts';
import type { TcpConnection } from './connection.ts';
import { armRetransmission, retransmitFirst, sendAcknowledgement } from './output.ts';
import { TcpState } from './state.ts';
import { isAfter, isBefore, type Sequence } from './stream/sequence.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Takes the acknowledgement number and window of a segment in; `window` is scaled, in bytes.
 * False when the segment must be dropped.
 */
export function acknowledgementArrives(
  connection: TcpConnection,
  sequence: Sequence,
  acknowledgement: Sequence,
  window: number,
  payloadBytes: number,
  flags: number,
): boolean {
  const { sndUna, sndMax } = connection;
  if (isAfter(acknowledgement, sndMax)) {
    sendAcknowledgement(connection);
    return false;
  }
  if (isBefore(acknowledgement, (sndUna - connection.sndWndMax) | 0)) {
    // RFC 5961, 5: a challenge
    sendAcknowledgement(connection);
    return false;
  }
  const isNew = isAfter(acknowledgement, sndUna);
  const isRepeated = acknowledgement === sndUna && sndUna !== sndMax;
  const hasSameWindow = window === connection.sndWnd;
  updateWindow(connection, sequence, acknowledgement, window, isNew);
  if (connection.isProbing) onProbeAnswer(connection);
  if (isNew) advance(connection, acknowledgement);
  else if (
    isRepeated &&
    hasSameWindow &&
    payloadBytes === 0 &&
    (flags & (TcpFlag.syn | TcpFlag.fin)) === 0
  ) {
    duplicate(connection);
  }
  return true;
}

/** `tcp_may_update_window` and `tcp_ack_update_window`. */
function updateWindow(
  connection: TcpConnection,
  sequence: Sequence,
  acknowledgement: Sequence,
  window: number,
  isNew: boolean,
): void {
  const isLater =
    isNew ||
    isAfter(sequence, connection.sndWl1) ||
    (sequence === connection.sndWl1 && window > connection.sndWnd);
  if (!isLater) return;
  connection.sndWl1 = sequence;
  connection.sndWl2 = acknowledgement;
  connection.sndWnd = window;
  if (window > connection.sndWndMax) connection.sndWndMax = window;
}

/** The peer lives; its window decides whether probing goes on. */
function onProbeAnswer(connection: TcpConnection): void {
  connection.retransmittingSinceNs = 0;
  const offset = (connection.sndNxt - connection.dataStart) | 0;
  const available = connection.sendBuffer.lengthBytes - offset;
  if (connection.sndWnd < Math.min(available, connection.mssBytes)) return;
  connection.isProbing = false;
  connection.timeout.backoffCount = 0;
  connection.retransmitAtNs = NEVER;
}

function advance(connection: TcpConnection, acknowledgement: Sequence): void {
  const { sndUna, timeout } = connection;
  const nowNs = connection.table.namespace.world.nowNs;
  const count = (acknowledgement - sndUna) | 0;
  const flightBytes = (connection.sndMax - sndUna) | 0;
  if (connection.timedAtNs !== 0 && !isBefore(acknowledgement, connection.timedSequence)) {
    timeout.measure(nowNs - connection.timedAtNs);
    connection.timedAtNs = 0;
  }
  const dataBytes = (acknowledgement - connection.dataStart) | 0;
  if (dataBytes > 0) {
    const dropBytes = Math.min(dataBytes, connection.sendBuffer.lengthBytes);
    connection.sendBuffer.drop(dropBytes);
    connection.dataStart = (connection.dataStart + dropBytes) | 0;
  }
  connection.sndUna = acknowledgement;
  if (isBefore(connection.sndNxt, acknowledgement)) connection.sndNxt = acknowledgement;
  connection.isProbing = false;
  timeout.backoffCount = 0;
  connection.retransmittingSinceNs = 0;
  connection.softErrno = Errno.none;
  connection.confirmsNeighbour = true;
  if (acknowledgement === connection.sndMax) connection.retransmitAtNs = NEVER;
  else armRetransmission(connection);
  const { mssBytes } = connection;
  const advice = connection.congestion.onAdvance(acknowledgement, count, flightBytes, mssBytes);
  if (advice !== CongestionAdvice.none) retransmitFirst(connection);
}

function duplicate(connection: TcpConnection): void {
  const { sndUna, sndMax, mssBytes } = connection;
  const flightBytes = (sndMax - sndUna) | 0;
  const advice = connection.congestion.onDuplicate(sndUna, sndMax, flightBytes, mssBytes);
  if (advice !== CongestionAdvice.none) retransmitFirst(connection);
}

/** True once the peer has acknowledged our FIN. */
function isFinAcknowledged(connection: TcpConnection): boolean {
  return (
    connection.isFinQueued &&
    connection.sendBuffer.lengthBytes === 0 &&
    connection.sndUna === ((connection.dataStart + 1) | 0)
  );
}

/** Carries the states on that wait for the acknowledgement of our FIN. */
export function maybeBecomeFinAcknowledged(connection: TcpConnection): void {
  if (!isFinAcknowledged(connection)) return;
  switch (connection.state) {
    case TcpState.finWait1:
      connection.state = TcpState.finWait2;
      if (connection.isOrphan) connection.armFinTimeout();
      return;
    case TcpState.closing:
      connection.becomeTimeWait();
      return;
    case TcpState.lastAck:
      connection.finish('closed', Errno.none);
      return;
  }
}
