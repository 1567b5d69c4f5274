/**
 * Failure detection (memberlist `state.go` `probe`, `probeNode`; `net.go` `handlePing`,
 * `handleIndirectPing`): each interval one member is pinged; without an answer, others are asked to
 * ping it and TCP is tried; without an answer to that, it is suspected.
 *
 * The order of two timers matters. A helper waits ProbeTimeout from the arrival of the request and
 * sends its nack then, so with memberlist's defaults the nacks reach a healthy prober just after its
 * deadline: the first failed probe costs it 3 points of health, and with its longer deadline the
 * next ones cost nothing.
 */
import { MessageType } from '../../wire/memberlist/message.ts';
import { Counter } from '../counters.ts';
import { dealTickers } from '../deal-tickers.ts';
import { MemberState } from '../members/entries.ts';
import { chooseRandom, Purpose } from '../members/selection.ts';
import { Reason } from '../members/unrest.ts';
import {
  ANYBODY,
  type Control,
  makeAck,
  makeIndirectPing,
  makeNack,
  makePing,
  makeRumor,
} from '../message.ts';
import type { State } from '../state.ts';
import { suspectNode } from '../state-table.ts';
import {
  hasCrcFor,
  PacketPurpose,
  protocolMaxOf,
  sendControl,
  sendParts,
} from '../transport/packet.ts';
import { runInnerTimer, runTimer } from '../transport/process.ts';
import { tcpPing } from '../transport/stream.ts';
import { ackNumberOf, answerCertainly, probeIfCertain, probeSilently } from './certain-probe.ts';
import { openProbe, ProbePhase, TcpPing } from './probes.ts';

/** Protocol versions from which a member answers a TCP ping, and sends nacks. */
const TCP_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;

/** Schedules the first tick of a process that probes. */
export function armFirstProbe(state: State, member: number, startedAtNs: number): void {
  if (state.configOf(member).probeIntervalNs > 0) armProbe(state, member, startedAtNs);
}

/** The probe that began at `sinceNs` is over: a tick that fell within it is waiting. */
function armProbe(state: State, member: number, sinceNs: number): void {
  state.probeTickers.arm(member, state.configOf(member).probeIntervalNs, sinceNs);
}

/** A probe tick is due that was queued. */
export function onProbeTick(state: State, member: number): void {
  state.probeTickers.onQueued(member);
  if (state.probeTickers.wantsDeal) dealTickers(state);
  tick(state, member);
}

/** A probe tick is due that was swept and not passed. */
export function onSweptProbeTick(state: State, member: number): void {
  const { passed } = state;
  if (passed.prober !== member) {
    tick(state, member);
    return;
  }
  passed.prober = -1;
  probe(state, member, passed.target, state.nowNs);
}

/**
 * Does what is due at a swept tick if that is a probe without news between healthy members, or
 * nothing. When it is more, whom the member will probe is remembered for {@link onSweptProbeTick}.
 */
export function passProbeTick(state: State, member: number, atNs: number): boolean {
  if ((state.unrest.of(member) & ~Reason.broadcasts) !== 0 || !state.passesProbes) return false;
  const next = state.rings.peek(member);
  const isPlain = next >= 0 && next !== member && !state.unrest.has(next, Reason.disputed);
  if (isPlain) state.rings.advance(member);
  const target = isPlain ? next : nextTarget(state, member, atNs);
  if (target < 0 || probeSilently(state, member, target, atNs)) return true;
  state.passed.prober = member;
  state.passed.target = target;
  return false;
}

function tick(state: State, member: number): void {
  const probeNext = (nowNs: number): void => {
    probe(state, member, nextTarget(state, member, nowNs), nowNs);
  };
  if (state.members.isRunning(member)) probeNext(state.nowNs);
  else runInnerTimer(state, member, probeNext);
}

function probe(state: State, member: number, target: number, nowNs: number): void {
  const isOver = target < 0 || probeIfCertain(state, member, target, nowNs);
  if (isOver) armProbe(state, member, nowNs);
  else probeNode(state, member, target, nowNs);
}

/**
 * The next member to probe, or -1 when the tick is lost: every skipped entry and the wrap count, and
 * when they are as many as the list is long, the tick ends.
 */
function nextTarget(state: State, member: number, nowNs: number): number {
  const { views, rings } = state;
  let checkedCount = 0;
  while (checkedCount < views.knownCountOf(member)) {
    const subject = rings.take(member);
    if (subject < 0) {
      resetNodes(state, member, nowNs);
      checkedCount++;
      continue;
    }
    const known = views.stateOf(member, subject);
    const isSkipped = known === MemberState.dead || known === MemberState.left;
    if (subject !== member && !isSkipped) return subject;
    checkedCount++;
  }
  return -1;
}

/** A round ends: forgets the long dead and shuffles. */
function resetNodes(state: State, member: number, nowNs: number): void {
  const { gossipToTheDeadTimeNs, memberlist } = state.configOf(member);
  const { views } = state;
  for (const subject of views.expired(member, nowNs - gossipToTheDeadTimeNs)) {
    const isKept = !memberlist.prunesLeft && views.stateOf(member, subject) === MemberState.left;
    if (!isKept) views.remove(member, subject);
  }
  state.rings.shuffle(member, state.members.count);
}

function probeNode(state: State, member: number, target: number, nowNs: number): void {
  const { members, views } = state;
  const config = state.configOf(member);
  const seqNo = ++state.seqNos[member]!;
  const fact = views.factOf(member, target);
  const incarnation = views.incarnationOf(member, target);
  state.counters.add(member, Counter.probes);
  openProbe(state, member, target, seqNo, nowNs);
  const isAlive = views.stateOf(member, target) === MemberState.alive;
  const accused = isAlive || !config.buddyRefutation ? undefined : incarnation;
  const resident = members.residentOf(fact);
  if (members.isRunning(member)) sendPing(state, member, target, resident, seqNo, accused);
  else runTimer(state, member, () => sendPing(state, member, target, resident, seqNo, accused));
}

/** Pings; to tell a suspect what it is accused of is Lifeguard's buddy system. */
function sendPing(
  state: State,
  member: number,
  target: number,
  resident: number,
  seqNo: number,
  accusedIncarnation: number | undefined,
): void {
  const ping = makePing(state.members, member, target, seqNo);
  if (accusedIncarnation === undefined) {
    sendControl(state, member, resident, ping, PacketPurpose.ping, seqNo);
    return;
  }
  const accusation = {
    type: MessageType.suspect,
    subject: target,
    incarnation: accusedIncarnation,
    from: member,
    fact: -1,
  };
  const parts = [ping, makeRumor(state.members, accusation)];
  const hasCrc = hasCrcFor(state, member, target);
  sendParts(state, member, resident, parts, hasCrc, PacketPurpose.ping, seqNo);
}

/** The direct ping has had no answer for ProbeTimeout: ask others, and try TCP. */
export function onProbeTimeout(state: State, member: number, seqNo: number): void {
  runTimer(state, member, () => {
    if (!state.probes.isCurrent(member, seqNo)) return;
    if (state.probes.phaseOf(member) === ProbePhase.direct) probeIndirectly(state, member);
  });
}

function probeIndirectly(state: State, member: number): void {
  const { members, probes, chosen } = state;
  const config = state.configOf(member);
  const target = probes.targetOf(member);
  const seqNo = probes.seqNoOf(member);
  const choice = {
    purpose: Purpose.indirect,
    key: state.keys.indirect,
    coordinate: seqNo,
    isExhaustive: config.memberlist.choosesExhaustively,
    target,
    deadBeforeNs: 0,
  };
  chooseRandom(state, member, config.indirectChecks, choice, chosen);
  let expectedNacks = 0;
  for (let i = 0; i < chosen.length; i++) {
    const nack = protocolMaxOf(state, member, chosen[i]!) >= NACK_PROTOCOL;
    if (nack) expectedNacks++;
    const fact = probes.factOf(member);
    const request = makeIndirectPing(members, member, target, fact, seqNo, nack);
    const resident = state.residentFor(member, chosen[i]!);
    const number = seqNo * 64 + i;
    sendControl(state, member, resident, request, PacketPurpose.indirectPing, number);
  }
  probes.becomeIndirect(member, expectedNacks);
  if (config.disableTcpPings || protocolMaxOf(state, member, target) < TCP_PING_PROTOCOL) return;
  probes.setTcp(member, TcpPing.pending);
  tcpPing(state, member, (ok) => {
    probes.setTcp(member, ok ? TcpPing.succeeded : TcpPing.failed);
    if (probes.phaseOf(member) === ProbePhase.awaitingTcp) finishUnanswered(state, member);
  });
}

/** No ack has come in time. */
export function onProbeDeadline(state: State, member: number, seqNo: number): void {
  runTimer(state, member, () => {
    const { probes } = state;
    if (!probes.isCurrent(member, seqNo)) return;
    // with a ProbeTimeout of the whole interval or more the others are still asked, in vain
    if (probes.phaseOf(member) === ProbePhase.direct) probeIndirectly(state, member);
    if (probes.tcpOf(member) === TcpPing.pending) probes.becomeAwaitingTcp(member);
    else finishUnanswered(state, member);
  });
}

function finishUnanswered(state: State, member: number): void {
  const { probes } = state;
  if (probes.tcpOf(member) === TcpPing.succeeded) {
    finishProbe(state, member, -1);
    return;
  }
  state.counters.add(member, Counter.probeFailures);
  const expected = probes.expectedNacksOf(member);
  const delta = expected > 0 ? Math.max(0, expected - probes.nacksOf(member)) : 1;
  const target = probes.targetOf(member);
  suspectNode(state, member, target, probes.incarnationOf(member), member);
  finishProbe(state, member, delta);
}

function finishProbe(state: State, member: number, awarenessDelta: number): void {
  const { probes, world } = state;
  world.queue.cancel(probes.timeoutHandleOf(member));
  world.queue.cancel(probes.deadlineHandleOf(member));
  const { awarenessMaxMultiplier } = state.configOf(member);
  state.awareness.apply(member, awarenessDelta, awarenessMaxMultiplier);
  probes.becomeIdle(member);
  armProbe(state, member, probes.startedAtNsOf(member));
}

/** Answers a ping that is for this member, or for anybody. */
export function handlePing(state: State, member: number, from: number, ping: Control): void {
  if (ping.subject !== member && ping.subject !== ANYBODY) return;
  const to = state.members.successorOf(from);
  if (answerCertainly(state, member, to, ping)) return;
  const payload = state.hasPingDelegate ? state.delegate?.ackPayload?.(member) : undefined;
  const ack = makeAck(ping.seqNo, payload);
  sendControl(state, member, to, ack, PacketPurpose.ack, ackNumberOf(from, ping.seqNo));
}

/** Pings on behalf of `from`. */
export function handleIndirectPing(
  state: State,
  member: number,
  from: number,
  request: Control,
): void {
  const { members, world } = state;
  state.probeTickers.rouse(member);
  const seqNo = ++state.seqNos[member]!;
  const atNs = state.nowNs + state.configOf(member).probeTimeoutNs;
  const handle = world.queue.schedule(atNs, state.kinds.relayTimeout, member, seqNo);
  const relay = { requester: from, seqNo: request.seqNo, wantsNack: request.nack, handle };
  let relays = state.relays.get(member);
  if (relays === undefined) state.relays.set(member, (relays = new Map()));
  relays.set(seqNo, relay);
  const ping = makePing(members, member, request.subject, seqNo);
  const resident = members.residentOf(request.fact);
  sendControl(state, member, resident, ping, PacketPurpose.ping, seqNo);
}

/** A ping on behalf of another has had no answer. */
export function onRelayTimeout(state: State, member: number, seqNo: number): void {
  runTimer(state, member, () => {
    const relay = state.relays.get(member)?.get(seqNo);
    if (relay === undefined) return;
    state.relays.get(member)!.delete(seqNo);
    if (!relay.wantsNack) return;
    const nack = makeNack(relay.seqNo);
    const number = ackNumberOf(relay.requester, relay.seqNo);
    const to = state.members.successorOf(relay.requester);
    sendControl(state, member, to, nack, PacketPurpose.nack, number);
  });
}

/** An ack ends the probe it belongs to, or goes on to whoever asked for the ping. */
export function handleAck(state: State, member: number, { seqNo, payload }: Control): void {
  const { probes } = state;
  if (probes.awaits(member, seqNo)) {
    if (state.hasPingDelegate && probes.phaseOf(member) === ProbePhase.direct) {
      const rttNs = state.nowNs - probes.startedAtNsOf(member);
      state.delegate?.notifyPingComplete?.(member, probes.targetOf(member), rttNs, payload);
    }
    finishProbe(state, member, -1);
    return;
  }
  const relay = state.relays.get(member)?.get(seqNo);
  if (relay === undefined) return;
  state.world.queue.cancel(relay.handle);
  state.relays.get(member)!.delete(seqNo);
  const number = ackNumberOf(relay.requester, relay.seqNo);
  const ack = makeAck(relay.seqNo);
  const to = state.members.successorOf(relay.requester);
  sendControl(state, member, to, ack, PacketPurpose.relayedAck, number);
}

/** Counts a nack while the probe waits. */
export function handleNack(state: State, member: number, seqNo: number): void {
  if (state.probes.awaits(member, seqNo)) state.probes.addNack(member);
}
