/**
 * ICMP errors: which connection the packet quoted in them belongs to.
 *
 * An error travels against the packet that caused it, so the inverse of the quoted tuple is looked
 * up and the error has that tuple's direction. Mirrors `nf_conntrack_inet_error`.
 */

import { destinationOf, headerBytesOf, isIpv6 } from '../../wire/ip.ts';
import { Icmpv6Type, isIcmpv6Error } from '../../wire/ipv6/icmpv6.ts';
import type { ConnectionTracker } from './tracker.ts';
import { emptyTuple, invertTuple, readTuple, type Tuple } from './tuple.ts';

/** What conntrack does with an ICMP message. */
export const IcmpKind = { query: 0, error: 1, malformed: 2, untracked: 3 } as const;
/** See {@link IcmpKind}. */
export type IcmpKind = (typeof IcmpKind)[keyof typeof IcmpKind];

const ICMP_TYPE_MAX = 18;
const quoted = emptyTuple();

/** Classifies the ICMP message in the packet whose IP header is at `at`. */
export function icmpKindOf(bytes: Uint8Array, at: number, end: number): IcmpKind {
  const icmpAt = at + headerBytesOf(bytes, at);
  if (end - icmpAt < 8) return IcmpKind.malformed;
  const type = bytes[icmpAt]!;
  if (isIpv6(bytes, at)) return icmpv6KindOf(type);
  if (type > ICMP_TYPE_MAX) return IcmpKind.malformed;
  switch (type) {
    case 3:
    case 4:
    case 5:
    case 11:
    case 12:
      return IcmpKind.error;
    default:
      return IcmpKind.query;
  }
}

/** What belongs to a link only, neighbour discovery above all, is never tracked (`noct_valid_new`). */
function icmpv6KindOf(type: number): IcmpKind {
  if (isIcmpv6Error(type)) return IcmpKind.error;
  const isOfLink = type >= 130 && type <= Icmpv6Type.redirect;
  return isOfLink || type === Icmpv6Type.multicastReport ? IcmpKind.untracked : IcmpKind.query;
}

/** The tuple that the error at `at` belongs to, or undefined when it is about no known flow. */
export function findRelated(
  tracker: ConnectionTracker,
  bytes: Uint8Array,
  at: number,
  end: number,
): Tuple | undefined {
  const innerAt = at + headerBytesOf(bytes, at) + 8;
  if (end - innerAt < 20 || headerBytesOf(bytes, innerAt) < 20) return undefined;
  if (!readTuple(quoted, bytes, innerAt, end)) return undefined;
  invertTuple(quoted, quoted);
  const tuple = tracker.find(quoted);
  if (tuple === undefined) return undefined;
  return tuple.destination === destinationOf(bytes, at) ? tuple : undefined;
}
