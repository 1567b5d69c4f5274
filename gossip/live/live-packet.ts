/**
 * What a live member puts in packets: a message with what else there is to spread, as far as the
 * packet has room (memberlist `net.go` `encodeAndSendMsg`, `broadcast.go` `getBroadcasts`,
 * `state.go` `gossip`).
 */
import { formatHostAddress } from '../../wire/host-address.ts';
import {
  MessageType,
  NodeState,
  type PacketMessage,
  sizeOf,
} from '../../wire/memberlist/message.ts';
import { COMPOUND_OVERHEAD, USER_MSG_OVERHEAD } from '../constants.ts';
import { OWN_ADDRESS } from '../dissemination/broadcast-queue.ts';
import { retransmitLimit } from '../formulas.ts';
import { gossipRoom, roomBesides } from '../transport/packet.ts';
import {
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  type LiveNode,
  type LiveRumor,
  later,
  maySendTo,
  nextTickAtNs,
  randomNodes,
} from './live-member.ts';
import { hasUserBroadcasts, takeUserBroadcasts } from './serf/user-messages.ts';

/** The protocol version from which packets carry a checksum. */
const CRC_PROTOCOL = 5;

/** Queues a message about a node, in the place of what waits about it. */
export function spread(
  member: LiveMember,
  node: LiveNode,
  message: LiveRumor['message'],
  onFinished?: () => void,
): void {
  member.queue.add(node.held.number, { message, sizeBytes: sizeOf(message) }, onFinished);
}

/** Queues a refutation: upstream names it after the member's own address. */
export function spreadRefutation(member: LiveMember, message: LiveRumor['message']): void {
  member.queue.add(OWN_ADDRESS, { message, sizeBytes: sizeOf(message) });
}

/** Sends one message and what fits beside it. */
export function sendMessage(
  context: LiveContext,
  member: LiveMember,
  to: LiveAddress,
  message: PacketMessage,
): void {
  if (!maySendTo(member, to)) return;
  const limitBytes = roomBesides(member.config, sizeOf(message));
  const messages = [message, ...takeBroadcasts(member, limitBytes)];
  // upstream looks the target's version up by its address, which few are called by
  const namesake = member.nodes.get(formatHostAddress(to.address));
  context.transport.sendPacket(member, to, messages, namesake !== undefined && hasCrc(namesake));
}

/** Sends these messages together, and nothing beside them. */
export function sendCompound(
  context: LiveContext,
  member: LiveMember,
  to: LiveNode,
  messages: readonly PacketMessage[],
): void {
  context.transport.sendPacket(member, to, messages, hasCrc(to));
}

/** Starts the gossip ticker. */
export function armGossip(context: LiveContext, member: LiveMember, atNs: number): void {
  later(context, member, atNs, (nowNs) => {
    onGossipTick(context, member, nowNs);
    armGossip(context, member, nextTickAtNs(atNs, member.config.gossipIntervalNs, nowNs));
  });
}

/** With nothing to say nobody is chosen: at rest, choosing was a tenth of what members cost. */
function onGossipTick(context: LiveContext, member: LiveMember, nowNs: number): void {
  if (member.queue.count === 0 && !hasUserBroadcasts(member)) return;
  const { gossipNodes, gossipToTheDeadTimeNs } = member.config;
  const targets = randomNodes(context, member, gossipNodes, (node) => {
    if (node.name === member.name || node.state === NodeState.left) return true;
    return node.state === NodeState.dead && nowNs - node.changedAtNs > gossipToTheDeadTimeNs;
  });
  for (const node of targets) {
    const messages = takeBroadcasts(member, gossipRoom(member.config));
    if (messages.length === 0) return;
    context.transport.sendPacket(member, node, messages, hasCrc(node));
  }
}

function takeBroadcasts(member: LiveMember, limitBytes: number): PacketMessage[] {
  const transmitLimit = retransmitLimit(member.config.retransmitMult, member.list.length);
  const taken: LiveRumor[] = [];
  const usedBytes = member.queue.take(COMPOUND_OVERHEAD, limitBytes, transmitLimit, taken);
  const messages: PacketMessage[] = taken.map((rumor) => rumor.message);
  const leftBytes = limitBytes - usedBytes;
  if (leftBytes > COMPOUND_OVERHEAD + USER_MSG_OVERHEAD) {
    for (const payload of takeUserBroadcasts(member, COMPOUND_OVERHEAD, leftBytes)) {
      messages.push({ type: MessageType.user, payload });
    }
  }
  return messages;
}

function hasCrc(node: LiveNode): boolean {
  return (node.vsn[1] ?? 0) >= CRC_PROTOCOL;
}
