/**
 * Receiving what somebody held when it sent it: all of it, or with shortcuts what the receiver does
 * not hold already, which comes to the same.
 */
import type { NodeState, State } from '../state.ts';
import type { Snapshot, SnapshotVisitor } from '../store/snapshot.ts';

/** Visits what the snapshot says to the node, and ends it. */
export function takeSnapshot<S, V>(
  state: State,
  node: NodeState,
  snapshot: Snapshot<S, V>,
  visit: SnapshotVisitor<S, V>,
): void {
  if (state.shortcuts) snapshot.visitNew(node.index, state.nowNs, visit);
  else snapshot.visitAll(visit);
  snapshot.release();
}
