/**
 * The members of a network in a node's eyes (moby's `networkNodes[nid]`) and draws from them
 * (`mRandomNodes` in `cluster.go`).
 */
import { type DrawKey, drawBelow } from '../../../sim/chance.ts';
import type { Network, NodeState, State } from '../state.ts';

/** How many members the node sees, itself included. */
export function memberCountOf(state: State, node: NodeState, network: Network): number {
  const count = network.attachments.memberCountOf(node.index);
  if (!node.rules.keepsFailedNodes || node.peers.failed.size === 0) return count;
  return membersOf(state, node, network).length;
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
  let members: number[] = [];
  network.attachments.collectMembers(node.index, state.nowNs, members);
  if (node.rules.keepsFailedNodes && node.peers.failed.size > 0) {
    members = members.filter((member) => !node.peers.isFailed(member));
  }
  const draw = (bound: number, i: number): number =>
    drawBelow(key, bound, node.index, network.index, a * 4096 + i);
  if (node.rules.drawsByPermutation) return drawByPermutation(members, node.index, count, draw);
  const drawn: number[] = [];
  for (let i = 0; i < 3 * members.length && drawn.length < count; i++) {
    const member = members[draw(members.length, i)]!;
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
