/**
 * An ICMP error about a segment that a connection sent: fatal for a handshake, a remark for an
 * established connection, a new segment size when a router could not fragment.
 * Mirrors `tcp_v4_err` (net/ipv4/tcp_ipv4.c) and `tcp_v6_err`.
 */
import { Errno } from '../errno.ts';
import type { TcpConnection } from './connection.ts';
import { sendPending, sendSyn } from './output.ts';
import { syncPathMtu } from './path-mtu.ts';
import { TcpState } from './state.ts';
import { isAfter, isBefore, type Sequence } from './stream/sequence.ts';

/** Takes an error that means `errno` in; `sequence` is the quoted segment's. */
export function icmpErrorArrives(
  connection: TcpConnection,
  errno: Errno,
  sequence: Sequence,
): void {
  if (isBefore(sequence, connection.sndUna) || isAfter(sequence, connection.sndMax)) return;
  if (errno === Errno.EMSGSIZE) {
    becomeShorter(connection);
    return;
  }
  if (errno === Errno.none) return;
  if (connection.state === TcpState.synSent || connection.state === TcpState.synReceived) {
    connection.table.counters.attemptsFailed++;
    connection.finish(errno === Errno.ECONNREFUSED ? 'refused' : 'unreachable', errno);
    return;
  }
  connection.softErrno = errno;
}

/** Sends what did not fit again, in shorter segments (`tcp_simple_retransmit`). */
function becomeShorter(connection: TcpConnection): void {
  if (!syncPathMtu(connection)) return;
  connection.timedAtNs = 0;
  if (connection.state === TcpState.synSent || connection.state === TcpState.synReceived) {
    sendSyn(connection);
    return;
  }
  connection.sndNxt = connection.sndUna;
  sendPending(connection);
  connection.table.timers.rearm(connection);
}
