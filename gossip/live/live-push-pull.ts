/**
 * How live members exchange all they know over a stream: joins, periodic push/pulls, and the answer
 * to both (memberlist `state.go` `pushPull`, `pushPullNode`, `mergeState`; `net.go` `handleConn`,
 * `mergeRemoteState`).
 */
import {
  MessageType,
  NodeState,
  type PushNodeState,
  type PushPull,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import { pushPullScaleNs } from '../formulas.ts';
import { verifyProtocol } from '../protocol-versions.ts';
import {
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  later,
  maySendTo,
  randomNodes,
  wireAddressOf,
} from './live-member.ts';
import { aliveNode, deadNode, suspectNode } from './live-state-table.ts';
import { settlePeerKind } from './peer-kind.ts';
import { mergeSerfState, serfStateOf } from './serf/user-state.ts';

/** Hears how an exchange went: `undefined`, or the text of what went wrong. */
export type OnExchanged = (error: string | undefined) => void;

/** Starts the timer of periodic push/pulls; how many nodes there are counts after the delay. */
export function startPushPull(context: LiveContext, member: LiveMember, delayNs: number): void {
  later(context, member, context.world.nowNs + delayNs, () => armPushPull(context, member));
}

function armPushPull(context: LiveContext, member: LiveMember): void {
  const intervalNs = pushPullScaleNs(member.config.pushPullIntervalNs, member.list.length);
  later(context, member, context.world.nowNs + intervalNs, () => {
    const [peer] = randomNodes(
      context,
      member,
      1,
      (node) => node.name === member.name || node.state !== NodeState.alive,
    );
    const again = (): void => armPushPull(context, member);
    if (peer === undefined) again();
    else pushPullNode(context, member, peer, false, again);
  });
}

/** Exchanges state with whoever listens there. */
export function pushPullNode(
  context: LiveContext,
  member: LiveMember,
  to: LiveAddress,
  join: boolean,
  onExchanged: OnExchanged,
): void {
  if (!maySendTo(member, to)) {
    onExchanged('memberlist: node names are required by configuration but one was not provided');
    return;
  }
  const deadlineNs = context.world.nowNs + member.config.tcpTimeoutNs;
  const request = stateOf(context, member, join);
  context.transport.exchange(member, to, request, deadlineNs, (reply) => {
    if (!member.isUp) return;
    if (typeof reply === 'string') onExchanged(reply);
    else if (reply.type === MessageType.err) onExchanged(`remote error: ${reply.error}`);
    else if (reply.type === MessageType.pushPull)
      onExchanged(mergeState(context, member, reply, join));
    else onExchanged(`received invalid msgType (${reply.type}), expected pushPullMsg (6)`);
  });
}

/**
 * Answers a stream. The answer to a push/pull is what the member knew before it takes in what the
 * other side knows.
 */
export function answerStream(
  context: LiveContext,
  member: LiveMember,
  request: StreamMessage,
  reply: (message: StreamMessage) => void,
): void {
  if (request.type === MessageType.pushPull) {
    settlePeerKind(context, request.nodes);
    reply(stateOf(context, member, request.join));
    mergeState(context, member, request, false);
  } else if (request.type === MessageType.ping) {
    if (request.node !== '' && request.node !== member.name) return;
    reply({ type: MessageType.ack, seqNo: request.seqNo, payload: undefined });
  }
}

function stateOf(context: LiveContext, member: LiveMember, join: boolean): PushPull {
  const nodes = member.list.map((node): PushNodeState => {
    const { name, address, port, meta, vsn, incarnation, state } = node;
    return { name, addr: wireAddressOf(address), port, meta, vsn, incarnation, state };
  });
  const userState = context.peers === 'serf' ? serfStateOf(context, member) : new Uint8Array(0);
  return { type: MessageType.pushPull, join, nodes, userState };
}

/** Takes in what another member knows, through whom one may have joined; what forbids it. */
function mergeState(
  context: LiveContext,
  member: LiveMember,
  remote: PushPull,
  isOwnJoin: boolean,
): string | undefined {
  settlePeerKind(context, remote.nodes);
  const versions = remote.nodes.map(({ name, state, vsn = NO_VERSIONS }) => ({ name, state, vsn }));
  const error = verifyProtocol(versions, member.list);
  if (error !== undefined) return error;
  for (const { name, addr, port, meta, vsn, incarnation, state } of remote.nodes) {
    if (state === NodeState.alive) {
      const type = MessageType.alive;
      aliveNode(context, member, { type, node: name, addr, port, meta, vsn, incarnation });
    } else if (state === NodeState.left) {
      deadNode(context, member, { type: MessageType.dead, node: name, from: name, incarnation });
    } else if (state === NodeState.suspect || state === NodeState.dead) {
      const from = member.name;
      suspectNode(context, member, { type: MessageType.suspect, node: name, from, incarnation });
    }
  }
  if (context.peers === 'serf' && remote.userState.length > 0) {
    mergeSerfState(context, member, remote.userState, isOwnJoin);
  }
  return undefined;
}

const NO_VERSIONS = new Uint8Array(0);
