/**
 * What a member as a serf agent says and hears in a push/pull (serf `delegate.go` `LocalState`,
 * `MergeRemoteState`). Events are taken in and not told: gossip has carried them.
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
export function serfStateOf(member: LiveMember): Uint8Array {
  const { clock, eventClock, queryClock } = member.serf;
  const statusTimes = new Map<string, number>();
  const leftMembers: string[] = [];
  for (const { name, statusTime, serfStatus } of member.list) {
    statusTimes.set(name, statusTime);
    if (serfStatus === SerfStatus.left) leftMembers.push(name);
  }
  return encodeSerfPushPull({
    lamportTime: clock.time,
    statusTimes,
    leftMembers,
    eventLamportTime: eventClock.time,
    queryLamportTime: queryClock.time,
  });
}

/** Takes in the user state of another agent. */
export function mergeSerfState(context: LiveContext, member: LiveMember, state: Uint8Array): void {
  const remote = decodeSerfPushPull(state);
  if (remote === undefined) {
    context.counters.badUserMessages++;
    return;
  }
  const { clock, eventClock, queryClock } = member.serf;
  // nothing has been said at these times yet
  clock.witness(remote.lamportTime - 1);
  eventClock.witness(remote.eventLamportTime - 1);
  queryClock.witness(remote.queryLamportTime - 1);
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
