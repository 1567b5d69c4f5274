/**
 * Probe traffic that tells its receiver nothing new: its size, with the one broadcast that may ride on
 * it, without making the packet.
 */
import { COMPOUND_HEADER_OVERHEAD, COMPOUND_OVERHEAD } from '../constants.ts';
import { retransmitLimit } from '../formulas.ts';
import { Reason } from '../members/unrest.ts';
import type { State } from '../state.ts';
import { isMeasured } from './compression.ts';
import { framedBytesOf, roomBesides } from './packet.ts';
import { canBeRedundant, isSettledOn } from './redundant.ts';

/** More acks than a member sends while one ping is on its way. */
const ACKS_MAX = 4;
/** With these a member's broadcasts are looked at one by one. */
const UNUSUAL = Reason.delegate | Reason.ownConfig;

/**
 * Size of a packet with a ping or ack of `controlBytes` and all that the sender would add, if that is
 * no news to the receiver; -1 where that is not so, or not plain to see.
 */
export function quietBytesOf(state: State, from: number, to: number, controlBytes: number): number {
  if (!state.hasBroadcasts(from)) return framedBytesOf(state, from, controlBytes);
  const rider = state.broadcasts.soleOf(from);
  if (rider === undefined || state.unrest.has(from, UNUSUAL)) return -1;
  if (!state.isAlike || isMeasured(state, from)) return -1;
  if (!canBeRedundant(state) || !isSettledOn(state, to, rider)) return -1;
  if (COMPOUND_OVERHEAD + rider.sizeBytes > roomBesides(state.config, controlBytes)) return -1;
  const partsBytes = 2 * COMPOUND_OVERHEAD + controlBytes + rider.sizeBytes;
  return framedBytesOf(state, from, COMPOUND_HEADER_OVERHEAD + partsBytes);
}

/**
 * Whether the member's one broadcast would be sent as often after one sending more, whatever it is sent
 * with from `fromNs` to `toNs`: in a tick and a probe, if they fall in that span, and in acks.
 */
export function isFarFromSpent(
  state: State,
  member: number,
  fromNs: number,
  toNs: number,
): boolean {
  const { broadcasts, config, views, gossipTickers, probeTickers } = state;
  const limit = retransmitLimit(config.retransmitMult, views.knownCountOf(member));
  const budget = broadcasts.soleBudget(member, limit);
  if (budget <= 1 + ACKS_MAX) return false;
  // a list that becomes shorter in a probe may lower the limit by a step
  if (budget > 1 + ACKS_MAX + config.gossipNodes + 1 + config.retransmitMult) return true;
  return (
    !gossipTickers.ticksIn(member, config.gossipIntervalNs, fromNs, toNs) &&
    !probeTickers.ticksIn(member, config.probeIntervalNs, fromNs, toNs)
  );
}

/** The packet of {@link quietBytesOf} has left. */
export function spendRider(state: State, from: number): void {
  const { broadcasts, config, views } = state;
  if (!state.hasBroadcasts(from)) return;
  const limit = retransmitLimit(config.retransmitMult, views.knownCountOf(from));
  broadcasts.spendSole(from, limit, 1);
}
