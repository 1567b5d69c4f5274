/**
 * Probes that must succeed. When both ends run, the prober is healthy, and no packet between them can
 * be lost or late, the ack will come, and the prober need not wait for it: it has no timers. What
 * neither ping nor ack have to tell does not fly either: two members at rest are counted at once,
 * which takes about a twentieth of the two packets and four events of the literal form.
 *
 * What is certain when the ping leaves can change before the ack is back. Whoever pauses, stops or
 * changes the network calls {@link revealProbes} first, and what is under way becomes what it would
 * have been: a packet in flight and a prober that waits. Whoever gets something to spread calls
 * {@link tellProbes}, because a ping that arrives after that is answered with it.
 */
import { Counter } from '../counters.ts';
import { MemberState } from '../members/views.ts';
import { ackBytes, type Control, makeAck, makePing, pingBytes } from '../message.ts';
import type { State } from '../state.ts';
import { packetContentBytes } from '../transport/compression.ts';
import {
  fillControl,
  framedBytes,
  framedBytesOf,
  launch,
  PacketPurpose,
  packetDraw,
} from '../transport/packet.ts';
import { isRedundant } from '../transport/redundant.ts';
import { CertainPhase, type CertainProbe } from './certain-probes.ts';
import { openProbe } from './probes.ts';

/** With larger packets a compound may be more than one. */
const BUFFER_BYTES_MAX = 4096;
/** Every member. */
const ALL = -1;

/** Probes at once, between two members at rest; false when that is not certain. */
export function probeSilently(state: State, member: number, target: number, atNs: number): boolean {
  if (state.unrest.of(target) !== 0 || !state.members.isOneToOne) return false;
  const delayNs = certainDelayNs(state, member, target);
  if (delayNs < 0) return false;
  const seqNo = ++state.seqNos[member]!;
  const pingSizeBytes = framedPingBytes(state, member, target, seqNo);
  addSilent(state, member, target, seqNo, atNs, delayNs, pingSizeBytes);
  return true;
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
  const delayNs = certainDelayNs(state, member, target);
  if (delayNs < 0) return false;
  const seqNo = ++state.seqNos[member]!;
  if (!state.hasBroadcasts(member) && !state.hasBroadcasts(target)) {
    const pingSizeBytes = framedPingBytes(state, member, target, seqNo);
    addSilent(state, member, target, seqNo, nowNs, delayNs, pingSizeBytes);
    return true;
  }
  const { parts } = state;
  const ping = makePing(members, member, target, seqNo);
  fillControl(state, member, ping, parts);
  const sizeBytes = framedBytes(state, member, parts, parts.length > 1, false);
  if (!state.hasBroadcasts(target) && isRedundant(state, member, target, parts, 1)) {
    addSilent(state, member, target, seqNo, nowNs, delayNs, sizeBytes);
    return true;
  }
  state.counters.add(member, Counter.probes);
  state.counters.addPacket(member, sizeBytes);
  const untilNs = nowNs + 2 * delayNs + 1;
  const phase = CertainPhase.pinging;
  ping.certain = state.certain.add(phase, member, target, seqNo, nowNs, untilNs, sizeBytes, 0);
  const draw = packetDraw(state, member, PacketPurpose.ping, seqNo);
  const arrivalNs = state.underlay.datagramArrivalNs(member, target, sizeBytes, nowNs, draw);
  launch(state, member, target, parts, sizeBytes, arrivalNs);
  return true;
}

/** Answers the ping of a certain probe; false when the probe is not certain any more. */
export function answerCertainly(state: State, member: number, to: number, ping: Control): boolean {
  const { certain, parts } = state;
  if (ping.certain < 0 || certain.phaseOf(ping.certain) !== CertainPhase.pinging) return false;
  fillControl(state, member, makeAck(ping.seqNo), parts);
  const sizeBytes = framedBytes(state, member, parts, parts.length > 1, false);
  state.counters.addPacket(member, sizeBytes);
  const flies = !isRedundant(state, member, to, parts, 1);
  certain.answer(ping.certain, flies, state.nowNs, sizeBytes);
  if (!flies) return true;
  const arrivalNs = ackArrivalNs(state, to, member, ping.seqNo, sizeBytes, state.nowNs);
  launch(state, member, to, parts, sizeBytes, arrivalNs);
  return true;
}

/** Makes waiting probes of the certain ones of and to a member that are under way; -1 for all. */
export function revealProbes(state: State, member: number): void {
  if (member !== ALL && !state.certain.mayConcern(member)) return;
  for (const probe of state.certain.of(member, state.nowNs)) reveal(state, probe);
}

/**
 * The member is about to get something to spread, and to change its view of `subject`: pings under
 * way to it will be answered with it, and a probe of the subject has been with the old view.
 */
export function tellProbes(state: State, member: number, subject: number): void {
  if (!state.certain.mayConcern(member)) return;
  const hadBroadcasts = state.hasBroadcasts(member);
  for (const probe of state.certain.of(member, state.nowNs)) {
    if (probe.prober === member) {
      if (probe.target === subject) reveal(state, probe);
    } else if (!hadBroadcasts && probe.phase === CertainPhase.silent) unsilence(state, probe);
  }
}

function addSilent(
  state: State,
  member: number,
  target: number,
  seqNo: number,
  atNs: number,
  delayNs: number,
  pingSizeBytes: number,
): void {
  const { counters, certain } = state;
  const ackSizeBytes = framedBytesOf(state, target, ackBytes(seqNo));
  counters.add(member, Counter.probes);
  counters.addPacket(member, pingSizeBytes);
  counters.addPacket(target, ackSizeBytes);
  const untilNs = atNs + 2 * delayNs + 1;
  const phase = CertainPhase.silent;
  certain.add(phase, member, target, seqNo, atNs, untilNs, pingSizeBytes, ackSizeBytes);
}

/** The bound of the delay between the two if both ways are sure and in time; otherwise -1. */
function certainDelayNs(state: State, member: number, target: number): number {
  const delayNs = state.underlay.plainDelayNsMax(member, target);
  const { probeTimeoutNs, probeIntervalNs, udpBufferBytes } = state.configOf(member);
  if (Math.max(udpBufferBytes, state.configOf(target).udpBufferBytes) > BUFFER_BYTES_MAX) return -1;
  return 2 * delayNs < probeTimeoutNs && 2 * delayNs < probeIntervalNs ? delayNs : -1;
}

/** What was not flown flies, and the prober waits. */
function reveal(state: State, probe: CertainProbe): void {
  const { nowNs } = state;
  const { prober, target, seqNo } = probe;
  let isUnderWay = true;
  if (probe.phase === CertainPhase.silent) isUnderWay = fly(state, probe, -1);
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

/** The ping of a silent probe flies, if it has not arrived: there will be more in the ack. */
function unsilence(state: State, probe: CertainProbe): void {
  const arrivalNs = pingArrivalNs(state, probe);
  if (arrivalNs <= state.nowNs) return;
  state.certain.become(probe.index, CertainPhase.pinging);
  flyPing(state, probe, arrivalNs, probe.index);
}

/** Launches what is under way of a silent probe; false when its ack is back. */
function fly(state: State, probe: CertainProbe, certain: number): boolean {
  const { prober, target, seqNo, ackSizeBytes } = probe;
  const arrivalNs = pingArrivalNs(state, probe);
  if (arrivalNs > state.nowNs) {
    flyPing(state, probe, arrivalNs, certain);
    return true;
  }
  const backNs = ackArrivalNs(state, prober, target, seqNo, ackSizeBytes, arrivalNs);
  if (backNs <= state.nowNs) return false;
  flyAck(state, probe, backNs);
  return true;
}

function flyPing(state: State, probe: CertainProbe, arrivalNs: number, certain: number): void {
  const { prober, target, seqNo, pingSizeBytes, ackSizeBytes } = probe;
  state.counters.addPacket(target, -ackSizeBytes, -1);
  const ping = makePing(state.members, prober, target, seqNo);
  ping.certain = certain;
  launch(state, prober, target, [ping], pingSizeBytes, arrivalNs);
}

function flyAck(state: State, probe: CertainProbe, backNs: number): void {
  const { prober, target, seqNo, ackSizeBytes } = probe;
  launch(state, target, prober, [makeAck(seqNo)], ackSizeBytes, backNs);
}

function pingArrivalNs(state: State, probe: CertainProbe): number {
  const { prober, target, seqNo, pingSizeBytes, sentAtNs } = probe;
  const draw = packetDraw(state, prober, PacketPurpose.ping, seqNo);
  return state.underlay.datagramArrivalNs(prober, target, pingSizeBytes, sentAtNs, draw);
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

function framedPingBytes(state: State, member: number, target: number, seqNo: number): number {
  const { members } = state;
  let bytes = pingBytes(members, member, target, seqNo);
  if (state.hasCompressibleNames) {
    bytes = packetContentBytes(state, member, [makePing(members, member, target, seqNo)], bytes);
  }
  return framedBytesOf(state, member, bytes);
}

/** Numbers an answer: two askers may use one sequence number. */
export function ackNumberOf(asker: number, seqNo: number): number {
  return (Math.imul(asker, 0x9e3779b1) ^ seqNo) >>> 0;
}
