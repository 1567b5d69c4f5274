/**
 * The gossip ticker (memberlist `state.go` `gossip`): every interval, up to `gossipNodes` random
 * members get a packet each of what waits in the queue.
 *
 * The phase of the ticks is the process's start. An empty queue makes a tick without effect, so with
 * shortcuts there is an event only while something waits.
 */
import { NO_EVENT } from '../sim/event-queue.ts';
import { COMPOUND_HEADER_OVERHEAD, COMPOUND_OVERHEAD } from './constants.ts';
import { nextTickAfter, retransmitLimit } from './formulas.ts';
import { chooseRandom, Purpose } from './members/selection.ts';
import { Reason } from './members/unrest.ts';
import type { Rumor } from './message.ts';
import { emptied } from './scratch.ts';
import type { State } from './state.ts';
import {
  encryptOverhead,
  framedBytes,
  hasCrcFor,
  labelOverhead,
  PacketPurpose,
  packetDraw,
  sendParts,
  takeBroadcasts,
  transmit,
} from './transport/packet.ts';
import { runTimer } from './transport/process.ts';
import { isRedundant } from './transport/redundant.ts';

/** More members than anybody gossips to in one tick: numbers the packets of a tick. */
const TARGETS_MAX = 256;

/** Schedules the next tick unless it is scheduled, or nothing is gossiped at all. */
export function armGossip(state: State, member: number): void {
  if (state.gossipTickHandles[member] !== NO_EVENT) return;
  const { gossipIntervalNs, gossipNodes } = state.configOf(member);
  if (gossipIntervalNs <= 0 || gossipNodes <= 0) return;
  const atNs = nextTickAfter(state.gossipTickerAtNs[member]!, gossipIntervalNs, state.nowNs);
  const handle = state.world.queue.schedule(atNs, state.kinds.gossipTick, member);
  state.gossipTickHandles[member] = handle;
}

/**
 * Whether a tick with nothing to send is executed all the same. While a process does not run at once,
 * a tick that is due waits among its other timers, and those before it may leave it something.
 */
export function ticksAlways(state: State, member: number): boolean {
  return !state.shortcuts || !state.members.isRunning(member);
}

/** A tick is due. */
export function onGossipTick(state: State, member: number): void {
  if (state.members.isRunning(member)) tick(state, member, state.nowNs);
  else runTimer(state, member, (nowNs) => tick(state, member, nowNs));
}

function tick(state: State, member: number, nowNs: number): void {
  state.gossipTickHandles[member] = NO_EVENT;
  gossip(state, member, nowNs);
  if (ticksAlways(state, member) || state.hasBroadcasts(member)) armGossip(state, member);
}

function gossip(state: State, member: number, nowNs: number): void {
  if (!state.hasBroadcasts(member)) return;
  const config = state.configOf(member);
  const tick = Math.floor((nowNs - state.gossipTickerAtNs[member]!) / config.gossipIntervalNs);
  const { broadcasts, chosen, parts } = state;
  const choice = {
    purpose: Purpose.gossip,
    key: state.keys.gossip,
    coordinate: tick,
    isExhaustive: config.memberlist.choosesExhaustively,
    target: -1,
    deadBeforeNs: nowNs - config.gossipToTheDeadTimeNs,
  };
  if (chooseRandom(state, member, config.gossipNodes, choice, chosen) === 0) return;
  const encryptBytes = config.hasKeyring ? encryptOverhead(config) : 0;
  const limitBytes =
    config.udpBufferBytes - COMPOUND_HEADER_OVERHEAD - labelOverhead(config) - encryptBytes;
  const sole = broadcasts.soleOf(member);
  const isSole = sole !== undefined && !state.unrest.has(member, Reason.delegate);
  if (isSole && state.isAlike && COMPOUND_OVERHEAD + sole.sizeBytes <= limitBytes) {
    gossipSole(state, member, sole, tick);
    return;
  }
  for (let i = 0; i < chosen.length; i++) {
    emptied(parts);
    takeBroadcasts(state, member, limitBytes, parts);
    if (parts.length === 0) return;
    const to = chosen[i]!;
    const number = tick * TARGETS_MAX + i;
    const resident = state.residentFor(member, to);
    sendParts(state, member, resident, parts, hasCrcFor(state, to), PacketPurpose.gossip, number);
  }
}

/** Sends the one broadcast to those chosen, where all members have one configuration. */
function gossipSole(state: State, member: number, rumor: Rumor, tick: number): void {
  const { broadcasts, chosen, config, views } = state;
  const parts = emptied(state.parts);
  parts.push(rumor);
  const limit = retransmitLimit(config.retransmitMult, views.knownCountOf(member));
  const count = Math.min(chosen.length, broadcasts.soleBudget(member, limit));
  const hasCrc = hasCrcFor(state, member);
  const sizeBytes = framedBytes(state, member, parts, false, hasCrc);
  for (let i = 0; i < count; i++) {
    const to = state.residentFor(member, chosen[i]!);
    if (isRedundant(state, member, to, parts)) continue;
    const draw = packetDraw(state, member, PacketPurpose.gossip, tick * TARGETS_MAX + i);
    transmit(state, member, to, parts, hasCrc, sizeBytes, draw);
  }
  state.counters.addPacket(member, count * sizeBytes, count);
  broadcasts.spendSole(member, limit, count);
}
