/**
 * Anti-entropy (memberlist `state.go` `pushPullTrigger`, `pushPull`, `pushPullNode`, `mergeState`;
 * `net.go` `sendLocalState`, `mergeRemoteState`): two members exchange their whole lists.
 *
 * The responder takes its own state before it merges the request, and answers in between. Whom the
 * other side holds dead is only suspected here, with oneself as the accuser; a left member has left.
 */
import { drawBelow } from '../sim/chance.ts';
import { NO_EVENT } from '../sim/event-queue.ts';
import { MICROSECOND_NS } from '../sim/time.ts';
import {
  MessageType,
  NodeState,
  type PushPull,
  sizeOfPushPull,
} from '../wire/memberlist/message.ts';
import { mergeRefusalOf, type RemoteState } from './admission.ts';
import { MAX_PUSH_PULL_REQUESTS } from './constants.ts';
import type { OnResult, UserMessage } from './delegate.ts';
import { pushPullScaleNs } from './formulas.ts';
import { MemberState } from './members/entries.ts';
import { chooseRandom, Purpose } from './members/selection.ts';
import { nodeStateBytes, pushNodeStateOf } from './message.ts';
import { Observed } from './observed.ts';
import type { State } from './state.ts';
import { aliveNode, aliveRumorOf, deadNode, suspectNode } from './state-table.ts';
import { hasExactSizes, streamContentBytes } from './transport/compression.ts';
import { runStream, runTimer, sameProcess } from './transport/process.ts';
import { openStream } from './transport/stream.ts';

/** What one side of a push/pull sends: its list in columns, and the delegate's state. */
interface LocalState extends RemoteState {
  readonly subjects: readonly number[];
  readonly incarnations: readonly number[];
  readonly userState: UserMessage | undefined;
  readonly sizeBytes: number;
}

/**
 * How long a responder encodes, compresses and writes its state before it merges the other's: 100 to
 * 250 µs were measured. Who joins through one seed within that time does not hear of each other.
 */
const ANSWER_NS = 200 * MICROSECOND_NS;

const NO_BYTES = new Uint8Array(0);

/** The two waits of the push/pull loop. */
const Wait = { stagger: 0, interval: 1 } as const;

/** Schedules the random stagger before the loop of a process, or what follows it if that is over. */
export function armFirstPushPull(state: State, member: number, startedAtNs: number): void {
  const { pushPullIntervalNs } = state.configOf(member);
  if (pushPullIntervalNs <= 0) return;
  const generation = state.members.generationOf(member);
  const staggerNs = drawBelow(state.keys.stagger, pushPullIntervalNs, member, generation);
  const spanNs = startedAtNs + staggerNs - state.nowNs;
  if (spanNs >= 0) arm(state, member, spanNs, Wait.stagger);
  else arm(state, member, spanNs + pushPullIntervalNs, Wait.interval);
}

function armPushPull(state: State, member: number): void {
  const { pushPullIntervalNs } = state.configOf(member);
  const n = state.views.knownCountOf(member);
  arm(state, member, pushPullScaleNs(pushPullIntervalNs, n), Wait.interval);
}

function arm(state: State, member: number, spanNs: number, wait: number): void {
  const atNs = state.nowNs + spanNs;
  state.pushPullHandles[member] = state.world.queue.schedule(
    atNs,
    state.kinds.pushPull,
    member,
    wait,
  );
}

/** A wait of the loop is over. */
export function onPushPullTimer(state: State, member: number, wait: number): void {
  runTimer(state, member, () => {
    state.pushPullHandles[member] = NO_EVENT;
    if (wait === Wait.stagger) armPushPull(state, member);
    else pushPull(state, member);
  });
}

function pushPull(state: State, member: number): void {
  const { chosen } = state;
  const choice = {
    purpose: Purpose.pushPull,
    key: state.keys.pushPull,
    coordinate: ++state.pushPullCounts[member]!,
    isExhaustive: state.configOf(member).memberlist.choosesExhaustively,
    target: -1,
    deadBeforeNs: 0,
  };
  if (chooseRandom(state, member, 1, choice, chosen) === 0) {
    armPushPull(state, member);
    return;
  }
  const to = state.residentFor(member, chosen[0]!);
  pushPullNode(state, member, to, false, () => armPushPull(state, member));
}

/** Exchanges state with whoever lives there; `onResult` after the merge. */
export function pushPullNode(
  state: State,
  member: number,
  to: number,
  join: boolean,
  onResult: OnResult,
): void {
  const request = localStateOf(state, member, to, join);
  const { tcpTimeoutNs } = state.configOf(member);
  let replied: LocalState | undefined;
  openStream(state, {
    from: member,
    to,
    requestBytes: request.sizeBytes,
    isUpperBound: !hasExactSizes(state, member),
    deadlineNs: state.nowNs + tcpTimeoutNs,
    answerTimeoutNs: tcpTimeoutNs,
    onRequest: (reply, resident) => {
      const end = beginAnswer(state, resident, member);
      if (end === undefined) {
        reply(0);
        return;
      }
      replied = localStateOf(state, resident, member, join);
      reply(replied.sizeBytes);
      // a daemon that started meanwhile holds nothing, so a list of the disputed is not enough
      const isMeant = resident === to;
      const received = isMeant ? request : localStateOf(state, member, resident, join);
      const isSame = sameProcess(state, resident);
      state.world.queue.scheduleCallback(state.nowNs + ANSWER_NS, () => {
        if (!isSame()) return;
        runStream(state, resident, () => {
          end();
          mergeRemoteState(state, resident, received);
        });
      });
    },
    onResult: (ok, nowNs) => {
      const isMerged = ok && (replied === undefined || mergeRemoteState(state, member, replied));
      onResult(isMerged, nowNs);
    },
  });
}

/**
 * A push/pull of `from` is under way with the member until what is returned is called; `undefined` when
 * too many are, and it is closed without a word.
 */
function beginAnswer(state: State, member: number, from: number): (() => void) | undefined {
  const { pushPullsAnswered } = state;
  const count = (pushPullsAnswered.get(member) ?? 0) + 1;
  if (count >= MAX_PUSH_PULL_REQUESTS) {
    const text = 'Too many pending push/pull requests';
    state.world.observe(Observed.streamRefused, member, from, 0, text);
    return undefined;
  }
  pushPullsAnswered.set(member, count);
  return () => {
    const left = pushPullsAnswered.get(member)! - 1;
    if (left > 0) pushPullsAnswered.set(member, left);
    else pushPullsAnswered.delete(member);
  };
}

/**
 * What the member holds, for `other`. Between two whose views are stored once only the disputed is
 * listed: about the rest they agree, and merging it would change nothing. The size is the whole's.
 */
function localStateOf(state: State, member: number, other: number, join: boolean): LocalState {
  const { views, members, rings } = state;
  const isShared = views.isShared(member) && views.isShared(other);
  const isPartial = isShared && !state.exchangesWholeLists;
  const subjects = isPartial
    ? rings.sorted(member, knownDisputed(state, member))
    : rings.listOf(member);
  const states: number[] = [];
  const incarnations: number[] = [];
  const facts: number[] = [];
  let nodesBytes = isPartial ? undisputedBytes(state) : 0;
  for (const subject of subjects) {
    const incarnation = views.incarnationOf(member, subject);
    const fact = views.factOf(member, subject);
    states.push(views.stateOf(member, subject));
    incarnations.push(incarnation);
    facts.push(fact);
    nodesBytes += nodeStateBytes(members, subject, fact, incarnation);
  }
  const userState = state.delegate?.localState(member, join);
  const count = views.knownCountOf(member);
  const plainBytes = sizeOfPushPull(count, nodesBytes, userState?.sizeBytes ?? 0);
  const sizeBytes = streamContentBytes(state, member, plainBytes, () =>
    wireFormOf(state, member, join, userState),
  );
  return { from: member, join, subjects, states, incarnations, facts, userState, sizeBytes };
}

/** The whole list and the delegate's state as they are on the wire. */
function wireFormOf(
  state: State,
  member: number,
  join: boolean,
  userState: UserMessage | undefined,
): PushPull {
  const { members, views, delegate } = state;
  const nodes = state.rings.listOf(member).map((subject) => {
    const incarnation = views.incarnationOf(member, subject);
    const fact = views.factOf(member, subject);
    return pushNodeStateOf(members, member, fact, incarnation, views.stateOf(member, subject));
  });
  const bytes = userState === undefined ? NO_BYTES : delegate!.encode(userState);
  return { type: MessageType.pushPull, join, nodes, userState: bytes };
}

function knownDisputed(state: State, member: number): number[] {
  const { views } = state;
  return views.disputed.filter((one) => views.stateOf(member, one) !== MemberState.unknown);
}

/** Bytes of the entries about which nobody differs. */
function undisputedBytes(state: State): number {
  const { views, members } = state;
  const bytesOf = (subject: number): number => {
    if (!views.isAgreed(subject)) return 0;
    const { incarnation, fact } = views.agreedOf(subject);
    return nodeStateBytes(members, subject, fact, incarnation);
  };
  if (state.agreedBytes.version !== views.agreedVersion) {
    let bytes = 0;
    for (let subject = 0; subject < members.count; subject++) bytes += bytesOf(subject);
    state.agreedBytes = { version: views.agreedVersion, bytes };
  }
  return views.disputed.reduce((bytes, one) => bytes - bytesOf(one), state.agreedBytes.bytes);
}

/** Takes in what the other side holds, unless that is refused; true when it was taken. */
function mergeRemoteState(state: State, member: number, remote: LocalState): boolean {
  const refusal = mergeRefusalOf(state, member, remote);
  if (refusal !== undefined) {
    state.world.observe(Observed.mergeRefused, member, remote.from, 0, refusal);
    return false;
  }
  const { subjects, states, incarnations, facts } = remote;
  for (let i = 0; i < subjects.length; i++) {
    const subject = subjects[i]!;
    const incarnation = incarnations[i]!;
    switch (states[i]!) {
      case NodeState.alive:
        aliveNode(state, member, aliveRumorOf(state, subject, incarnation, facts[i]!), false);
        break;
      case NodeState.left:
        deadNode(state, member, subject, incarnation, subject);
        break;
      default:
        suspectNode(state, member, subject, incarnation, member);
    }
  }
  state.views.maybeShare(member);
  if (remote.userState !== undefined) {
    state.delegate?.mergeRemoteState(member, remote.from, remote.userState, remote.join);
  }
  return true;
}
