/**
 * A process gets to what waited for it: first its timers, in the order in which they were due, as
 * Go's runtime does, then its sockets.
 *
 * A process that is resumed has all its CPUs again, so its one consumer of messages keeps pace with
 * the receive loop. A starved one gets one at a time, and on that the loop reads all packets that
 * wait before the consumer gets a turn: it answers probe traffic itself and hands the rest over in
 * two queues of HandoffQueueDepth messages, alive and others, dropping what does not fit; the
 * consumer takes alive before others, and the newest of each first (memberlist `net.go`
 * `packetListen`, `handleCommand`, `packetHandler`).
 */
import { MessageType } from '../../wire/memberlist/message.ts';
import { Counter } from '../counters.ts';
import type { Part } from '../message.ts';
import type { State } from '../state.ts';
import type { HeldPacket, Run } from './backlog.ts';
import { sameProcess } from './process.ts';
import { handlePacket, handlePart, isControl } from './receive.ts';

/** A message in a handoff queue. */
interface Handed {
  readonly from: number;
  readonly part: Part;
}

/** A process can go on: handles all that waits. */
export function runBacklog(state: State, member: number): void {
  const backlog = state.backlogs.get(member);
  if (backlog === undefined) return;
  const { timers, arrivals } = backlog.take(backlog.batches.length);
  const lives = runAll(state, member, timers);
  for (const arrival of arrivals) {
    if (!lives()) return;
    if (typeof arrival === 'function') arrival(state.nowNs);
    else handlePacket(state, member, arrival.from, arrival.parts);
  }
}

/** A starved process gets a CPU: handles the batch that is due. */
export function runFirstBatch(state: State, member: number): void {
  const { timers, arrivals } = state.backlogs.get(member)!.take(1);
  const lives = runAll(state, member, timers);
  const { handoffQueueDepth } = state.configOf(member);
  const alive: Handed[] = [];
  const others: Handed[] = [];
  const read = ({ from, parts }: HeldPacket): void => {
    for (const part of parts) {
      const queue = part.type === MessageType.alive ? alive : others;
      if (isControl(part)) handlePart(state, member, from, part);
      else if (queue.length < handoffQueueDepth) queue.push({ from, part });
      else state.counters.add(member, Counter.messagesDropped);
    }
  };
  for (const arrival of arrivals) {
    if (!lives()) return;
    if (typeof arrival === 'function') arrival(state.nowNs);
    else read(arrival);
  }
  for (const { from, part } of [...alive.reverse(), ...others.reverse()]) {
    if (!lives()) return;
    handlePart(state, member, from, part);
  }
}

/** Runs timers until the process ends; returns whether it still lives, also later. */
function runAll(state: State, member: number, timers: readonly Run[]): () => boolean {
  const lives = sameProcess(state, member);
  for (const timer of timers) if (lives()) timer(state.nowNs);
  return lives;
}
