/**
 * Intents to join and to leave, and what serf makes of memberlist's joins and leaves (serf
 * `serf.go` `handleNodeJoinIntent`, `handleNodeLeaveIntent`, `handleNodeJoin`, `handleNodeLeave`,
 * `broadcastJoin`). A member whose intent to leave was heard has left when memberlist loses it; any
 * other has failed.
 */
import { encodeIntent, type Intent, SerfStatus, SerfType } from '../../../wire/serf/message.ts';
import type { LiveContext, LiveMember, LiveNode } from '../live-member.ts';
import { serfNodeOf } from './gone.ts';
import type { SerfQueue } from './serf-state.ts';

/** Says that the member has joined, or that it has not left. */
export function broadcastJoin(context: LiveContext, member: LiveMember): void {
  const lamportTime = member.serf.clock.time;
  const intent = { type: SerfType.join, lamportTime, node: member.name };
  takeJoinIntent(member, intent);
  passOn(context, member.serf.intentQueue, encodeIntent(intent));
}

/** Says that the member will leave; `onFinished` once that has been spread. */
export function broadcastLeave(
  context: LiveContext,
  member: LiveMember,
  onFinished: () => void,
): void {
  const lamportTime = member.serf.clock.next();
  const self = member.nodes.get(member.name)!;
  self.statusTime = lamportTime;
  self.serfStatus = SerfStatus.leaving;
  const payload = encodeIntent({ type: SerfType.leave, lamportTime, node: member.name });
  passOn(context, member.serf.intentQueue, payload, onFinished);
}

/** Takes in an intent; true when it is news, which is to be passed on. */
export function takeIntent(context: LiveContext, member: LiveMember, intent: Intent): boolean {
  if (intent.type === SerfType.join) return takeJoinIntent(member, intent);
  const { lamportTime, node: name } = intent;
  const { clock, earlyIntents } = member.serf;
  clock.witness(lamportTime);
  const node = serfNodeOf(member, name);
  if (node === undefined) {
    return earlyIntents.add(name, { type: SerfType.leave, time: lamportTime });
  }
  if (lamportTime <= node.statusTime) return false;
  if (name === member.name && node.serfStatus === SerfStatus.alive) {
    broadcastJoin(context, member);
    return false;
  }
  node.statusTime = lamportTime;
  if (node.serfStatus === SerfStatus.alive) node.serfStatus = SerfStatus.leaving;
  else if (node.serfStatus === SerfStatus.failed) node.serfStatus = SerfStatus.left;
  return true;
}

/** memberlist holds a node alive that it did not know, or held dead or left. */
export function onNodeJoin(member: LiveMember, node: LiveNode): void {
  const isKnown = node.serfStatus !== SerfStatus.none;
  node.serfStatus = SerfStatus.alive;
  if (isKnown) return;
  const early = member.serf.earlyIntents.of(node.name);
  if (early === undefined) return;
  node.statusTime = early.time;
  if (early.type === SerfType.leave) node.serfStatus = SerfStatus.leaving;
}

/** memberlist holds a node dead or left. */
export function onNodeLeave(node: LiveNode): void {
  if (node.serfStatus === SerfStatus.leaving) node.serfStatus = SerfStatus.left;
  else if (node.serfStatus === SerfStatus.alive) node.serfStatus = SerfStatus.failed;
}

/** Queues a payload; what there is no room for is counted. */
export function passOn(
  context: LiveContext,
  queue: SerfQueue,
  payload: Uint8Array,
  onFinished?: () => void,
): void {
  if (!queue.add(payload, onFinished)) context.counters.userMessagesDropped++;
}

function takeJoinIntent(member: LiveMember, { lamportTime, node: name }: Intent): boolean {
  const { clock, earlyIntents } = member.serf;
  clock.witness(lamportTime);
  const node = serfNodeOf(member, name);
  if (node === undefined) {
    return earlyIntents.add(name, { type: SerfType.join, time: lamportTime });
  }
  if (lamportTime <= node.statusTime) return false;
  node.statusTime = lamportTime;
  if (node.serfStatus === SerfStatus.leaving) node.serfStatus = SerfStatus.alive;
  return true;
}
