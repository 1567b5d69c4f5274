/**
 * Queries: each is heard once and passed on once; whoever its filters let through acknowledges it
 * if asked to, and answers those of serf itself (serf `serf.go` `handleQuery`, `query.go`
 * `shouldProcessQuery`, `relayResponse`; `internal_query.go`). No program runs behind a member: other
 * queries have the answer that was given for their name, or none, as with an agent that has no
 * handler.
 */
import { observationKind } from '../../../sim/observations.ts';
import { MessageType, NodeState } from '../../../wire/memberlist/message.ts';
import {
  decodeFilter,
  encodeConflictResponse,
  encodeQueryResponse,
  encodeRelay,
  type Query,
  QueryFlag,
} from '../../../wire/serf/query.ts';
import { decodeTags } from '../../../wire/serf/tags.ts';
import {
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  randomNodes,
} from '../live-member.ts';
import { serfNodeOf } from './gone.ts';
import { answerKeyQuery } from './key-queries.ts';
import { isTagMatch } from './tag-pattern.ts';

/** A member hears of a query that is meant for it; the text is its name. */
export const SERF_QUERY_HEARD = observationKind('serf.query');

/** `QueryResponseSizeLimit`. */
export const QUERY_RESPONSE_BYTES_MAX = 1024;
const UINT32_MAX = 0xffff_ffff;
/** The delegate's protocol from which agents relay (`relayResponse`). */
const RELAY_PROTOCOL = 5;

/** Takes in a query; true when it is news, which is to be passed on. */
export function takeQuery(context: LiveContext, member: LiveMember, query: Query): boolean {
  const { queryClock, recentQueries } = member.serf;
  queryClock.witness(query.lamportTime);
  if (!recentQueries.add(query.lamportTime, query.id, queryClock.time)) return false;
  if (query.filters.every((filter) => isLetThrough(member, filter))) {
    context.world.observe(SERF_QUERY_HEARD, member.index, query.lamportTime, query.id, query.name);
    if ((query.flags & QueryFlag.ack) !== 0) respond(context, member, query, undefined);
    const answer = answerOf(context, member, query) ?? context.answers.get(query.name);
    if (answer !== undefined) respond(context, member, query, answer);
  }
  return (query.flags & QueryFlag.noBroadcast) === 0;
}

/** Whether a member's answer with that payload is short enough, whatever the query. */
export function isAnswer({ name: from }: LiveMember, payload: Uint8Array): boolean {
  const response = { lamportTime: UINT32_MAX, id: UINT32_MAX, from, flags: 0, payload };
  return encodeQueryResponse(response).length <= QUERY_RESPONSE_BYTES_MAX;
}

/** Sends one of serf's messages to one address, with nothing beside it. */
export function sendSerf(
  context: LiveContext,
  member: LiveMember,
  to: LiveAddress,
  payload: Uint8Array,
): void {
  context.transport.sendPacket(member, to, [{ type: MessageType.user, payload }], false);
}

/** Answers, or acknowledges when there is no payload, and again through some others if asked to. */
function respond(
  context: LiveContext,
  member: LiveMember,
  query: Query,
  payload: Uint8Array | undefined,
): void {
  const { lamportTime, id, address, port, sourceNode, relayFactor } = query;
  if (address === undefined) return;
  const flags = payload === undefined ? QueryFlag.ack : 0;
  const response = encodeQueryResponse({ lamportTime, id, from: member.name, flags, payload });
  if (response.length > QUERY_RESPONSE_BYTES_MAX) return;
  sendSerf(context, member, { address, port }, response);
  if (relayFactor === 0 || member.list.length < relayFactor + 1) return;
  const relayed = encodeRelay(address, port, sourceNode, response);
  if (relayed.length > QUERY_RESPONSE_BYTES_MAX) return;
  const relays = randomNodes(context, member, relayFactor, ({ name, state, vsn }) => {
    return name === member.name || state !== NodeState.alive || (vsn[4] ?? 0) < RELAY_PROTOCOL;
  });
  for (const node of relays) sendSerf(context, member, node, relayed);
}

/** The payload of the answer to a query of serf itself. */
function answerOf(context: LiveContext, member: LiveMember, query: Query): Uint8Array | undefined {
  if (query.name !== '_serf_conflict') return answerKeyQuery(context, member, query);
  const name = new TextDecoder().decode(query.payload);
  if (name === member.name) return undefined;
  const node = serfNodeOf(member, name);
  if (node === undefined) return encodeConflictResponse(undefined);
  const { address, port, serfStatus: status, vsn } = node;
  const tags = decodeTags(node.meta ?? new Uint8Array(0));
  return encodeConflictResponse({ name, address, port, status, vsn, tags });
}

function isLetThrough(member: LiveMember, bytes: Uint8Array): boolean {
  const filter = decodeFilter(bytes);
  if (filter === undefined) return false;
  if ('names' in filter) return filter.names.includes(member.name);
  return isTagMatch(filter.expression, decodeTags(member.meta).get(filter.tag) ?? '');
}
