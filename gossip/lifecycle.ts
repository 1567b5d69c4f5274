/**
 * A member's process from its start to its end (memberlist `memberlist.go` `Create`, `Join`,
 * `Leave`, `UpdateNode`, `Shutdown`; `state.go` `schedule`).
 */
import { drawBelow, keyOf } from '../sim/chance.ts';
import { NO_EVENT } from '../sim/event-queue.ts';
import { MICROSECOND_NS } from '../sim/time.ts';
import { dealTickers } from './deal-tickers.ts';
import type { OnJoined, OnTold } from './delegate.ts';
import { revealProbes } from './detection/certain-probe.ts';
import { armFirstProbe } from './detection/probe.ts';
import { ProbePhase } from './detection/probes.ts';
import { armGossip, ticksAlways } from './dissemination/gossip-tick.ts';
import { MemberState } from './members/entries.ts';
import { ProcessState } from './members/members.ts';
import { Reason } from './members/unrest.ts';
import { armFirstPushPull, pushPullNode } from './push-pull.ts';
import type { State } from './state.ts';
import { aliveNode, aliveRumorOf, deadNode } from './state-table.ts';
import { cancelBatches, dropBacklog, runTimer, sameProcess } from './transport/process.ts';
import { RunInstants, type Starvation } from './transport/starvation.ts';
import { runBacklog } from './transport/wake.ts';

/** How long a process takes from its start to its tickers, at most. */
const START_NS_MAX = 100 * MICROSECOND_NS;

/**
 * Both tickers begin together, but a probe sends its ping and sets its deadline some time after its
 * tick. With intervals that are multiples of each other that order decides: a probe that fails at a
 * later tick fails just after the gossip of that tick, so its suspicion waits for the next one.
 */
const PROBE_DELAY_NS_MIN = 20 * MICROSECOND_NS;
const PROBE_DELAY_NS_SPAN = 100 * MICROSECOND_NS;

/** The process begins: it knows itself, and its tickers run. */
export function startMember(state: State, member: number): void {
  const { nowNs } = state;
  revealProbes(state, state.members.successorOf(member));
  state.views.reset(member);
  beginProcess(state, member, nowNs);
  announce(state, member);
  armFirstProbe(state, member, nowNs);
  armFirstPushPull(state, member, nowNs);
  if (ticksAlways(state, member)) armGossip(state, member);
}

/** What a process begins with, but for its view. */
function beginProcess(state: State, member: number, nowNs: number): void {
  state.members.becomeRunning(member, nowNs);
  state.members.setProcess(member, processOf(state, member));
  state.rings.reset(member);
  state.awareness.reset(member);
  state.incarnations[member] = 0;
  state.seqNos[member] = 0;
  state.hasLeft[member] = 0;
  state.unrest.clear(member, Reason.delegate);
  const generation = state.members.generationOf(member);
  const { start } = state.keys;
  const tickerAtNs = nowNs + 1 + drawBelow(start, START_NS_MAX, member, generation, 0);
  state.gossipTickers.make(member, tickerAtNs);
  const delayNs = drawBelow(start, PROBE_DELAY_NS_SPAN, member, generation, 1);
  state.probeTickers.make(member, tickerAtNs + PROBE_DELAY_NS_MIN + delayNs);
}

/** Tells of oneself with a new incarnation (`setAlive`); `onFinished` hears when that is told. */
function announce(state: State, member: number, onFinished?: () => void): void {
  const incarnation = ++state.incarnations[member]!;
  const fact = state.members.currentFactOf(member);
  aliveNode(state, member, aliveRumorOf(state, member, incarnation, fact), true, onFinished);
}

/** Tells what the member says of itself from now on, and waits for that as for leaving. */
export function updateNode(state: State, member: number, timeoutNs: number, onDone: OnTold): void {
  const announcement = new Announcement(state, member, onDone);
  announce(state, member, announcement.onFinished);
  announcement.begin(timeoutNs);
}

/** The process ends without a word. */
export function stopMember(state: State, member: number): void {
  const { queue } = state.world;
  revealProbes(state, member);
  state.members.setProcess(member, ProcessState.stopped);
  state.gossipTickers.disarm(member);
  state.probeTickers.disarm(member);
  queue.cancel(state.pushPullHandles[member]!);
  state.pushPullHandles[member] = NO_EVENT;
  const { probes } = state;
  if (probes.phaseOf(member) !== ProbePhase.idle) {
    queue.cancel(probes.timeoutHandleOf(member));
    queue.cancel(probes.deadlineHandleOf(member));
    probes.becomeIdle(member);
  }
  const relays = state.relays.get(member);
  if (relays !== undefined) for (const relay of relays.values()) queue.cancel(relay.handle);
  state.relays.delete(member);
  state.suspicions.reset(member);
  state.pushPullsAnswered.delete(member);
  state.broadcasts.clear(member);
  dropBacklog(state, member);
  state.views.forget(member);
}

/**
 * All running members know each other, as if they had joined long ago; nothing is left to say. Those
 * that never ran and have an instant in `startedAtNs` have run since then.
 */
export function establish(state: State, startedAtNs: Float64Array | undefined): void {
  const { members } = state;
  const running: number[] = [];
  for (let member = 0; member < members.count; member++) {
    const sinceNs = startedAtNs?.[member];
    const isFirst = sinceNs !== undefined && members.generationOf(member) === 0;
    if (isFirst) beginSilently(state, member, sinceNs);
    if (members.isUp(member)) running.push(member);
  }
  const factOf = (member: number): number => members.currentFactOf(member);
  state.views.establish(running, factOf, state.shortcuts);
  for (const member of running) {
    state.rings.shuffle(member, members.count);
    state.broadcasts.clear(member);
  }
  dealTickers(state);
}

/** The process has run since `sinceNs`, and what it had to say then is said. */
function beginSilently(state: State, member: number, sinceNs: number): void {
  beginProcess(state, member, sinceNs);
  state.incarnations[member] = 1;
  armFirstProbe(state, member, sinceNs);
  armFirstPushPull(state, member, sinceNs);
  if (ticksAlways(state, member)) armGossip(state, member);
}

/** Stops the process (SIGSTOP), or blocks its messages. */
export function suspend(state: State, member: number, how: ProcessState): void {
  if (state.members.isUp(member)) becomeProcess(state, member, how);
}

/** Lets a paused or blocked process go on. */
export function resume(state: State, member: number): void {
  if (isSuspended(state, member)) becomeProcess(state, member, processOf(state, member));
}

function isSuspended(state: State, member: number): boolean {
  const process = state.members.processOf(member);
  return process === ProcessState.paused || process === ProcessState.blocked;
}

/**
 * From now on what becomes due for the member's process is handled late. Returns when its process
 * runs once more, for what else is in that process.
 */
export function starve(state: State, member: number, starvation: Starvation): RunInstants {
  const key = keyOf(state.keys.starvation, member);
  relieve(state, member);
  state.starved.set(member, new RunInstants(starvation, key, state.nowNs));
  if (state.members.isRunning(member)) becomeProcess(state, member, ProcessState.starved);
  return new RunInstants(starvation, key, state.nowNs);
}

/** The member's process has a CPU again whenever it needs one. */
export function relieve(state: State, member: number): void {
  state.starved.delete(member);
  const isStarved = state.members.processOf(member) === ProcessState.starved;
  if (isStarved) becomeProcess(state, member, ProcessState.running);
}

/** What a process does that is not suspended. */
function processOf(state: State, member: number): ProcessState {
  return state.starved.has(member) ? ProcessState.starved : ProcessState.running;
}

/** Between two states of a living process: what waits is handled now if it can go on. */
function becomeProcess(state: State, member: number, process: ProcessState): void {
  revealProbes(state, member);
  state.members.setProcess(member, process);
  state.views.unsettle(member);
  cancelBatches(state, member);
  if (!isSuspended(state, member)) runBacklog(state, member);
  if (ticksAlways(state, member) && state.members.isUp(member)) armGossip(state, member);
}

/**
 * Exchanges state with one seed after the other; true when one answered. A member that requires names
 * calls nobody of whom it was given an address alone.
 */
export function joinSeeds(
  state: State,
  member: number,
  seeds: readonly number[],
  areNamed: boolean,
  onResult: OnJoined,
): void {
  if (state.configOf(member).requireNodeNames && !areNamed) {
    onResult(false, state.nowNs, 0);
    return;
  }
  let joinedCount = 0;
  const joinNext = (index: number): void => {
    if (index === seeds.length) {
      onResult(joinedCount > 0, state.nowNs, joinedCount);
      return;
    }
    pushPullNode(state, member, seeds[index]!, true, (ok) => {
      if (ok) joinedCount++;
      joinNext(index + 1);
    });
  };
  joinNext(0);
}

/**
 * Leaves: tells the others, waits until that has been sent often enough or for `timeoutNs`, and
 * stops.
 */
export function leaveCluster(
  state: State,
  member: number,
  timeoutNs: number,
  onDone: OnTold,
): void {
  const announcement = new Announcement(state, member, (nowNs, isTold) => {
    stopMember(state, member);
    onDone(nowNs, isTold);
  });
  state.hasLeft[member] = 1;
  const incarnation = state.views.incarnationOf(member, member);
  deadNode(state, member, member, incarnation, member, undefined, announcement.onFinished);
  announcement.begin(timeoutNs);
}

/** A broadcast about oneself that somebody waits for, as `Leave` and `UpdateNode` do. */
class Announcement {
  readonly #state: State;
  readonly #member: number;
  readonly #onDone: OnTold;
  readonly #isSame: () => boolean;
  #isDone = false;

  constructor(state: State, member: number, onDone: OnTold) {
    this.#state = state;
    this.#member = member;
    this.#onDone = onDone;
    this.#isSame = sameProcess(state, member);
  }

  /** The broadcast has been sent often enough, or something newer has taken its place. */
  readonly onFinished = (): void => this.#finishAt(this.#state.nowNs, true);

  /** Begins to wait; 0 waits for ever, and where there is nobody to tell it is over. */
  begin(timeoutNs: number): void {
    const { nowNs } = this.#state;
    if (!hasCompany(this.#state, this.#member)) this.#finish(nowNs, true);
    else if (timeoutNs > 0) this.#finishAt(nowNs + timeoutNs, false);
  }

  #finishAt(atNs: number, isTold: boolean): void {
    const { world } = this.#state;
    world.queue.scheduleCallback(atNs, () => {
      runTimer(this.#state, this.#member, (nowNs) => this.#finish(nowNs, isTold));
    });
  }

  #finish(nowNs: number, isTold: boolean): void {
    if (this.#isDone || !this.#isSame()) return;
    this.#isDone = true;
    this.#onDone(nowNs, isTold);
  }
}

/** Whether the member holds any other alive or suspect (`anyAlive`). */
function hasCompany(state: State, member: number): boolean {
  return state.rings.listOf(member).some((subject) => {
    if (subject === member) return false;
    const known = state.views.stateOf(member, subject);
    return known === MemberState.alive || known === MemberState.suspect;
  });
}
