/**
 * What a member believes after a message: the state table (memberlist `state.go` `aliveNode`,
 * `suspectNode`, `deadNode`, `refute`).
 *
 * At one incarnation dead and left are stronger than suspect, and suspect than alive; an alive
 * message needs a larger incarnation. Only the subject makes larger incarnations, when it refutes.
 */
import { MessageType } from '../wire/memberlist/message.ts';
import { isAdmitted, peerOf } from './admission.ts';
import { Counter } from './counters.ts';
import { revealProbes, tellProbes } from './detection/certain-probe.ts';
import { OWN_ADDRESS } from './dissemination/broadcast-queue.ts';
import { armGossip } from './dissemination/gossip-tick.ts';
import { MemberState } from './members/entries.ts';
import { makeRumor, type Rumor } from './message.ts';
import { Observed } from './observed.ts';
import type { State } from './state.ts';

/** The alive rumor of a subject at an incarnation with a fact. */
export function aliveRumorOf(
  state: State,
  subject: number,
  incarnation: number,
  fact: number,
): Rumor {
  const known = state.knownAliveRumor(subject, incarnation, fact);
  if (known !== undefined) return known;
  const type = MessageType.alive;
  const rumor = makeRumor(state.members, { type, subject, incarnation, from: subject, fact });
  state.rememberAliveRumor(rumor);
  return rumor;
}

/**
 * Hears that somebody is alive; `bootstrap` is a member's own first or changed alive message, and
 * `onFinished` hears when that has been told.
 */
export function aliveNode(
  state: State,
  member: number,
  rumor: Rumor,
  bootstrap: boolean,
  onFinished?: () => void,
): void {
  const { views } = state;
  const { subject, incarnation, fact } = rumor;
  const isSelf = subject === member;
  if (isSelf && state.hasLeft[member] === 1) return;
  if (state.hasGuards && !isAdmitted(state, member, rumor)) return;
  const known = views.stateOf(member, subject);
  let updatesNode = false;
  if (known === MemberState.unknown) {
    state.probeTickers.endRest();
    views.insert(member, subject, fact);
    state.rings.insert(member, subject);
  } else if (!state.members.isSamePlace(views.factOf(member, subject), fact)) {
    updatesNode = canReclaim(state, member, subject);
    if (!updatesNode) {
      state.counters.add(member, Counter.conflicts);
      state.world.observe(Observed.conflict, member, subject, incarnation);
      state.delegate?.notifyConflict?.(member, peerOf(state.members, fact, MemberState.alive));
      return;
    }
  }
  const knownIncarnation = views.incarnationOf(member, subject);
  if (incarnation <= knownIncarnation && !isSelf && !updatesNode) return;
  if (incarnation < knownIncarnation && isSelf) return;
  state.suspicions.remove(member, subject);
  const knownFact = views.factOf(member, subject);
  if (isSelf && !bootstrap) {
    const { members } = state;
    const saysTheSame = members.isSameMeta(knownFact, fact) && members.isSameVsn(knownFact, fact);
    if (incarnation !== knownIncarnation || !saysTheSame) refute(state, member, incarnation);
    return;
  }
  broadcast(state, member, subject, rumor, onFinished);
  const learned = state.members.hasMixedVersions
    ? state.members.withVersionsOf(knownFact, fact)
    : fact;
  becomeAlive(state, member, subject, incarnation, learned, known, knownFact);
}

function becomeAlive(
  state: State,
  member: number,
  subject: number,
  incarnation: number,
  fact: number,
  known: MemberState,
  knownFact: number,
): void {
  const { views } = state;
  if (known !== MemberState.alive) {
    views.become(member, subject, MemberState.alive, incarnation, state.nowNs);
  }
  views.update(member, subject, incarnation, fact);
  if (known === MemberState.suspect) {
    state.world.observe(Observed.trusted, member, subject, incarnation);
  }
  if (known === MemberState.suspect || known === MemberState.alive) {
    const isSame = state.members.isSameMeta(knownFact, fact);
    if (!isSame) state.delegate?.notifyUpdate(member, subject);
    return;
  }
  state.world.observe(Observed.alive, member, subject, incarnation);
  state.delegate?.notifyJoin(member, subject);
}

/** Whether a known name may come from another address now. */
function canReclaim(state: State, member: number, subject: number): boolean {
  const known = state.views.stateOf(member, subject);
  if (known === MemberState.left) return true;
  const reclaimNs = state.configOf(member).deadNodeReclaimTimeNs;
  const deadNs = state.nowNs - state.views.changedAtNsOf(member, subject);
  return known === MemberState.dead && reclaimNs > 0 && deadNs > reclaimNs;
}

/** Hears that `from` suspects somebody; `rumor` is the message that said so, if one did. */
export function suspectNode(
  state: State,
  member: number,
  subject: number,
  incarnation: number,
  from: number,
  rumor?: Rumor,
): void {
  const { views, suspicions } = state;
  const known = views.stateOf(member, subject);
  if (known === MemberState.unknown) return;
  if (incarnation < views.incarnationOf(member, subject)) return;
  if (suspicions.has(member, subject)) {
    if (suspicions.confirm(member, subject, from)) {
      views.settleAccuser(member, subject, from, suspicions.isFull(member, subject));
      broadcast(state, member, subject, rumor ?? suspectRumor(state, subject, incarnation, from));
    }
    return;
  }
  if (known !== MemberState.alive) return;
  if (subject === member) {
    refute(state, member, incarnation);
    return;
  }
  broadcast(state, member, subject, rumor ?? suspectRumor(state, subject, incarnation, from));
  views.become(member, subject, MemberState.suspect, incarnation, state.nowNs);
  suspicions.start(member, subject, from, state.configOf(member), views.knownCountOf(member));
  views.settleAccuser(member, subject, from, suspicions.isFull(member, subject));
  state.counters.add(member, Counter.suspicions);
  state.world.observe(Observed.suspect, member, subject, incarnation);
}

/** A suspicion has run out: the member declares the subject dead. */
export function onSuspicionTimeout(state: State, member: number, subject: number): void {
  if (state.views.stateOf(member, subject) !== MemberState.suspect) return;
  if (state.members.isUp(subject)) state.counters.add(member, Counter.falsePositives);
  deadNode(state, member, subject, state.views.incarnationOf(member, subject), member);
}

/** Hears that `from` declares somebody dead, or that somebody leaves (`from` is the subject). */
export function deadNode(
  state: State,
  member: number,
  subject: number,
  incarnation: number,
  from: number,
  rumor?: Rumor,
  onFinished?: () => void,
): void {
  const { views } = state;
  const known = views.stateOf(member, subject);
  if (known === MemberState.unknown) return;
  if (incarnation < views.incarnationOf(member, subject)) return;
  state.suspicions.remove(member, subject);
  if (known === MemberState.dead || known === MemberState.left) return;
  if (subject === member && state.hasLeft[member] === 0) {
    refute(state, member, incarnation);
    return;
  }
  const spread = rumor ?? makeRumor(state.members, deadMessage(subject, incarnation, from));
  broadcast(state, member, subject, spread, onFinished);
  const next = from === subject ? MemberState.left : MemberState.dead;
  views.become(member, subject, next, incarnation, state.nowNs);
  const kind = next === MemberState.left ? Observed.left : Observed.dead;
  state.world.observe(kind, member, subject, incarnation);
  state.delegate?.notifyLeave(member, subject);
}

/** Answers an accusation of oneself with a larger incarnation. */
function refute(state: State, member: number, accusedIncarnation: number): void {
  const { views } = state;
  // its probes began in better health
  revealProbes(state, member);
  const next = ++state.incarnations[member]!;
  // numbers of 32 bits, which begin anew
  const incarnation = Math.max(next, accusedIncarnation + 1) >>> 0;
  state.incarnations[member] = incarnation;
  const fact = state.members.currentFactOf(member);
  views.update(member, member, incarnation, fact);
  state.awareness.apply(member, 1, state.configOf(member).awarenessMaxMultiplier);
  state.counters.add(member, Counter.refutations);
  state.world.observe(Observed.refute, member, member, incarnation);
  broadcast(state, member, OWN_ADDRESS, aliveRumorOf(state, member, incarnation, fact));
}

function broadcast(
  state: State,
  member: number,
  name: number,
  rumor: Rumor,
  onFinished?: () => void,
): void {
  tellProbes(state, member, name);
  const wasSpreading = state.hasBroadcasts(member);
  state.broadcasts.add(member, name, rumor, onFinished);
  // who has something to spread waits for a tick already, or is in one
  if (!wasSpreading) armGossip(state, member);
}

function suspectRumor(state: State, subject: number, incarnation: number, from: number): Rumor {
  const type = MessageType.suspect;
  return makeRumor(state.members, { type, subject, incarnation, from, fact: -1 });
}

function deadMessage(subject: number, incarnation: number, from: number): Omit<Rumor, 'sizeBytes'> {
  return { type: MessageType.dead, subject, incarnation, from, fact: -1 };
}
