/**
 * The members of a network in a node's eyes (moby's `networkNodes[nid]`) and draws from them
 * (`mRandomNodes` in `cluster.go`).
 */
import { type DrawKey, drawBelow } from '../../../sim/chance.ts';
import type { Network, NodeState, State } from '../state.ts';

/** From so many attachments on, members are drawn from them instead of from a list made for it. */
const LARGE_NETWORK = 64;
/** A node that sees fewer than one in so many of them makes the list. */
const SCARCE_SHARE = 4;

/** How many members the node sees, itself included. */
export function memberCountOf(state: State, node: NodeState, network: Network): number {
  const { attachments } = network;
  let count = attachments.memberCountOf(node.index);
  if (!node.rules.keepsFailedNodes) return count;
  for (const peer of node.peers.failed) {
    if (attachments.isAttached(peer, node.index, state.nowNs)) count--;
  }
  return count;
}

/** The members that the node sees, itself included, in the order of their first attachment. */
export function membersOf(state: State, node: NodeState, network: Network): number[] {
  const members = network.attachments.membersOf(node.index, state.nowNs);
  if (!node.rules.keepsFailedNodes || node.peers.failed.size === 0) return members;
  return members.filter((member) => !node.peers.isFailed(member));
}

/**
 * Up to `count` random members other than the node. Generation 1 draws at most 3n times, so that it
 * may find fewer; later ones always find them. `a` and `b` are coordinates of the draws.
 */
export function drawMembers(
  state: State,
  node: NodeState,
  network: Network,
  count: number,
  key: DrawKey,
  a: number,
): number[] {
  const draw = (bound: number, i: number): number =>
    drawBelow(key, bound, node.index, network.index, a * 4096 + i);
  const { attachments } = network;
  if (attachments.ownerCount >= LARGE_NETWORK) {
    const memberCount = memberCountOf(state, node, network);
    if (memberCount * SCARCE_SHARE >= attachments.ownerCount) {
      return drawFromLarge(state, node, network, memberCount, count, draw);
    }
  }
  let members: number[] = [];
  attachments.collectMembers(node.index, state.nowNs, members);
  if (node.rules.keepsFailedNodes && node.peers.failed.size > 0) {
    members = members.filter((member) => !node.peers.isFailed(member));
  }
  if (node.rules.drawsByPermutation) return drawByPermutation(members, node.index, count, draw);
  const drawn: number[] = [];
  for (let i = 0; i < 3 * members.length && drawn.length < count; i++) {
    const member = members[draw(members.length, i)]!;
    if (member !== node.index && !drawn.includes(member)) drawn.push(member);
  }
  return drawn;
}

/**
 * Draws owners of attachments until enough of them are members: the same chance for each, without the
 * list, which took a third of a mass join of 260 nodes to 20 networks.
 */
function drawFromLarge(
  state: State,
  node: NodeState,
  network: Network,
  memberCount: number,
  count: number,
  draw: (bound: number, i: number) => number,
): number[] {
  const { attachments } = network;
  const { rules, peers } = node;
  const nowNs = state.nowNs;
  const isSelfMember = attachments.isAttached(node.index, node.index, nowNs);
  const wanted = Math.min(count, memberCount - (isSelfMember ? 1 : 0));
  let triesLeft = rules.drawsByPermutation ? Number.POSITIVE_INFINITY : 3 * memberCount;
  const drawn: number[] = [];
  for (let i = 0; drawn.length < wanted && triesLeft > 0; i++) {
    const member = attachments.memberAt(draw(attachments.ownerCount, i), node.index, nowNs);
    if (member < 0 || (rules.keepsFailedNodes && peers.isFailed(member))) continue;
    triesLeft--;
    if (member !== node.index && !drawn.includes(member)) drawn.push(member);
  }
  return drawn;
}

function drawByPermutation(
  members: number[],
  self: number,
  count: number,
  draw: (bound: number, i: number) => number,
): number[] {
  const others = members.filter((member) => member !== self);
  const drawn: number[] = [];
  while (drawn.length < count && others.length > 0) {
    const at = draw(others.length, drawn.length);
    drawn.push(others[at]!);
    others[at] = others[others.length - 1]!;
    others.pop();
  }
  return drawn;
}
