/**
 * The gossip ticker (memberlist `state.go` `gossip`): every interval, up to `gossipNodes` random
 * members get a packet each of what waits in the queue.
 *
 * The phase of the ticks is the process's start. An empty queue makes a tick without effect, so with
 * shortcuts a member waits for one only while it has something to spread.
 */
import { dealTickers } from '../deal-tickers.ts';
import { chooseRandom, Purpose } from '../members/selection.ts';
import { emptied } from '../scratch.ts';
import type { State } from '../state.ts';
import {
  gossipRoom,
  hasCrcFor,
  PacketPurpose,
  sendParts,
  takeBroadcasts,
} from '../transport/packet.ts';
import { runTimer } from '../transport/process.ts';
import { carryOutPlan, planSole, TARGETS_MAX } from './sole-gossip.ts';

/** Waits for the next tick unless that is so already, or nothing is gossiped at all. */
export function armGossip(state: State, member: number): void {
  if (state.gossipTickers.isArmed(member)) return;
  const { gossipIntervalNs, gossipNodes } = state.configOf(member);
  if (gossipIntervalNs <= 0 || gossipNodes <= 0) return;
  state.gossipTickers.arm(member, gossipIntervalNs, state.nowNs);
}

/**
 * Whether a tick with nothing to send is executed all the same. While a process does not run at once,
 * a tick that is due waits among its other timers, and those before it may leave it something.
 */
export function ticksAlways(state: State, member: number): boolean {
  return !state.shortcuts || !state.members.isRunning(member);
}

/** A tick is due that was queued. */
export function onGossipTick(state: State, member: number): void {
  state.gossipTickers.onQueued(member);
  if (state.gossipTickers.wantsDeal) dealTickers(state);
  tickOrWait(state, member);
}

/** A tick is due that was swept and not passed. */
export function onSweptGossipTick(state: State, member: number): void {
  if (state.plan.member === member) {
    carryOutPlan(state);
    if (state.hasBroadcasts(member)) armGossip(state, member);
  } else tickOrWait(state, member);
}

/**
 * Does what is due at a swept tick if that tells nobody anything new; otherwise it is planned for
 * {@link onSweptGossipTick}, or left to it.
 */
export function passGossipTick(state: State, member: number, atNs: number): boolean {
  const tick = state.gossipTickers.numberAt(member, state.config.gossipIntervalNs, atNs);
  if (!planSole(state, member, tick) || state.plan.flying !== 0) return false;
  if (state.onDatagram !== undefined) return false;
  carryOutPlan(state);
  if (!state.hasBroadcasts(member)) state.gossipTickers.disarm(member);
  return true;
}

function tickOrWait(state: State, member: number): void {
  if (state.members.isRunning(member)) tick(state, member, state.nowNs);
  else runTimer(state, member, (nowNs) => tick(state, member, nowNs));
}

function tick(state: State, member: number, nowNs: number): void {
  gossip(state, member, nowNs);
  if (ticksAlways(state, member) || state.hasBroadcasts(member)) armGossip(state, member);
}

function gossip(state: State, member: number, nowNs: number): void {
  if (!state.hasBroadcasts(member)) return;
  const config = state.configOf(member);
  const tick = state.gossipTickers.numberAt(member, config.gossipIntervalNs, nowNs);
  if (planSole(state, member, tick)) {
    carryOutPlan(state);
    return;
  }
  const { chosen, parts } = state;
  const choice = {
    purpose: Purpose.gossip,
    key: state.keys.gossip,
    coordinate: tick,
    isExhaustive: config.memberlist.choosesExhaustively,
    target: -1,
    deadBeforeNs: nowNs - config.gossipToTheDeadTimeNs,
  };
  if (chooseRandom(state, member, config.gossipNodes, choice, chosen) === 0) return;
  const limitBytes = gossipRoom(config);
  for (let i = 0; i < chosen.length; i++) {
    emptied(parts);
    takeBroadcasts(state, member, limitBytes, parts);
    if (parts.length === 0) return;
    const to = chosen[i]!;
    const number = tick * TARGETS_MAX + i;
    const resident = state.residentFor(member, to);
    const hasCrc = hasCrcFor(state, member, to);
    sendParts(state, member, resident, parts, hasCrc, PacketPurpose.gossip, number);
  }
}
