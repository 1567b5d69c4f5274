/**
 * Who is let in: the alive delegate and the allowed addresses, asked before an alive message counts
 * (the addresses about its sender, too), and the merge delegate and the protocol versions, asked
 * before a push/pull is merged (memberlist `state.go` `aliveNode`; `config.go` `IPAllowed`; `net.go`
 * `ensureCanConnect`, `mergeRemoteState`).
 */
import { type IpAddress, type IpPrefix, isInPrefix } from '../wire/ip-address.ts';
import { NodeState } from '../wire/memberlist/message.ts';
import type { Peer } from './delegate.ts';
import { MemberState } from './members/entries.ts';
import type { Members } from './members/members.ts';
import type { Rumor } from './message.ts';
import { NO_VERSIONS, type VersionedNode, verifyProtocol } from './protocol-versions.ts';
import type { State } from './state.ts';

/** What a fact says, for a delegate. */
export function peerOf(members: Members, fact: number, state: NodeState): Peer {
  const { subject, address, port, meta } = members.fact(fact);
  return { subject, address, port, meta, state };
}

/** Whether an alive message may be believed; only asked where there are guards. */
export function isAdmitted(state: State, member: number, rumor: Rumor): boolean {
  const { members, views, delegate } = state;
  const { subject, fact } = rumor;
  if (delegate?.notifyAlive !== undefined) {
    const { vsn } = members.fact(fact);
    if (vsn === undefined || vsn.length < 6) return false;
    const refusal = delegate.notifyAlive(member, peerOf(members, fact, NodeState.alive));
    if (refusal !== undefined) return false;
  }
  const { cidrsAllowed } = state.configOf(member);
  if (cidrsAllowed === undefined) return true;
  const isKnown = views.stateOf(member, subject) !== MemberState.unknown;
  if (isKnown && members.isSamePlace(views.factOf(member, subject), fact)) return true;
  return isAllowed(cidrsAllowed, members.fact(fact).address);
}

function isAllowed(cidrs: readonly IpPrefix[], address: IpAddress): boolean {
  return cidrs.some((cidr) => isInPrefix(cidr, address));
}

/** Whether alive messages in packets from there are looked at (`net.go` `ensureCanConnect`). */
export function mayTellOfLife(state: State, member: number, from: number): boolean {
  const { members } = state;
  const { cidrsAllowed } = state.configOf(member);
  if (cidrsAllowed === undefined) return true;
  return isAllowed(cidrsAllowed, members.fact(members.currentFactOf(from)).address);
}

/** One side of a push/pull, as it is told to the other. */
export interface RemoteState {
  readonly from: number;
  readonly join: boolean;
  readonly states: readonly number[];
  readonly facts: readonly number[];
}

/** Why the member will not merge what another holds; `undefined` when it will. */
export function mergeRefusalOf(
  state: State,
  member: number,
  remote: RemoteState,
): string | undefined {
  const refusal = state.members.hasMixedVersions
    ? verifyProtocol(remoteNodesOf(state, remote), localNodesOf(state, member))
    : undefined;
  if (refusal !== undefined || !remote.join) return refusal;
  const { delegate, members } = state;
  return delegate?.notifyMerge?.(
    member,
    remote.facts.map((fact, i) => peerOf(members, fact, remote.states[i] as NodeState)),
  );
}

function remoteNodesOf({ members }: State, remote: RemoteState): VersionedNode[] {
  return remote.facts.map((fact, i) => versionedNode(members, fact, remote.states[i]!));
}

function localNodesOf(state: State, member: number): VersionedNode[] {
  const { members, rings, views } = state;
  return rings.listOf(member).map((subject) => {
    return versionedNode(members, views.factOf(member, subject), views.stateOf(member, subject));
  });
}

function versionedNode(members: Members, fact: number, state: number): VersionedNode {
  const { subject, vsn = NO_VERSIONS } = members.fact(fact);
  return { name: members.nameOf(subject), state, vsn };
}
