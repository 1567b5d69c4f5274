/**
 * How a live member probes its peers, directly, through helpers and over TCP, and answers their
 * probes (memberlist `state.go` `probe`, `probeNode`, `resetNodes`; `net.go` `handlePing`,
 * `handleIndirectPing`, `handleAck`, `handleNack`).
 */
import {
  type IndirectPing,
  MessageType,
  NodeState,
  type Ping,
} from '../../wire/memberlist/message.ts';
import {
  addressOfWire,
  addToScore,
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  type LiveNode,
  later,
  nextTickAtNs,
  portOf,
  randomNodes,
  shuffleLive,
  wireAddressOf,
} from './live-member.ts';
import { sendCompound, sendMessage } from './live-packet.ts';
import { suspectNode } from './live-state-table.ts';
import { rememberGone } from './serf/gone.ts';
import { ackPayloadOf, onPingComplete } from './serf/ping-delegate.ts';

/** Protocol versions from which a member answers a TCP ping, and sends nacks. */
const TCP_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;

/** Answers that a member waits for at a time; upstream has no limit. */
const ACK_HANDLERS_MAX = 1024;

/** One probe on its way. */
interface Probe {
  readonly node: LiveNode;
  readonly sentAtNs: number;
  readonly incarnation: number;
  readonly ping: Ping;
  readonly deadlineAtNs: number;
  expectedNacks: number;
  nackCount: number;
  hasTcpAck: boolean;
  isOver: boolean;
}

/** Starts the probe ticker. */
export function armProbe(context: LiveContext, member: LiveMember, atNs: number): void {
  later(context, member, atNs, (nowNs) => {
    if (member.isProbing) member.hasPendingTick = true;
    else probeNext(context, member);
    armProbe(context, member, nextTickAtNs(atNs, member.config.probeIntervalNs, nowNs));
  });
}

/** Answers a ping that came from `from`. */
export function onPing(
  context: LiveContext,
  member: LiveMember,
  ping: Ping,
  from: LiveAddress,
): void {
  if (ping.node !== '' && ping.node !== member.name) return;
  const ack = { type: MessageType.ack, seqNo: ping.seqNo, payload: ackPayloadOf(context, member) };
  sendMessage(context, member, sourceOf(ping, from), ack);
}

/** Pings somebody for `from`. */
export function onIndirectPing(
  context: LiveContext,
  member: LiveMember,
  request: IndirectPing,
  from: LiveAddress,
): void {
  const address = addressOfWire(request.target);
  if (address === undefined || member.ackHandlers.size >= ACK_HANDLERS_MAX) return;
  const target = { address, port: portOf(member, request.port), name: request.node };
  const requester = sourceOf(request, from);
  const ping = pingOf(member, request.node);
  const atNs = context.world.nowNs + member.config.probeTimeoutNs;
  let isAcked = false;
  member.ackHandlers.set(ping.seqNo, {
    onAck: () => {
      isAcked = true;
      member.ackHandlers.delete(ping.seqNo);
      const ack = { type: MessageType.ack, seqNo: request.seqNo, payload: undefined };
      sendMessage(context, member, requester, ack);
    },
    onNack: () => {},
  });
  sendMessage(context, member, target, ping);
  later(context, member, atNs, () => {
    member.ackHandlers.delete(ping.seqNo);
    if (isAcked || !request.nack) return;
    sendMessage(context, member, requester, { type: MessageType.nack, seqNo: request.seqNo });
  });
}

/** Probes the next node of the ring, if there is one to probe (`probe`). */
function probeNext(context: LiveContext, member: LiveMember): void {
  const { list } = member;
  for (let checkedCount = 0; checkedCount < list.length; checkedCount++) {
    if (member.probeIndex >= list.length) {
      resetNodes(context, member);
      member.probeIndex = 0;
      continue;
    }
    const node = list[member.probeIndex++]!;
    const isGone = node.state === NodeState.dead || node.state === NodeState.left;
    if (node.name === member.name || isGone) continue;
    probeNode(context, member, node);
    return;
  }
}

/** Forgets those that have been gone for long, and shuffles the ring. */
function resetNodes(context: LiveContext, member: LiveMember): void {
  const { list, nodes, config } = member;
  const { nowNs } = context.world;
  for (let i = list.length - 1; i >= 0; i--) {
    const node = list[i]!;
    const { state, changedAtNs, name, held } = node;
    if (state !== NodeState.dead && state !== NodeState.left) continue;
    if (nowNs - changedAtNs <= config.gossipToTheDeadTimeNs) continue;
    list.splice(i, 1);
    nodes.delete(name);
    if (context.peers === 'serf') rememberGone(context, member, node);
    else context.names.release(held);
  }
  shuffleLive(context, list);
}

function probeNode(context: LiveContext, member: LiveMember, node: LiveNode): void {
  const { config } = member;
  const { nowNs } = context.world;
  const probe: Probe = {
    node,
    sentAtNs: nowNs,
    incarnation: node.incarnation,
    ping: pingOf(member, node.name),
    deadlineAtNs: nowNs + config.probeIntervalNs * (member.score + 1),
    expectedNacks: 0,
    nackCount: 0,
    hasTcpAck: false,
    isOver: false,
  };
  member.isProbing = true;
  member.ackHandlers.set(probe.ping.seqNo, {
    onAck: (payload) => {
      const roundTripNs = context.world.nowNs - probe.sentAtNs;
      if (roundTripNs < config.probeTimeoutNs) {
        onPingComplete(context, member, roundTripNs, payload);
      }
      endProbe(context, member, probe, true);
    },
    onNack: () => {
      probe.nackCount++;
    },
  });
  if (node.state === NodeState.alive || !config.buddyRefutation) {
    sendMessage(context, member, node, probe.ping);
  } else {
    const { name, incarnation } = node;
    const type = MessageType.suspect;
    const suspect = { type, node: name, from: member.name, incarnation };
    sendCompound(context, member, node, [probe.ping, suspect]);
  }
  later(context, member, nowNs + config.probeTimeoutNs, () => {
    if (!probe.isOver) askOthers(context, member, probe);
  });
  later(context, member, probe.deadlineAtNs, () => {
    if (!probe.isOver) endProbe(context, member, probe, probe.hasTcpAck);
  });
}

/** No ack in time: helpers ping the node, and so does the member over TCP. */
function askOthers(context: LiveContext, member: LiveMember, probe: Probe): void {
  const { node, ping } = probe;
  const { indirectChecks, disableTcpPings } = member.config;
  const helpers = randomNodes(
    context,
    member,
    indirectChecks,
    ({ name, state }) => name === member.name || name === node.name || state !== NodeState.alive,
  );
  for (const helper of helpers) {
    const nack = (helper.vsn[1] ?? 0) >= NACK_PROTOCOL;
    if (nack) probe.expectedNacks++;
    const type = MessageType.indirectPing;
    const request = { ...ping, type, target: wireAddressOf(node.address), port: node.port, nack };
    sendMessage(context, member, helper, request);
  }
  if (disableTcpPings || (node.vsn[1] ?? 0) < TCP_PING_PROTOCOL) return;
  context.transport.exchange(member, node, ping, probe.deadlineAtNs, (reply) => {
    if (typeof reply === 'string' || reply.type !== MessageType.ack) return;
    if (reply.seqNo === ping.seqNo) probe.hasTcpAck = true;
  });
}

function endProbe(
  context: LiveContext,
  member: LiveMember,
  probe: Probe,
  hasSucceeded: boolean,
): void {
  probe.isOver = true;
  member.ackHandlers.delete(probe.ping.seqNo);
  member.isProbing = false;
  if (hasSucceeded) {
    addToScore(member, -1);
  } else {
    const missingNacks = Math.max(0, probe.expectedNacks - probe.nackCount);
    addToScore(member, probe.expectedNacks === 0 ? 1 : missingNacks);
    const { incarnation } = probe;
    const type = MessageType.suspect;
    suspectNode(context, member, { type, node: probe.node.name, from: member.name, incarnation });
  }
  if (!member.hasPendingTick) return;
  member.hasPendingTick = false;
  probeNext(context, member);
}

function pingOf(member: LiveMember, node: string): Ping {
  member.seqNo++;
  return {
    type: MessageType.ping,
    seqNo: member.seqNo,
    node,
    sourceAddr: wireAddressOf(member.address),
    sourcePort: member.port,
    sourceNode: member.name,
  };
}

/** Where the answer goes: to the source that the message names, else to whoever sent it. */
function sourceOf(message: Ping | IndirectPing, from: LiveAddress): LiveAddress {
  const { sourceAddr, sourcePort, sourceNode: name } = message;
  const address = addressOfWire(sourceAddr);
  const isTold = address !== undefined && sourcePort !== 0;
  return isTold ? { address, port: sourcePort, name } : { ...from, name };
}
