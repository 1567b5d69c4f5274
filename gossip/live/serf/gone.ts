/**
 * Whom serf remembers when memberlist has forgotten them: those that failed, which it tries to reach,
 * and those that left, so that nobody takes them for newcomers (serf `serf.go` `failedMembers`,
 * `leftMembers`, `reap`).
 */
import { HOUR_NS } from '../../../sim/time.ts';
import type { LiveContext, LiveMember, LiveNode } from '../live-member.ts';

/** How many a member remembers; the oldest give way. Upstream has no limit. */
export const GONE_MAX = 1000;
/** `ReconnectTimeout` and `TombstoneTimeout`. */
const REMEMBERED_NS = 24 * HOUR_NS;

/** What serf knows of a node, whether memberlist knows it or not. */
export function serfNodeOf(member: LiveMember, name: string): LiveNode | undefined {
  return member.nodes.get(name) ?? member.gone.get(name);
}

/** memberlist has forgotten a node. */
export function rememberGone(context: LiveContext, member: LiveMember, node: LiveNode): void {
  member.gone.set(node.name, node);
  for (const oldest of member.gone.values()) {
    if (member.gone.size <= GONE_MAX) return;
    forgetGone(context, member, oldest);
  }
}

/** memberlist knows a node again, which is what it was to serf. */
export function recallGone(context: LiveContext, member: LiveMember, node: LiveNode): void {
  const before = member.gone.get(node.name);
  if (before === undefined) return;
  node.serfStatus = before.serfStatus;
  node.statusTime = before.statusTime;
  forgetGone(context, member, before);
}

/** Forgets those that have been gone for a day. */
export function reapGone(context: LiveContext, member: LiveMember): void {
  for (const node of member.gone.values()) {
    if (context.world.nowNs - node.changedAtNs > REMEMBERED_NS) forgetGone(context, member, node);
  }
}

function forgetGone(context: LiveContext, member: LiveMember, { name, held }: LiveNode): void {
  member.gone.delete(name);
  context.names.release(held);
}
