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

/** Rumors of which courses are kept: those of a death's accusers are spread at one time. */
const COURSES = 8;

/**
 * What the ticks that send one rumor have in common until something happens: passing ticks changes
 * none of it.
 */
interface Course {
  rumor: Rumor | undefined;
  /** It holds while the queue's epoch and the version of what is agreed on are these. */
  epoch: number;
  agreedVersion: number;
  /** Whether such ticks are planned. */
  isUsual: boolean;
  /** Draws are made below this. */
  bound: number;
  /** The one receiver that not everybody holds alive, or -1 when each has to be looked at. */
  loneDispute: number;
  sizeBytes: number;
  hasCrc: boolean;
  /** How often it is sent by members whose list has the length `n`. */
  n: number;
  limit: number;
  /** Receivers to whom it is no news, see {@link Views.settledColumnOf}; undefined where nobody is. */
  settled: Uint8Array | undefined;
  mask: number;
  /** Whether it is news to nearly all others. */
  isExact: boolean;
}

/** What a tick would send. */
export class SolePlan {
  /** Whose plan it is, or -1. */
  member = -1;
  course: Course;
  tick = 0;
  limit = 0;
  /** So many packets leave. */
  count = 0;
  readonly targets = new Int32Array(PLANNED_MAX);
  /** Bit i is set when the packet to the target i may be news. */
  flying = 0;
  readonly courses: readonly Course[] = Array.from({ length: COURSES }, newCourse);

  constructor() {
    this.course = this.courses[0]!;
  }
}

/** Plans the member's tick `tick` in `state.plan`; false when it is not of the usual kind. */
export function planSole(state: State, member: number, tick: number): boolean {
  const { plan, broadcasts, views } = state;
  plan.member = -1;
  if ((state.unrest.of(member) & OUT_OF_PLAN) !== 0) return false;
  const number = broadcasts.soleNumberOf(member);
  if (number < 0) return false;
  const course = courseOf(state, member, number);
  if (!course.isUsual || state.rings.isInFirstRound(member)) return false;
  // who spreads news of itself may write it otherwise
  if (course.rumor!.subject === member) return false;
  const { gossipNodes, retransmitMult } = state.config;
  const n = views.knownCountOf(member);
  if (n !== course.n && !isUsualLength(state, n)) return false;
  const count = drawTargets(state, course, member, tick, gossipNodes);
  if (count < 0) return false;
  plan.limit = n === course.n ? course.limit : retransmitLimit(retransmitMult, n);
  plan.count = Math.min(count, broadcasts.soleBudget(member, plan.limit));
  plan.course = course;
  plan.tick = tick;
  plan.flying = newsTo(state, member);
  plan.member = member;
  return true;
}

/** Does what is planned. */
export function carryOutPlan(state: State): void {
  const { plan } = state;
  const { course, member, count } = plan;
  plan.member = -1;
  state.counters.addPacket(member, count * course.sizeBytes, count);
  state.broadcasts.spendSole(member, plan.limit, count);
  if (plan.flying !== 0) flyPlanned(state, member);
}

function flyPlanned(state: State, member: number): void {
  const { course, flying, targets, tick } = state.plan;
  const parts = emptied(state.parts);
  parts.push(course.rumor!);
  for (let i = 0; flying >> i !== 0; i++) {
    if (((flying >> i) & 1) === 0) continue;
    const draw = packetDraw(state, member, PacketPurpose.gossip, tick * TARGETS_MAX + i);
    transmit(state, member, targets[i]!, parts, course.hasCrc, course.sizeBytes, draw);
  }
}

/** The draws of {@link chooseRandom}; how many receivers there are, or -1 where it is not so simple. */
function drawTargets(
  state: State,
  course: Course,
  member: number,
  tick: number,
  gossipNodes: number,
): number {
  const { bound, loneDispute } = course;
  const { targets } = state.plan;
  const key = state.keys.gossip;
  const prefix = drawPrefix(key, member, tick);
  let count = 0;
  for (let draw = 0; count < gossipNodes; draw++) {
    if (draw === DRAWS_MAX) return -1;
    const target =
      bound <= ONE_DRAW_BOUND_MAX
        ? drawBelowAfter(prefix, key, bound, draw)
        : drawBelow(key, bound, member, tick, draw);
    const isHeldAlive = loneDispute < 0 ? state.views.isUndisputed(target) : target !== loneDispute;
    if (!isHeldAlive) return -1;
    if (target === member) continue;
    let i = 0;
    while (i < count && targets[i] !== target) i++;
    if (i === count) targets[count++] = target;
  }
  return count;
}

/** Which of the planned packets fly because they may tell their receivers something, as bits. */
function newsTo(state: State, member: number): number {
  const { course, count, targets } = state.plan;
  const { settled, mask } = course;
  let flying = 0;
  if (settled !== undefined) {
    for (let i = 0; i < count; i++) if ((settled[targets[i]!]! & mask) === 0) flying |= 1 << i;
    if (flying === 0 || course.isExact) return flying;
  } else flying = (1 << count) - 1;
  const parts = emptied(state.parts);
  parts.push(course.rumor!);
  for (let i = 0; i < count; i++) {
    if (((flying >> i) & 1) === 0) continue;
    if (isRedundant(state, member, targets[i]!, parts)) flying ^= 1 << i;
  }
  return flying;
}

/** The course of the rumor with that number, which the member spreads. */
function courseOf(state: State, member: number, number: number): Course {
  const course = state.plan.courses[number % COURSES]!;
  const rumor = state.broadcasts.rumorAt(number);
  const { epoch } = state.world.queue;
  const { agreedVersion } = state.views;
  const isKnown = course.rumor === rumor && course.epoch === epoch;
  if (isKnown && course.agreedVersion === agreedVersion) return course;
  course.rumor = rumor;
  course.epoch = epoch;
  course.agreedVersion = agreedVersion;
  chart(state, member, rumor, course);
  return course;
}

function chart(state: State, member: number, rumor: Rumor, course: Course): void {
  const { config, members, views } = state;
  const n = views.knownCountOf(member);
  const hasRoom = COMPOUND_OVERHEAD + rumor.sizeBytes <= gossipRoom(config);
  course.n = n;
  const isUsual = state.isAlike && members.isOneToOne && hasRoom;
  course.isUsual = isUsual && isUsualLength(state, n);
  if (!course.isUsual) return;
  const parts = emptied(state.parts);
  parts.push(rumor);
  course.bound = members.count;
  course.loneDispute = views.loneDisputeAmong(members.count);
  course.hasCrc = hasCrcFor(state, member, member);
  course.sizeBytes = framedBytes(state, member, parts, false, course.hasCrc);
  course.limit = retransmitLimit(config.retransmitMult, n);
  course.settled = undefined;
  if (rumor.type === MessageType.alive || !canBeRedundant(state)) return;
  const isDeath = rumor.type === MessageType.dead;
  course.settled = views.settledColumnOf(rumor.subject, rumor.incarnation);
  course.mask = views.settledMaskOf(rumor.subject, rumor.from, isDeath);
  course.isExact = views.isSettledExact(rumor.subject, rumor.from, isDeath);
}

/** Whether a list of that length is drawn from as a rule: it has many of all members. */
function isUsualLength(state: State, n: number): boolean {
  const { gossipNodes } = state.config;
  if (n < LIST_MIN || n < 3 * gossipNodes || gossipNodes > PLANNED_MAX) return false;
  return n * SPARSE_RATIO >= state.members.count;
}

function newCourse(): Course {
  return {
    rumor: undefined,
    epoch: -1,
    agreedVersion: -1,
    isUsual: false,
    bound: 0,
    loneDispute: -1,
    sizeBytes: 0,
    hasCrc: false,
    n: 0,
    limit: 0,
    settled: undefined,
    mask: 0,
    isExact: false,
  };
}
