/**
 * What became of a packet that a local sender handed to IP: 0 or the errno that Linux returns.
 */

/** 0, or an errno with Linux' number. */
export const SendResult = {
  sent: 0,
  /** Netfilter's OUTPUT or POSTROUTING dropped it. */
  EPERM: 1,
  EACCES: 13,
  EINVAL: 22,
  /** Longer than the route allows, and don't-fragment is set. */
  EMSGSIZE: 90,
  ENETUNREACH: 101,
  /** The neighbour table is full. */
  ENOBUFS: 105,
  EHOSTUNREACH: 113,
} as const;
/** See {@link SendResult}. */
export type SendResult = (typeof SendResult)[keyof typeof SendResult];
