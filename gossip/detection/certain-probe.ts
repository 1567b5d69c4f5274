/**
 * Probes that must succeed. When both ends run, the prober is healthy, and neither ping nor ack will
 * be lost or late, the ack will come, and the prober need not wait for it: it has no timers. What
 * neither ping nor ack have to tell does not fly either: two members at rest are counted at once,
 * which takes about a twentieth of the two packets and four events of the literal form.
 *
 * What is certain when the ping leaves can change before the ack is back. Whoever pauses, stops or
 * changes the network calls {@link revealProbes} first, and what is under way becomes what it would
 * have been: a packet in flight and a prober that waits. Whoever gets something to spread calls
 * {@link tellProbes}, because a ping that arrives after that is answered with it.
 */
import type { SwimConfig } from '../constants.ts';
import { Counter } from '../counters.ts';
import { MemberState } from '../members/entries.ts';
import { Reason } from '../members/unrest.ts';
import { ackBytes, type Control, makeAck, makePing, pingBytes } from '../message.ts';
import type { State } from '../state.ts';
import { mayShrinkPings, packetContentBytes } from '../transport/compression.ts';
import {
  fillControl,
  framedBytes,
  framedBytesOf,
  launch,
  PacketPurpose,
  packetDraw,
} from '../transport/packet.ts';
import { isFarFromSpent, quietBytesOf, spendRider } from '../transport/quiet.ts';
import { isRedundant } from '../transport/redundant.ts';
import { LOST } from '../underlay.ts';
import { CertainPhase, type CertainProbe } from './certain-probes.ts';
import { openProbe } from './probes.ts';

/** With larger packets a compound may be more than one. */
const BUFFER_BYTES_MAX = 4096;
/** Every member. */
const ALL = -1;
/** No member. */
const NOBODY = -1;

/**
 * Probes at once where neither ping nor ack tell anything new, between healthy members; false when
 * that is not certain.
 */
export function probeSilently(state: State, member: number, target: number, atNs: number): boolean {
  // the health of the target is its own affair
  const reasons = state.unrest.of(target) & ~Reason.unhealthy;
  if ((reasons & ~Reason.broadcasts) !== 0 || !state.members.isOneToOne) return false;
  const seqNo = state.seqNos[member]! + 1;
  const delayNs = certainDelayNs(state, member, target, seqNo);
  if (delayNs < 0) return false;
  const isRiding = reasons !== 0;
  if (isRiding && !canRide(state, target, atNs, delayNs)) return false;
  const pingSizeBytes = quietPingBytes(state, member, target, seqNo);
  const ackSizeBytes = quietBytesOf(state, target, member, ackBytes(seqNo));
  if (pingSizeBytes < 0 || ackSizeBytes < 0) return false;
  state.seqNos[member] = seqNo;
  spendRider(state, member);
  spendRider(state, target);
  const phase = isRiding ? CertainPhase.riding : CertainPhase.silent;
  addSilent(state, phase, member, target, atNs, delayNs, pingSizeBytes, ackSizeBytes);
  return true;
}

/**
 * Whether what the target of a probe spreads can ride on its ack before the ack is due: nobody else's
 * ack has it at the same time, and what it sends until then leaves the same packets to be sent.
 */
function canRide(state: State, target: number, atNs: number, delayNs: number): boolean {
  if (state.certain.mayConcern(target)) return false;
  return isFarFromSpent(state, target, atNs, atNs + delayNs);
}

/** Probes if the ack is certain to come; false when the probe has to wait for it. */
export function probeIfCertain(
  state: State,
  member: number,
  target: number,
  nowNs: number,
): boolean {
  if (!state.passesProbes) return false;
  const { members, views } = state;
  if (!members.isRunning(member) || !members.isRunning(target)) return false;
  if (state.awareness.scoreOf(member) !== 0) return false;
  if (views.stateOf(member, target) !== MemberState.alive) return false;
  if (state.residentFor(member, target) !== target) return false;
  if (members.successorOf(member) !== member) return false;
  const seqNo = state.seqNos[member]! + 1;
  const delayNs = certainDelayNs(state, member, target, seqNo);
  if (delayNs < 0) return false;
  state.seqNos[member] = seqNo;
  let sizeBytes = quietPingBytes(state, member, target, seqNo);
  if (sizeBytes >= 0) spendRider(state, member);
  else {
    const { parts } = state;
    const ping = makePing(members, member, target, seqNo);
    fillControl(state, member, ping, parts);
    sizeBytes = framedBytes(state, member, parts, parts.length > 1, false);
    if (!isRedundant(state, member, target, parts, 1)) {
      ping.certain = addPing(
        state,
        CertainPhase.pinging,
        member,
        target,
        nowNs,
        delayNs,
        sizeBytes,
      );
      const arrivalNs = pingArrivalNs(state, member, target, seqNo, sizeBytes, nowNs);
      launch(state, member, target, parts, sizeBytes, arrivalNs);
      return true;
    }
  }
  if (state.hasBroadcasts(target)) {
    tellProbes(state, target, NOBODY);
    const index = addPing(state, CertainPhase.asking, member, target, nowNs, delayNs, sizeBytes);
    ask(state, index, pingArrivalNs(state, member, target, seqNo, sizeBytes, nowNs));
  } else {
    const ackSizeBytes = framedBytesOf(state, target, ackBytes(seqNo));
    const phase = CertainPhase.silent;
    addSilent(state, phase, member, target, nowNs, delayNs, sizeBytes, ackSizeBytes);
  }
  return true;
}

/** A ping that does not fly is there: the target answers with what it has to tell. */
export function onAsked(state: State, index: number): void {
  const { certain } = state;
  if (certain.phaseOf(index) !== CertainPhase.asking) return;
  answer(state, index, certain.targetOf(index), certain.proberOf(index), certain.seqNoOf(index));
}

/** Answers the ping of a certain probe; false when the probe is not certain any more. */
export function answerCertainly(state: State, member: number, to: number, ping: Control): boolean {
  const { certain } = state;
  if (ping.certain < 0 || certain.phaseOf(ping.certain) !== CertainPhase.pinging) return false;
  answer(state, ping.certain, member, to, ping.seqNo);
  return true;
}

function answer(state: State, index: number, member: number, to: number, seqNo: number): void {
  const { certain, counters, nowNs, parts } = state;
  const quietBytes = quietBytesOf(state, member, to, ackBytes(seqNo));
  if (quietBytes >= 0) {
    spendRider(state, member);
    counters.addPacket(member, quietBytes);
    certain.answer(index, false, nowNs, quietBytes);
    return;
  }
  fillControl(state, member, makeAck(seqNo), parts);
  const sizeBytes = framedBytes(state, member, parts, parts.length > 1, false);
  counters.addPacket(member, sizeBytes);
  const flies = !isRedundant(state, member, to, parts, 1);
  certain.answer(index, flies, nowNs, sizeBytes);
  if (!flies) return;
  const arrivalNs = ackArrivalNs(state, to, member, seqNo, sizeBytes, nowNs);
  launch(state, member, to, parts, sizeBytes, arrivalNs);
}

/** Makes waiting probes of the certain ones of and to a member that are under way; -1 for all. */
export function revealProbes(state: State, member: number): void {
  state.probeTickers.endRest();
  if (member !== ALL && !state.certain.mayConcern(member)) return;
  for (const probe of state.certain.of(member, state.nowNs)) reveal(state, probe);
}

/**
 * The member is about to get something to spread, and to change its view of `subject`: pings under
 * way to it will be answered with it, and a probe of the subject has been with the old view.
 */
export function tellProbes(state: State, member: number, subject: number): void {
  state.probeTickers.endRest();
  if (!state.certain.mayConcern(member)) return;
  for (const probe of state.certain.of(member, state.nowNs)) {
    if (probe.prober === member) {
      if (probe.target === subject) reveal(state, probe);
    } else if (isSilent(probe)) unsilence(state, probe);
  }
}

/** Adds a probe whose ping leaves now, with its number; returns its index. */
function addPing(
  state: State,
  phase: CertainPhase,
  member: number,
  target: number,
  nowNs: number,
  delayNs: number,
  sizeBytes: number,
): number {
  state.counters.add(member, Counter.probes);
  state.counters.addPacket(member, sizeBytes);
  const untilNs = nowNs + 2 * delayNs + 1;
  const seqNo = state.seqNos[member]!;
  return state.certain.add(phase, member, target, seqNo, nowNs, untilNs, sizeBytes, 0);
}

function addSilent(
  state: State,
  phase: CertainPhase,
  member: number,
  target: number,
  atNs: number,
  delayNs: number,
  pingSizeBytes: number,
  ackSizeBytes: number,
): void {
  const { counters, certain } = state;
  const seqNo = state.seqNos[member]!;
  counters.add(member, Counter.probes);
  counters.addPacket(member, pingSizeBytes);
  counters.noteAck(target, ackSizeBytes);
  const untilNs = atNs + 2 * delayNs + 1;
  certain.add(phase, member, target, seqNo, atNs, untilNs, pingSizeBytes, ackSizeBytes);
}

function isSilent(probe: CertainProbe): boolean {
  return probe.phase === CertainPhase.silent || probe.phase === CertainPhase.riding;
}

function ask(state: State, index: number, arrivalNs: number): void {
  state.world.queue.schedule(arrivalNs, state.kinds.asked, index);
}

/**
 * The bound of the delay between the two if ping and ack with that number are sure to arrive, in time;
 * otherwise -1.
 */
function certainDelayNs(state: State, member: number, target: number, seqNo: number): number {
  const { underlay } = state;
  if (state.configOf(target).udpBufferBytes > BUFFER_BYTES_MAX) return -1;
  let delayNs = underlay.plainDelayNsMax(member, target);
  if (delayNs < 0 && bothArrive(state, member, target, seqNo)) delayNs = underlay.delayNsMax;
  return delayNs >= 0 && certainSpanNs(state.configOf(member), delayNs) >= 0 ? delayNs : -1;
}

/** How long a probe takes at most that is certain if no delay is longer than that; -1 for none. */
export function certainSpanNs(config: SwimConfig, delayNs: number): number {
  const { probeTimeoutNs, probeIntervalNs, udpBufferBytes } = config;
  const isInTime = 2 * delayNs < probeTimeoutNs && 2 * delayNs < probeIntervalNs;
  return isInTime && udpBufferBytes <= BUFFER_BYTES_MAX ? 2 * delayNs + 1 : -1;
}

/** Whether neither ping nor ack will be lost, where that can be told before they are made. */
function bothArrive(state: State, member: number, target: number, seqNo: number): boolean {
  const { nowNs } = state;
  if (state.underlay.delayNsMax < 0) return false;
  if (pingArrivalNs(state, member, target, seqNo, 0, nowNs) === LOST) return false;
  return ackArrivalNs(state, member, target, seqNo, 0, nowNs) !== LOST;
}

/** What was not flown flies, and the prober waits. */
function reveal(state: State, probe: CertainProbe): void {
  const { nowNs } = state;
  const { prober, target, seqNo } = probe;
  let isUnderWay = true;
  if (isSilent(probe)) isUnderWay = fly(state, probe);
  else if (probe.phase === CertainPhase.asking) flyPing(state, probe, arrivalOf(state, probe));
  else if (probe.phase !== CertainPhase.pinging) {
    const { ackSizeBytes, ackedAtNs } = probe;
    const backNs = ackArrivalNs(state, prober, target, seqNo, ackSizeBytes, ackedAtNs);
    isUnderWay = backNs > nowNs;
    if (isUnderWay && probe.phase === CertainPhase.acked) flyAck(state, probe, backNs);
  }
  state.certain.become(probe.index, CertainPhase.over);
  if (!isUnderWay) return;
  state.probeTickers.disarm(prober);
  openProbe(state, prober, target, seqNo, probe.sentAtNs);
}

/** What the target of a silent probe gets to tell rides on its ack, if the ping has not arrived. */
function unsilence(state: State, probe: CertainProbe): void {
  const arrivalNs = arrivalOf(state, probe);
  if (arrivalNs <= state.nowNs) return;
  state.certain.become(probe.index, CertainPhase.asking);
  uncountAck(state, probe);
  ask(state, probe.index, arrivalNs);
}

/** Launches what is under way of a silent probe; false when its ack is back. */
function fly(state: State, probe: CertainProbe): boolean {
  const { prober, target, seqNo, ackSizeBytes } = probe;
  const arrivalNs = arrivalOf(state, probe);
  if (arrivalNs > state.nowNs) {
    uncountAck(state, probe);
    flyPing(state, probe, arrivalNs);
    return true;
  }
  const backNs = ackArrivalNs(state, prober, target, seqNo, ackSizeBytes, arrivalNs);
  if (backNs <= state.nowNs) return false;
  flyAck(state, probe, backNs);
  return true;
}

function uncountAck(state: State, { phase, target, ackSizeBytes }: CertainProbe): void {
  state.counters.addPacket(target, -ackSizeBytes, -1);
  if (phase === CertainPhase.riding) state.broadcasts.unspendSole(target);
}

function flyPing(state: State, probe: CertainProbe, arrivalNs: number): void {
  const { prober, target, seqNo, pingSizeBytes } = probe;
  const ping = makePing(state.members, prober, target, seqNo);
  launch(state, prober, target, [ping], pingSizeBytes, arrivalNs);
}

function flyAck(state: State, probe: CertainProbe, backNs: number): void {
  const { prober, target, seqNo, ackSizeBytes } = probe;
  launch(state, target, prober, [makeAck(seqNo)], ackSizeBytes, backNs);
}

function arrivalOf(state: State, probe: CertainProbe): number {
  const { prober, target, seqNo, pingSizeBytes, sentAtNs } = probe;
  return pingArrivalNs(state, prober, target, seqNo, pingSizeBytes, sentAtNs);
}

function pingArrivalNs(
  state: State,
  prober: number,
  target: number,
  seqNo: number,
  sizeBytes: number,
  sentAtNs: number,
): number {
  const draw = packetDraw(state, prober, PacketPurpose.ping, seqNo);
  return state.underlay.datagramArrivalNs(prober, target, sizeBytes, sentAtNs, draw);
}

function ackArrivalNs(
  state: State,
  prober: number,
  target: number,
  seqNo: number,
  sizeBytes: number,
  sentAtNs: number,
): number {
  const draw = packetDraw(state, target, PacketPurpose.ack, ackNumberOf(prober, seqNo));
  return state.underlay.datagramArrivalNs(target, prober, sizeBytes, sentAtNs, draw);
}

/** {@link quietBytesOf} of a ping. */
function quietPingBytes(state: State, member: number, target: number, seqNo: number): number {
  const { members } = state;
  let bytes = pingBytes(members, member, target, seqNo);
  if (mayShrinkPings(state, member) && !state.hasBroadcasts(member)) {
    bytes = packetContentBytes(state, member, [makePing(members, member, target, seqNo)], bytes);
  }
  return quietBytesOf(state, member, target, bytes);
}

/** Numbers an answer: two askers may use one sequence number. */
export function ackNumberOf(asker: number, seqNo: number): number {
  return (Math.imul(asker, 0x9e3779b1) ^ seqNo) >>> 0;
}
