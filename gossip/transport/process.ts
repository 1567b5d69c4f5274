/**
 * A paused process handles nothing (SIGSTOP): its timers elapse and its packets wait in the socket's
 * buffer. When it runs again, Go's runtime fires what elapsed, in the order in which it was due, and
 * then the packets are read in the order of their arrival.
 */
import {
  LARGE_PACKET_TRUESIZE,
  SMALL_PACKET_BYTES,
  SMALL_PACKET_TRUESIZE,
  SOCKET_BUFFER_BYTES,
} from '../constants.ts';
import { Counter } from '../counters.ts';
import { ProcessState } from '../members/members.ts';
import type { Backlog, State } from '../state.ts';

/** Runs a timer's work now, when the process resumes, or never if it ends before. */
export function runTimer(state: State, member: number, run: (nowNs: number) => void): void {
  const process = state.members.processOf(member);
  if (process === ProcessState.running) run(state.nowNs);
  else if (process === ProcessState.paused) backlogOf(state, member).timers.push({ run });
}

/** Handles what has arrived in a stream: like a timer, but behind the timers. */
export function runStream(state: State, member: number, run: (nowNs: number) => void): void {
  const process = state.members.processOf(member);
  if (process === ProcessState.running) run(state.nowNs);
  else if (process === ProcessState.paused) backlogOf(state, member).packets.push({ run });
}

/** Keeps a packet for a paused process, or drops it when the socket's buffer is full. */
export function holdPacket(
  state: State,
  member: number,
  sizeBytes: number,
  run: (nowNs: number) => void,
): void {
  const backlog = backlogOf(state, member);
  const isSmall = sizeBytes <= SMALL_PACKET_BYTES;
  const truesize = isSmall ? SMALL_PACKET_TRUESIZE : LARGE_PACKET_TRUESIZE;
  if (backlog.socketBytes + truesize > SOCKET_BUFFER_BYTES) {
    state.counters.add(member, Counter.packetsDropped);
    return;
  }
  backlog.socketBytes += truesize;
  backlog.packets.push({ run });
}

/** Lets a resumed process find what waited for it. */
export function runBacklog(state: State, member: number): void {
  const backlog = state.backlogs.get(member);
  if (backlog === undefined) return;
  state.backlogs.delete(member);
  for (const deferred of [...backlog.timers, ...backlog.packets]) {
    if (!state.members.isRunning(member)) return;
    deferred.run(state.nowNs);
  }
}

/** A callback's guard: the process that asked still lives. */
export function sameProcess(state: State, member: number): () => boolean {
  const generation = state.members.generationOf(member);
  return () => state.members.isUp(member) && state.members.generationOf(member) === generation;
}

function backlogOf(state: State, member: number): Backlog {
  let backlog = state.backlogs.get(member);
  if (backlog === undefined) {
    backlog = { timers: [], packets: [], socketBytes: 0 };
    state.backlogs.set(member, backlog);
  }
  return backlog;
}
