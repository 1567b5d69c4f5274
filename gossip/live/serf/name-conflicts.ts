/**
 * A member whose name somebody else has, at another address, asks all who that is, and ends when not
 * more than half of the answers name its own address (serf `serf.go` `handleNodeConflict`,
 * `resolveNodeConflict`). Upstream asks again for each message about the other; a member here asks
 * once at a time.
 */
import { decodeConflictResponse } from '../../../wire/serf/query.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';
import { ask } from './asking.ts';

/** Somebody else says that it has the member's name. */
export function resolveNameConflict(context: LiveContext, member: LiveMember): void {
  const { serf, name, address, port } = member;
  if (context.peers !== 'serf' || serf.isResolvingName) return;
  serf.isResolvingName = true;
  const question = { name: '_serf_conflict', payload: new TextEncoder().encode(name) };
  ask(context, member, question, ({ responses }) => {
    serf.isResolvingName = false;
    const votes = [...responses.values()].flatMap((each) => decodeConflictResponse(each) ?? []);
    const own = votes.filter((vote) => vote.address === address && vote.port === port);
    if (own.length <= votes.length / 2) context.onShutdown(member);
  });
}
