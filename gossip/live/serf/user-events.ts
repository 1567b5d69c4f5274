/**
 * User events: each is heard once and passed on once (serf `serf.go` `handleUserEvent`,
 * `UserEvent`).
 */
import { hashText } from '../../../sim/chance.ts';
import { observationKind } from '../../../sim/observations.ts';
import { encodeUserEvent, type UserEvent } from '../../../wire/serf/message.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';
import { passOn } from './intents.ts';

/** A member hears of a user event; the text is its name, and its payload after a blank. */
export const SERF_EVENT_HEARD = observationKind('serf.user-event');

/** `UserEventSizeLimit` of serf's default configuration: name and payload. */
const USER_EVENT_BYTES_MAX = 512;

/** Takes in an event; true when it is news, which is to be passed on. */
export function takeUserEvent(context: LiveContext, member: LiveMember, event: UserEvent): boolean {
  const { lamportTime, name, payload } = event;
  const { eventClock, eventTimeMin, recentEvents } = member.serf;
  eventClock.witness(lamportTime);
  if (lamportTime < eventTimeMin) return false;
  const content = new TextDecoder().decode(payload);
  const key = hashText(`${name}\0${content}`);
  if (!recentEvents.add(lamportTime, key, eventClock.time)) return false;
  context.events.add(key, event);
  const text = content === '' ? name : `${name} ${content}`;
  context.world.observe(SERF_EVENT_HEARD, member.index, lamportTime, 0, text);
  return true;
}

/** Makes an event at a member; the text of what forbids it. */
export function sendUserEvent(
  context: LiveContext,
  member: LiveMember,
  name: string,
  payload: Uint8Array,
): string | undefined {
  const lamportTime = member.serf.eventClock.time;
  const encoded = encodeUserEvent({ lamportTime, name, payload });
  if (new TextEncoder().encode(name).length + payload.length > USER_EVENT_BYTES_MAX) {
    return `user event exceeds configured limit of ${USER_EVENT_BYTES_MAX} bytes before encoding`;
  }
  member.serf.eventClock.next();
  takeUserEvent(context, member, { lamportTime, name, payload });
  passOn(context, member.serf.eventQueue, encoded);
  return undefined;
}
