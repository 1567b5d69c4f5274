/**
 * The states of an association (RFC 9260, 4; `enum sctp_state` of include/net/sctp/constants.h), and
 * what `ss` calls them (`sctp_sstate_name` in iproute2's ss.c).
 */

/** The states, with Linux' numbers. */
export const SctpState = {
  closed: 0,
  cookieWait: 1,
  cookieEchoed: 2,
  established: 3,
  shutdownPending: 4,
  shutdownSent: 5,
  shutdownReceived: 6,
  shutdownAckSent: 7,
} as const;
/** See {@link SctpState}. */
export type SctpState = (typeof SctpState)[keyof typeof SctpState];

/** Names by number, as `ss` prints them. */
export const SCTP_STATE_NAMES = [
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTAB',
  'SHUTDOWN_PENDING',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECEIVED',
  'ACK_SENT',
] as const;
