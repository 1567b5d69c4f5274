/**
 * Which kind of programs the members share their cluster with. memberlist's nodes take only those
 * whose delegate's versions suit their own (`memberlist.go` `verifyProtocol`), so members that wait
 * for whoever comes take on the versions of the first that does, and are serf agents if it is one.
 */
import { DOCKER_VSN, NodeState, type PushNodeState } from '../../wire/memberlist/message.ts';
import { encodeTags, TAG_MAGIC_BYTE } from '../../wire/serf/tags.ts';
import type { LiveContext, LiveNode } from './live-member.ts';

/** Versions of a serf 0.8 to 0.10 agent: memberlist 1 to 5 speaking 2, serf 2 to 5 speaking 5. */
export const SERF_VSN: Uint8Array = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** Where the delegate's versions begin among the six. */
const DELEGATE_AT = 3;

/** The versions and the meta of a member without tags. */
export function originalOf(isSerf: boolean): { vsn: Uint8Array; meta: Uint8Array } {
  if (isSerf) return { vsn: SERF_VSN, meta: encodeTags(new Map()) };
  return { vsn: DOCKER_VSN, meta: new Uint8Array(0) };
}

/** If nobody has come yet and one of these nodes is of another process, becomes what it is. */
export function settlePeerKind(context: LiveContext, nodes: readonly PushNodeState[]): void {
  if (context.peers !== 'auto') return;
  const own = new Set(context.members.map(({ name }) => name));
  const isPeer = ({ name, state, vsn }: PushNodeState): boolean =>
    state === NodeState.alive && vsn?.length === 6 && !own.has(name);
  const peer = nodes.find(isPeer);
  if (peer === undefined) return;
  const isSerf = peer.meta?.[0] === TAG_MAGIC_BYTE && peer.vsn![DELEGATE_AT + 2]! >= 2;
  context.peers = isSerf ? 'serf' : 'memberlist';
  const vsn = Uint8Array.of(
    ...DOCKER_VSN.subarray(0, DELEGATE_AT),
    ...peer.vsn!.slice(DELEGATE_AT),
  );
  become(context, own, isSerf ? SERF_VSN : vsn, originalOf(isSerf).meta);
}

/** What the members say and hold of themselves and of each other changes, all at once. */
function become(
  context: LiveContext,
  own: ReadonlySet<string>,
  vsn: Uint8Array,
  emptyMeta: Uint8Array,
): void {
  const metaOf = <T extends Uint8Array | undefined>(meta: T): T | Uint8Array =>
    emptyMeta.length > 0 && (meta === undefined || meta.length === 0) ? emptyMeta : meta;
  const change = (node: LiveNode): void => {
    if (!own.has(node.name)) return;
    node.vsn = vsn;
    node.meta = metaOf(node.meta);
  };
  for (const member of context.members) {
    member.vsn = vsn;
    member.meta = metaOf(member.meta);
    member.list.forEach(change);
  }
}
