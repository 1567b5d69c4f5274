/**
 * The way of what arrives at a member in a packet (memberlist `net.go` `handleCommand`,
 * `packetHandler`): probes and answers are handled as they come, the rest goes through two handoff
 * queues, alive before the others and the newest first.
 */
import { MessageType, type PacketMessage } from '../../wire/memberlist/message.ts';
import type { LiveAddress, LiveContext, LiveMember } from './live-member.ts';
import { onIndirectPing, onPing } from './live-probe.ts';
import { aliveNode, deadNode, suspectNode } from './live-state-table.ts';
import { receiveUser } from './serf/user-messages.ts';

/** A packet has arrived. */
export function receiveMessages(
  context: LiveContext,
  member: LiveMember,
  messages: readonly PacketMessage[],
  from: LiveAddress,
): void {
  const high: PacketMessage[] = [];
  const low: PacketMessage[] = [];
  for (const message of messages) {
    if (isControl(context, member, message, from)) continue;
    const queue = message.type === MessageType.alive ? high : low;
    if (queue.length < member.config.handoffQueueDepth) queue.push(message);
    else context.counters.handoffDropped++;
  }
  for (let i = high.length - 1; i >= 0; i--) handle(context, member, high[i]!);
  for (let i = low.length - 1; i >= 0; i--) handle(context, member, low[i]!);
}

/** True for what is handled at once. */
function isControl(
  context: LiveContext,
  member: LiveMember,
  message: PacketMessage,
  from: LiveAddress,
): boolean {
  switch (message.type) {
    case MessageType.ping:
      onPing(context, member, message, from);
      return true;
    case MessageType.indirectPing:
      onIndirectPing(context, member, message, from);
      return true;
    case MessageType.ack:
      member.ackHandlers.get(message.seqNo)?.onAck(message.payload);
      return true;
    case MessageType.nack:
      member.ackHandlers.get(message.seqNo)?.onNack();
      return true;
    default:
      return false;
  }
}

function handle(context: LiveContext, member: LiveMember, message: PacketMessage): void {
  switch (message.type) {
    case MessageType.alive:
      aliveNode(context, member, message);
      break;
    case MessageType.suspect:
      suspectNode(context, member, message);
      break;
    case MessageType.dead:
      deadNode(context, member, message);
      break;
    case MessageType.user:
      if (context.peers === 'serf') receiveUser(context, member, message.payload);
  }
}
