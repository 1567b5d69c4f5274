/**
 * Packets that arrive (memberlist `net.go` `ingestPacket`, `handleCommand`, `packetHandler`).
 *
 * The receive loop handles probe traffic itself and hands the rest to one consumer, which takes
 * alive messages before others and the newest of each kind first. Here all parts of a packet are
 * handed over before the consumer begins.
 */
import { MessageType } from '../../wire/memberlist/message.ts';
import { mayTellOfLife } from '../admission.ts';
import { Counter } from '../counters.ts';
import { handleAck, handleIndirectPing, handleNack, handlePing } from '../detection/probe.ts';
import type { Control, Part } from '../message.ts';
import type { State } from '../state.ts';
import { aliveNode, deadNode, suspectNode } from '../state-table.ts';
import { holdPacket } from './process.ts';
import { isSettledOn } from './redundant.ts';

/** A packet arrives at a host. */
export function onArrival(state: State, slot: number): void {
  const { flights } = state;
  const from = flights.senderOf(slot);
  const to = flights.receiverOf(slot);
  const sizeBytes = flights.sizeBytesOf(slot);
  const content = flights.release(slot);
  if (!('length' in content)) {
    if (state.members.isRunning(to) && state.dialects.isUniform)
      handlePart(state, to, from, content);
    else receiveParts(state, to, from, sizeBytes, [content]);
  } else receiveParts(state, to, from, sizeBytes, content);
}

/** A packet is at the socket: the process handles it, now or when it runs again. */
export function receiveParts(
  state: State,
  to: number,
  from: number,
  sizeBytes: number,
  parts: readonly Part[],
): void {
  if (!state.dialects.isUniform && !state.dialects.hears(from, to)) {
    if (state.members.isUp(to)) state.counters.add(to, Counter.packetsDropped);
    return;
  }
  const { members } = state;
  const mustWait = !members.isRunning(to) && members.isUp(to);
  if (mustWait && holdPacket(state, to, from, sizeBytes, parts)) return;
  if (members.isUp(to)) handlePacket(state, to, from, parts);
}

/**
 * Handles the parts of a packet: probe traffic at once, in order; then what was queued for the one
 * consumer, which takes alive before the others and the newest of each first.
 */
export function handlePacket(
  state: State,
  member: number,
  from: number,
  parts: readonly Part[],
): void {
  if (parts.length === 1) {
    handlePart(state, member, from, parts[0]!);
    return;
  }
  for (const part of parts) if (isControl(part)) handlePart(state, member, from, part);
  for (let i = parts.length - 1; i >= 0; i--) {
    if (parts[i]!.type === MessageType.alive) handlePart(state, member, from, parts[i]!);
  }
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    if (part.type !== MessageType.alive && !isControl(part)) handlePart(state, member, from, part);
  }
}

/** Whether the receive loop handles the part itself. */
export function isControl(part: Part): part is Control {
  const { type } = part;
  return (
    type === MessageType.ping ||
    type === MessageType.ack ||
    type === MessageType.indirectPing ||
    type === MessageType.nack
  );
}

/** Handles one part of a packet. */
export function handlePart(state: State, member: number, from: number, part: Part): void {
  switch (part.type) {
    case MessageType.ping:
      handlePing(state, member, from, part);
      break;
    case MessageType.indirectPing:
      handleIndirectPing(state, member, from, part);
      break;
    case MessageType.ack:
      handleAck(state, member, part);
      break;
    case MessageType.nack:
      handleNack(state, member, part.seqNo);
      break;
    case MessageType.suspect:
      if (state.shortcuts && isSettledOn(state, member, part)) break;
      suspectNode(state, member, part.subject, part.incarnation, part.from, part);
      break;
    case MessageType.alive:
      if (state.hasGuards && !mayTellOfLife(state, member, from)) break;
      aliveNode(state, member, part, false);
      break;
    case MessageType.dead:
      if (state.shortcuts && isSettledOn(state, member, part)) break;
      deadNode(state, member, part.subject, part.incarnation, part.from, part);
      break;
    case MessageType.user:
      state.delegate?.notifyMessage(member, from, part.message);
      break;
  }
}
