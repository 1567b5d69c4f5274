/**
 * What a process does with what becomes due for it: handle it, or let it wait.
 *
 * A paused process handles nothing (SIGSTOP): its timers elapse and its packets wait in the socket's
 * buffer until it is resumed. A starved one handles everything late (`starvation.ts`). A blocked one
 * is stuck before it sends and after it receives, as in the experiments of the Lifeguard paper:
 * timers that send nothing go on, and a probe that is due begins and does not get its ping out.
 */
import { Counter } from '../counters.ts';
import { ProcessState } from '../members/members.ts';
import type { Part } from '../message.ts';
import type { State } from '../state.ts';
import { Backlog, type Batch, type Run } from './backlog.ts';

/** Runs a timer's work now, when the process gets to it, or never if it ends before. */
export function runTimer(state: State, member: number, run: Run): void {
  if (state.members.isRunning(member)) run(state.nowNs);
  else if (state.members.isUp(member)) {
    const batch = batchOf(state, member);
    if (batch === undefined) run(state.nowNs);
    else batch.timers.push(run);
  }
}

/** As {@link runTimer}, for work that sends nothing and so goes on in a blocked process. */
export function runInnerTimer(state: State, member: number, run: Run): void {
  if (state.members.processOf(member) === ProcessState.blocked) run(state.nowNs);
  else runTimer(state, member, run);
}

/** Handles what has arrived in a stream: like a timer, but behind the timers. */
export function runStream(state: State, member: number, run: Run): void {
  if (state.members.isRunning(member)) run(state.nowNs);
  else if (state.members.isUp(member)) {
    const batch = batchOf(state, member);
    if (batch === undefined) run(state.nowNs);
    else batch.arrivals.push(run);
  }
}

/**
 * Keeps a packet for a process that does not run now, or drops it when the socket's buffer is full;
 * false when the process can handle it at once.
 */
export function holdPacket(
  state: State,
  member: number,
  from: number,
  sizeBytes: number,
  parts: readonly Part[],
): boolean {
  const batch = batchOf(state, member);
  if (batch === undefined) return false;
  if (backlogOf(state, member).admits(sizeBytes)) batch.arrivals.push({ from, sizeBytes, parts });
  else state.counters.add(member, Counter.packetsDropped);
  return true;
}

/** A process ends: what waited for it is gone. */
export function dropBacklog(state: State, member: number): void {
  cancelBatches(state, member);
  state.backlogs.delete(member);
}

/** What waits is not handled by itself any more. */
export function cancelBatches(state: State, member: number): void {
  for (const batch of state.backlogs.get(member)?.batches ?? []) {
    state.world.queue.cancel(batch.handle);
  }
}

/** A callback's guard: the process that asked still lives. */
export function sameProcess(state: State, member: number): () => boolean {
  const generation = state.members.generationOf(member);
  return () => state.members.isUp(member) && state.members.generationOf(member) === generation;
}

/** The batch that what is due now waits in; undefined when a starved process is not late now. */
function batchOf(state: State, member: number): Batch | undefined {
  const backlog = backlogOf(state, member);
  if (state.members.processOf(member) !== ProcessState.starved) {
    return backlog.batchAt(Number.POSITIVE_INFINITY) ?? backlog.append(Number.POSITIVE_INFINITY);
  }
  const atNs = state.starved.get(member)!.of(state.nowNs);
  const waiting = backlog.batchAt(atNs);
  if (waiting !== undefined || atNs === state.nowNs) return waiting;
  const batch = backlog.append(atNs);
  batch.handle = state.world.queue.schedule(atNs, state.kinds.batch, member);
  return batch;
}

function backlogOf(state: State, member: number): Backlog {
  let backlog = state.backlogs.get(member);
  if (backlog === undefined) {
    backlog = new Backlog();
    state.backlogs.set(member, backlog);
  }
  return backlog;
}
