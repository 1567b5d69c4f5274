/**
 * TCP's constants, under Linux' names (include/net/tcp.h, net/ipv4/tcp.c) where it has one; what a
 * user may set is among the sysctls.
 */
import { MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../../sim/time.ts';

/** TCP_TIMEOUT_INIT: RTO before the first measurement (RFC 6298). */
export const TIMEOUT_INITIAL_NS = SECOND_NS;
/** TCP_TIMEOUT_FALLBACK: RTO after a handshake that needed retransmissions (RFC 6298, 5.7). */
export const TIMEOUT_FALLBACK_NS = 3 * SECOND_NS;
/** TCP_RTO_MIN. */
export const RTO_NS_MIN = 200 * MILLISECOND_NS;
/** TCP_RTO_MAX. */
export const RTO_NS_MAX = 120 * SECOND_NS;
/** TCP_DELACK_MIN and TCP_ATO_MIN: how long an acknowledgement waits for company. */
export const DELAYED_ACK_NS = 40 * MILLISECOND_NS;
/** TCP_MAX_QUICKACKS: segments that are acknowledged at once when data begins to arrive. */
export const QUICK_ACKS_MAX = 16;
/** tcp_orphan_retries: the same for a connection that its program has closed. */
export const ORPHAN_RETRIES = 8;
/** TCP_TIMEWAIT_LEN. */
export const TIME_WAIT_NS = MINUTE_NS;
/** TCP_INIT_CWND (RFC 6928), in segments. */
export const INITIAL_WINDOW_SEGMENTS = 10;
/** Duplicate acknowledgements that mean a loss (`tcp_reordering`). */
export const REORDERING = 3;
/** The receive window before rounding to segments: half of `tcp_rmem[1]`, at most 64 KiB - 1. */
export const RECEIVE_WINDOW_BYTES = 65_535;
/** What Linux announces with the default `tcp_rmem` of 6 MB. */
export const RECEIVE_WINDOW_SCALE = 7;
/** TCP_MSS_DEFAULT: what a peer takes that announces no MSS (RFC 9293, 3.7.1). */
export const MSS_DEFAULT_BYTES = 536;
/** The longest segment with its headers: an IPv4 packet, although loopback's MTU is 65536. */
export const PATH_MTU_BYTES_MAX = 65_535;
/** TCP_MIN_MSS. */
export const MSS_BYTES_MIN = 88;
/** `send` reports a full buffer from so many waiting bytes on (half of `tcp_wmem[1]` is 8 KiB). */
export const SEND_BUFFER_BYTES = 65_536;
/** tcp_invalid_ratelimit: answers to segments outside the window are at least this far apart. */
export const INVALID_RATE_LIMIT_NS = 500 * MILLISECOND_NS;
