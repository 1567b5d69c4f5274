/**
 * TCP sequence numbers: signed 32-bit integers compared modulo 2^32.
 *
 * Signed, because V8 keeps such integers in fields without allocating; the wire's unsigned numbers
 * become signed by `| 0`. Mirrors `before` and `after` of include/net/tcp.h.
 */

/** A sequence number as a signed 32-bit integer. */
export type Sequence = number;

/** True when `a` comes before `b`. */
export function isBefore(a: Sequence, b: Sequence): boolean {
  return ((a - b) | 0) < 0;
}

/** True when `a` comes after `b`. */
export function isAfter(a: Sequence, b: Sequence): boolean {
  return ((b - a) | 0) < 0;
}
