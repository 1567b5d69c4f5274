/**
 * What a member as a serf agent says and hears in a push/pull (serf `delegate.go` `LocalState`,
 * `MergeRemoteState`). Whoever joins itself takes no events of before, as an agent without `-replay`.
 */
import {
  decodeSerfPushPull,
  encodeSerfPushPull,
  SerfStatus,
  SerfType,
} from '../../../wire/serf/message.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';
import { takeIntent } from './intents.ts';
import { takeUserEvent } from './user-events.ts';

/** The user state that goes with a push/pull. */
export function serfStateOf(context: LiveContext, member: LiveMember): Uint8Array {
  const { clock, eventClock, queryClock, recentEvents } = member.serf;
  const statusTimes = new Map<string, number>();
  const leftMembers: string[] = [];
  for (const { name, statusTime, serfStatus } of [...member.list, ...member.gone.values()]) {
    statusTimes.set(name, statusTime);
    if (serfStatus === SerfStatus.left) leftMembers.push(name);
  }
  return encodeSerfPushPull({
    lamportTime: clock.time,
    statusTimes,
    leftMembers,
    eventLamportTime: eventClock.time,
    eventSlots: recentEvents.slots.map((slot) =>
      slot?.keys.flatMap((key) => context.events.get(slot.time, key) ?? []),
    ),
    queryLamportTime: queryClock.time,
  });
}

/** Takes in the user state of another agent; `isOwnJoin` if the member has joined through it. */
export function mergeSerfState(
  context: LiveContext,
  member: LiveMember,
  state: Uint8Array,
  isOwnJoin: boolean,
): void {
  const remote = decodeSerfPushPull(state);
  if (remote === undefined) {
    context.counters.badUserMessages++;
    return;
  }
  const { clock, eventClock, eventTimeMin, queryClock } = member.serf;
  // nothing has been said at these times yet
  clock.witness(remote.lamportTime - 1);
  eventClock.witness(remote.eventLamportTime - 1);
  queryClock.witness(remote.queryLamportTime - 1);
  if (isOwnJoin) member.serf.eventTimeMin = Math.max(eventTimeMin, remote.eventLamportTime);
  const left = new Set(remote.leftMembers);
  for (const node of left) {
    const lamportTime = (remote.statusTimes.get(node) ?? 0) + 1;
    takeIntent(context, member, { type: SerfType.leave, lamportTime, node });
  }
  for (const [node, lamportTime] of remote.statusTimes) {
    if (!left.has(node)) takeIntent(context, member, { type: SerfType.join, lamportTime, node });
  }
  for (const event of remote.events) takeUserEvent(context, member, event);
}
