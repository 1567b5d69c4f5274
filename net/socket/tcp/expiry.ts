/**
 * A timer of a connection fires: delayed acknowledgement, retransmission with exponential backoff,
 * probe of a closed window, keepalive, end of an orphan.
 *
 * Mirrors net/ipv4/tcp_timer.c. After a timeout everything in flight counts as lost and is sent
 * again as the window grows (go-back-N, which is what is left without SACK).
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { Errno } from '../errno.ts';
import type { TcpConnection } from './connection.ts';
import { ORPHAN_RETRIES } from './constants.ts';
import {
  armRetransmission,
  sendAcknowledgement,
  sendKeepAlive,
  sendPending,
  sendProbe,
  sendReset,
  sendSyn,
} from './output.ts';
import { syncPathMtu } from './path-mtu.ts';
import { retransmissionSpanNs } from './retransmission.ts';
import { TcpState } from './state.ts';

const NEVER = Number.POSITIVE_INFINITY;
const ORPHAN_SPAN_NS = retransmissionSpanNs(ORPHAN_RETRIES);

/** Does what is due at `nowNs`. */
export function onTimer(connection: TcpConnection, nowNs: number): void {
  if (connection.delayedAckAtNs <= nowNs) {
    connection.delayedAckAtNs = NEVER;
    connection.isInteractive = false;
    sendAcknowledgement(connection);
  }
  if (connection.retransmitAtNs <= nowNs) {
    connection.retransmitAtNs = NEVER;
    onRetransmissionTimer(connection, nowNs);
  }
  if (connection.lifeAtNs <= nowNs) {
    connection.lifeAtNs = NEVER;
    onLifeTimer(connection, nowNs);
  }
}

function onRetransmissionTimer(connection: TcpConnection, nowNs: number): void {
  const { state, timeout } = connection;
  if (state === TcpState.synSent || state === TcpState.synReceived) {
    onHandshakeTimer(connection);
    return;
  }
  if (!connection.isProbing && connection.sndUna === connection.sndMax) return;
  if (connection.retransmittingSinceNs === 0) connection.retransmittingSinceNs = nowNs;
  else if (nowNs - connection.retransmittingSinceNs >= spanNsOf(connection)) {
    giveUp(connection);
    return;
  }
  if (connection.isProbing) {
    timeout.backoffCount++;
    sendProbe(connection);
    armRetransmission(connection);
    return;
  }
  const flightBytes = (connection.sndMax - connection.sndUna) | 0;
  syncPathMtu(connection);
  const isFirst = timeout.backoffCount === 0;
  connection.congestion.onTimeout(connection.sndMax, flightBytes, connection.mssBytes, isFirst);
  timeout.backoffCount++;
  connection.timedAtNs = 0;
  connection.sndNxt = connection.sndUna;
  sendPending(connection);
  if (connection.retransmitAtNs === NEVER) armRetransmission(connection);
}

function onHandshakeTimer(connection: TcpConnection): void {
  const { timeout } = connection;
  const name = connection.state === TcpState.synSent ? 'tcp_syn_retries' : 'tcp_synack_retries';
  if (timeout.backoffCount >= connection.table.tunable(name)) {
    connection.table.counters.attemptsFailed++;
    giveUp(connection);
    return;
  }
  timeout.backoffCount++;
  connection.retransmitCount++;
  connection.table.counters.segmentsRetransmitted++;
  sendSyn(connection);
  armRetransmission(connection);
}

function spanNsOf(connection: TcpConnection): number {
  if (connection.isOrphan) return ORPHAN_SPAN_NS;
  if (connection.userTimeoutNs > 0) return connection.userTimeoutNs;
  return retransmissionSpanNs(connection.table.tunable('tcp_retries2'));
}

/** `tcp_write_err`: the last ICMP error, if there was one, says more than a timeout. */
function giveUp(connection: TcpConnection): void {
  const { softErrno } = connection;
  connection.table.counters.timeouts++;
  connection.finish('timeout', softErrno === Errno.none ? Errno.ETIMEDOUT : softErrno);
}

function onLifeTimer(connection: TcpConnection, nowNs: number): void {
  const { state } = connection;
  if (state === TcpState.finWait2 && connection.isOrphan) {
    connection.finish('closed', Errno.none);
    return;
  }
  if (connection.keepAliveTimeNs === 0) return;
  const intervalNs = connection.table.tunable('tcp_keepalive_intvl') * SECOND_NS;
  const idleAtNs = connection.lastHeardAtNs + connection.keepAliveTimeNs;
  if (connection.sndUna !== connection.sndMax || idleAtNs > nowNs) {
    // with data in flight, retransmission finds out
    connection.keepAliveProbeCount = 0;
    connection.lifeAtNs = Math.max(idleAtNs, nowNs + intervalNs);
    return;
  }
  if (connection.keepAliveProbeCount >= connection.table.tunable('tcp_keepalive_probes')) {
    sendReset(connection);
    giveUp(connection);
    return;
  }
  connection.keepAliveProbeCount++;
  sendKeepAlive(connection);
  connection.lifeAtNs = nowNs + intervalNs;
}
