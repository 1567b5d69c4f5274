/**
 * SCTP's numbers, as Linux sets them (`net.sctp.*`, net/sctp/protocol.c) for a socket that nobody
 * tuned.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { plainHeaderBytes } from '../../../wire/ip.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { DATA_HEADER_BYTES, SCTP_HEADER_BYTES } from '../../../wire/sctp.ts';

/** The retransmission timeout before any round trip was measured (`rto_initial`). */
export const RTO_INITIAL_NS = 3 * SECOND_NS;
/** The shortest retransmission timeout (`rto_min`). */
export const RTO_NS_MIN = SECOND_NS;
/** The longest (`rto_max`). */
export const RTO_NS_MAX = 60 * SECOND_NS;

/** How often INIT and COOKIE ECHO are repeated (`max_init_retransmits`). */
export const INIT_RETRANSMISSIONS_MAX = 8;
/** After so many timeouts in a row an association is given up (`association_max_retrans`). */
export const ASSOCIATION_ERRORS_MAX = 10;
/** How old a cookie may be (`valid_cookie_life`). */
export const COOKIE_LIFE_NS = 60 * SECOND_NS;
/** From the last packet on an idle path to the next HEARTBEAT, before the RTO and a draw (`hb_interval`). */
export const HEARTBEAT_INTERVAL_NS = 30 * SECOND_NS;
/** How long an acknowledgement may wait (`sack_timeout`). */
export const SACK_DELAY_NS = 200 * MILLISECOND_NS;
/** The advertised window: half of `net.core.rmem_default`. */
export const WINDOW_BYTES = 106_496;
/** Streams that INIT asks for (`sctp_init`'s `sinit_num_ostreams`). */
export const OUT_STREAMS = 10;
/** Streams that INIT lets the peer have. */
export const IN_STREAMS_MAX = 65_535;
/** Missing reports that make a chunk be sent again. */
export const FAST_RETRANSMIT_REPORTS = 3;

/** Headers in front of the chunks of a packet to an address. */
export function headersBytesTo(address: IpAddress): number {
  return plainHeaderBytes(address) + SCTP_HEADER_BYTES;
}

/** The longest payload of a DATA chunk that alone has `roomBytes` behind the headers. */
export function fragmentBytesOf(roomBytes: number): number {
  return (roomBytes - DATA_HEADER_BYTES) & ~3;
}
