/**
 * The states of a TCP endpoint (RFC 9293, 3.3.2), with Linux' numbers (include/net/tcp_states.h) and
 * the names of `ss`.
 */

/** States; Linux' numbers. */
export const TcpState = {
  established: 1,
  synSent: 2,
  synReceived: 3,
  finWait1: 4,
  finWait2: 5,
  timeWait: 6,
  closed: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
  closing: 11,
} as const;
/** See {@link TcpState}. */
export type TcpState = (typeof TcpState)[keyof typeof TcpState];

/** The states' names as `ss` prints them, by number. */
export const TCP_STATE_NAMES = [
  '',
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
] as const;
