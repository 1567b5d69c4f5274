/**
 * What a member as a serf agent does with memberlist's user messages, and what it puts in packets
 * (serf `delegate.go` `NotifyMsg`, `GetBroadcasts`).
 */
import {
  decodeIntent,
  decodeUserEvent,
  type Intent,
  SerfType,
  type UserEvent,
} from '../../../wire/serf/message.ts';
import { decodeQuery, decodeRelay, type Query } from '../../../wire/serf/query.ts';
import { retransmitLimit } from '../../formulas.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';
import { takeAnswer } from './asking.ts';
import { passOn, takeIntent } from './intents.ts';
import { sendSerf, takeQuery } from './queries.ts';
import type { SerfQueue } from './serf-state.ts';
import { takeUserEvent } from './user-events.ts';

/** Takes in a user message, and passes on what is new. */
export function receiveUser(context: LiveContext, member: LiveMember, payload: Uint8Array): void {
  const { intentQueue, eventQueue, queryQueue } = member.serf;
  switch (payload[0]) {
    case SerfType.leave:
    case SerfType.join: {
      const take = (intent: Intent): boolean => takeIntent(context, member, intent);
      handle(context, intentQueue, payload, decodeIntent, take);
      break;
    }
    case SerfType.userEvent: {
      const take = (event: UserEvent): boolean => takeUserEvent(context, member, event);
      handle(context, eventQueue, payload, decodeUserEvent, take);
      break;
    }
    case SerfType.query: {
      const take = (query: Query): boolean => takeQuery(context, member, query);
      handle(context, queryQueue, payload, decodeQuery, take);
      break;
    }
    case SerfType.relay: {
      const relay = decodeRelay(payload);
      if (relay === undefined) context.counters.badUserMessages++;
      else sendSerf(context, member, relay, relay.payload);
      break;
    }
    case SerfType.queryResponse:
      takeAnswer(context, member, payload);
      break;
    default:
      context.counters.badUserMessages++;
  }
}

/** True while anything waits to be passed on. */
export function hasUserBroadcasts({ serf }: LiveMember): boolean {
  return serf.intentQueue.count + serf.queryQueue.count + serf.eventQueue.count > 0;
}

/** Takes payloads that fit, intents before queries before events. */
export function takeUserBroadcasts(
  member: LiveMember,
  overheadBytes: number,
  limitBytes: number,
): Uint8Array[] {
  const { intentQueue, queryQueue, eventQueue } = member.serf;
  const transmitLimit = retransmitLimit(member.config.retransmitMult, member.list.length);
  const taken: Uint8Array[] = [];
  let leftBytes = limitBytes;
  for (const queue of [intentQueue, queryQueue, eventQueue]) {
    leftBytes -= queue.take(overheadBytes, leftBytes, transmitLimit, taken);
  }
  return taken;
}

function handle<T>(
  context: LiveContext,
  queue: SerfQueue,
  payload: Uint8Array,
  decode: (payload: Uint8Array) => T | undefined,
  take: (message: T) => boolean,
): void {
  const message = decode(payload);
  if (message === undefined) context.counters.badUserMessages++;
  else if (take(message)) passOn(context, queue, payload);
}
