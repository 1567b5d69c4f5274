/**
 * Gossip ticks of members with one broadcast, where all members have one configuration: nearly all
 * ticks while a rumor spreads. What such a tick sends is *planned* without doing anything, by looks
 * at two bytes for each receiver, so that a tick that tells nobody anything new can be passed in the
 * sweep, and one that does can be carried out when the clock stands there.
 *
 * A plan makes the draws of {@link chooseRandom} and leaves to it what is rare: short lists, members
 * whose lists are not stored with the others', receivers that not everybody holds alive.
 */
import { drawBelow, drawBelowAfter, drawPrefix, ONE_DRAW_BOUND_MAX } from '../../sim/chance.ts';
import { MessageType } from '../../wire/memberlist/message.ts';
import { COMPOUND_OVERHEAD } from '../constants.ts';
import { retransmitLimit } from '../formulas.ts';
import { SPARSE_RATIO } from '../members/selection.ts';
import { Reason } from '../members/unrest.ts';
import type { Rumor } from '../message.ts';
import { emptied } from '../scratch.ts';
import type { State } from '../state.ts';
import {
  framedBytes,
  gossipRoom,
  hasCrcFor,
  PacketPurpose,
  packetDraw,
  transmit,
} from '../transport/packet.ts';
import { canBeRedundant, isRedundant } from '../transport/redundant.ts';

/** More members than anybody gossips to in one tick: numbers the packets of a tick. */
export const TARGETS_MAX = 256;
/** More receivers than these are not planned. */
const PLANNED_MAX = 8;
/** Shorter lists are not planned: many draws may be in vain. */
const LIST_MIN = 16;
/** After so many draws in vain, too. */
const DRAWS_MAX = 16;
/** With these a tick is not planned. */
const OUT_OF_PLAN = Reason.notRunning | Reason.delegate | Reason.ownView | Reason.ownConfig;

/** What a tick would send. */
export class SolePlan {
  /** Whose plan it is, or -1. */
  member = -1;
  rumor!: Rumor;
  tick = 0;
  limit = 0;
  /** So many packets leave. */
  count = 0;
  readonly targets = new Int32Array(PLANNED_MAX);
  /** Bit i is set when the packet to the target i may be news. */
  flying = 0;
}

/** Plans the member's tick `tick` in `state.plan`; false when it is not of the usual kind. */
export function planSole(state: State, member: number, tick: number): boolean {
  const { plan, config, members, views, rings } = state;
  plan.member = -1;
  if ((state.unrest.of(member) & OUT_OF_PLAN) !== 0 || !state.isAlike) return false;
  const rumor = state.broadcasts.soleOf(member);
  if (rumor === undefined || !members.isOneToOne) return false;
  const n = views.knownCountOf(member);
  const bound = members.count;
  const { gossipNodes } = config;
  if (n < LIST_MIN || n < 3 * gossipNodes || gossipNodes > PLANNED_MAX) return false;
  if (n * SPARSE_RATIO < bound) return false;
  if (rings.isInFirstRound(member)) return false;
  if (COMPOUND_OVERHEAD + rumor.sizeBytes > gossipRoom(config)) return false;
  const { targets } = plan;
  const loneDispute = views.loneDisputeAmong(bound);
  const key = state.keys.gossip;
  const prefix = drawPrefix(key, member, tick);
  const isOneDraw = bound <= ONE_DRAW_BOUND_MAX;
  let count = 0;
  for (let draw = 0; count < gossipNodes; draw++) {
    if (draw === DRAWS_MAX) return false;
    const target = isOneDraw
      ? drawBelowAfter(prefix, key, bound, draw)
      : drawBelow(key, bound, member, tick, draw);
    const isHeldAlive = loneDispute < 0 ? views.isUndisputed(target) : target !== loneDispute;
    if (!isHeldAlive) return false;
    if (target === member) continue;
    let i = 0;
    while (i < count && targets[i] !== target) i++;
    if (i < count) continue;
    targets[count++] = target;
  }
  plan.limit = retransmitLimit(config.retransmitMult, n);
  plan.count = Math.min(count, state.broadcasts.soleBudget(member, plan.limit));
  plan.rumor = rumor;
  plan.tick = tick;
  plan.flying = newsTo(state, member, rumor);
  plan.member = member;
  return true;
}

/** Does what is planned. */
export function carryOutPlan(state: State): void {
  const { plan, broadcasts } = state;
  const { member, rumor, tick, count, targets } = plan;
  plan.member = -1;
  const parts = emptied(state.parts);
  parts.push(rumor);
  const hasCrc = hasCrcFor(state, member, member);
  const sizeBytes = framedBytes(state, member, parts, false, hasCrc);
  state.counters.addPacket(member, count * sizeBytes, count);
  broadcasts.spendSole(member, plan.limit, count);
  for (let i = 0; plan.flying >> i !== 0; i++) {
    if (((plan.flying >> i) & 1) === 0) continue;
    const draw = packetDraw(state, member, PacketPurpose.gossip, tick * TARGETS_MAX + i);
    transmit(state, member, targets[i]!, parts, hasCrc, sizeBytes, draw);
  }
}

/** Which of the planned packets fly because they may tell their receivers something, as bits. */
function newsTo(state: State, member: number, rumor: Rumor): number {
  const { plan, views } = state;
  const { count, targets } = plan;
  const isSettling = rumor.type !== MessageType.alive && canBeRedundant(state);
  const settled = isSettling ? views.settledColumnOf(rumor.subject, rumor.incarnation) : undefined;
  let flying = 0;
  if (settled !== undefined) {
    const isDeath = rumor.type === MessageType.dead;
    const mask = views.settledMaskOf(rumor.subject, rumor.from, isDeath);
    for (let i = 0; i < count; i++) if ((settled[targets[i]!]! & mask) === 0) flying |= 1 << i;
    if (flying === 0 || views.isSettledExact(rumor.subject, rumor.from, isDeath)) return flying;
  } else flying = (1 << count) - 1;
  const parts = emptied(state.parts);
  parts.push(rumor);
  for (let i = 0; i < count; i++) {
    if (((flying >> i) & 1) === 0) continue;
    if (isRedundant(state, member, targets[i]!, parts)) flying ^= 1 << i;
  }
  return flying;
}
