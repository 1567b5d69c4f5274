/**
 * Packets that tell their receiver nothing new. Most gossip is of that kind: a rumor is sent
 * RetransmitMult·log N times by everybody who hears it. Where the receiver runs, such a packet is
 * counted and does not fly: it does not matter whether it would have been lost.
 *
 * What is ignored when the packet leaves must still be ignored when it arrives, whatever arrives in
 * between. So a part counts as known only if its incarnation is not larger than the receiver's, and
 * not if the receiver holds the subject left, because a name that has left may come back from another
 * address with a smaller one. The entry itself cannot go meanwhile: that takes GossipToTheDeadTime.
 */
import { MILLISECOND_NS } from '../../sim/time.ts';
import { MessageType } from '../../wire/memberlist/message.ts';
import { MemberState } from '../members/entries.ts';
import { Reason } from '../members/unrest.ts';
import type { Part, Rumor } from '../message.ts';
import type { State } from '../state.ts';

/** The longest flight, far below the times after which entries are pruned. */
const FLIGHT_NS_MAX = 500 * MILLISECOND_NS;

/** Whether a packet that says nothing new need not fly, wherever all members are alike. */
export function canBeRedundant(state: State): boolean {
  const { config, underlay } = state;
  if (!state.shortcuts || state.onDatagram !== undefined || state.hasGuards) return false;
  const isInTime = underlay.delayNsMax >= 0 && underlay.delayNsMax <= FLIGHT_NS_MAX;
  return isInTime && config.deadNodeReclaimTimeNs <= 0;
}

/** True when the parts from `first` on certainly change nothing. */
export function isRedundant(
  state: State,
  from: number,
  to: number,
  parts: readonly Part[],
  first = 0,
): boolean {
  if (!state.shortcuts || state.onDatagram !== undefined || state.hasGuards) return false;
  const reasons = state.unrest.of(to);
  if ((reasons & Reason.notRunning) !== 0) return false;
  if (state.configOf(to).deadNodeReclaimTimeNs > 0) return false;
  for (let i = first; i < parts.length; i++) {
    const part = parts[i]!;
    const isSettled = (reasons & Reason.ownView) === 0 && isSettledOn(state, to, part);
    if (!isSettled && !isKnown(state, to, part)) return false;
  }
  const { underlay } = state;
  const delayNs =
    underlay.delayNsMax >= 0 ? underlay.delayNsMax : underlay.plainDelayNsMax(from, to);
  return delayNs >= 0 && delayNs <= FLIGHT_NS_MAX;
}

/** Whether an accusation or a death is plainly no news to a member; one byte tells for most. */
export function isSettledOn(state: State, member: number, part: Part): boolean {
  if (part.type !== MessageType.suspect && part.type !== MessageType.dead) return false;
  const isDeath = part.type === MessageType.dead;
  return state.views.isSettled(member, part.subject, part.incarnation, part.from, isDeath);
}

function isKnown(state: State, member: number, part: Part): boolean {
  switch (part.type) {
    case MessageType.suspect:
      return isKnownSuspicion(state, member, part);
    case MessageType.dead:
      return (
        state.views.stateOf(member, part.subject) === MemberState.dead &&
        part.incarnation <= state.views.incarnationOf(member, part.subject)
      );
    case MessageType.alive:
      return isKnownLife(state, member, part);
    case MessageType.user:
      return state.delegate?.isKnown?.(member, part.message) === true;
    default:
      return false;
  }
}

function isKnownSuspicion(state: State, member: number, rumor: Rumor): boolean {
  const { subject, incarnation } = rumor;
  if (incarnation > state.views.incarnationOf(member, subject)) return false;
  const known = state.views.stateOf(member, subject);
  if (known === MemberState.dead) return true;
  if (known !== MemberState.suspect) return false;
  return !state.suspicions.expects(member, subject, rumor.from);
}

function isKnownLife(state: State, member: number, rumor: Rumor): boolean {
  const { views } = state;
  const { subject } = rumor;
  if (subject === member) return false;
  const known = views.stateOf(member, subject);
  if (known !== MemberState.alive && known !== MemberState.suspect) return false;
  if (rumor.incarnation > views.incarnationOf(member, subject)) return false;
  return state.members.isSamePlace(views.factOf(member, subject), rumor.fact);
}
