/**
 * Queries that members make: who acknowledges and answers within a time (serf `serf.go` `Query`,
 * `handleQueryResponse`; `query.go` `DefaultQueryTimeout`).
 */
import { drawBelow } from '../../../sim/chance.ts';
import {
  decodeQueryResponse,
  encodeQuery,
  QueryFlag,
  type QueryResponse,
} from '../../../wire/serf/query.ts';
import { type LiveContext, type LiveMember, later } from '../live-member.ts';
import { passOn } from './intents.ts';
import { takeQuery } from './queries.ts';
import type { OpenQuery } from './serf-state.ts';

/** `QuerySizeLimit`. */
const QUERY_BYTES_MAX = 1024;
/** `QueryTimeoutMult`. */
const QUERY_TIMEOUT_MULT = 16;
/** Names that are believed to have answered one query; upstream has no limit. */
const ANSWERS_MAX = 4096;

/** What became of a query. */
export interface Answers {
  /** Who has acknowledged it. */
  readonly acks: readonly string[];
  readonly responses: ReadonlyMap<string, Uint8Array>;
}

/** A question to all; `timeoutNs` is serf's own where there is none. */
export interface Question {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly timeoutNs?: number | undefined;
}

/** Asks, and hands over what has come when the time is over; the text of what forbids it. */
export function ask(
  context: LiveContext,
  member: LiveMember,
  { name, payload, timeoutNs = queryTimeoutNs(member) }: Question,
  onAnswers: (answers: Answers) => void,
): string | undefined {
  const { queryClock, openQueries, queryQueue } = member.serf;
  const query = {
    lamportTime: queryClock.time,
    id: drawBelow(context.drawKey, 2 ** 32, context.drawCount++),
    address: member.address,
    port: member.port,
    sourceNode: member.name,
    filters: [],
    flags: QueryFlag.ack,
    relayFactor: 0,
    timeoutNs,
    name,
    payload,
  };
  const encoded = encodeQuery(query);
  if (encoded.length > QUERY_BYTES_MAX) return `query exceeds limit of ${QUERY_BYTES_MAX} bytes`;
  const { lamportTime, id } = query;
  const open: OpenQuery = { id, acks: new Set(), responses: new Map() };
  openQueries.set(lamportTime, open);
  later(context, member, context.world.nowNs + timeoutNs, () => {
    openQueries.delete(lamportTime);
    onAnswers({ acks: [...open.acks], responses: open.responses });
  });
  takeQuery(context, member, query);
  passOn(context, queryQueue, encoded);
  return undefined;
}

/** Takes in an answer, if somebody waits for it. */
export function takeAnswer(context: LiveContext, member: LiveMember, payload: Uint8Array): void {
  const response = decodeQueryResponse(payload);
  if (response === undefined) {
    context.counters.badUserMessages++;
    return;
  }
  const open = member.serf.openQueries.get(response.lamportTime);
  if (open !== undefined && open.id === response.id) count(open, response);
}

function count({ acks, responses }: OpenQuery, { from, flags, payload }: QueryResponse): void {
  if ((flags & QueryFlag.ack) !== 0) {
    if (acks.size < ANSWERS_MAX) acks.add(from);
  } else if (responses.size < ANSWERS_MAX && !responses.has(from)) {
    responses.set(from, payload ?? new Uint8Array(0));
  }
}

/** `DefaultQueryTimeout`. */
function queryTimeoutNs({ config, list }: LiveMember): number {
  return config.gossipIntervalNs * QUERY_TIMEOUT_MULT * Math.ceil(Math.log10(list.length + 1));
}
