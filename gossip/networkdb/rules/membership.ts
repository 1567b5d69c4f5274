/**
 * Nodes of the gossip cluster: node events and memberlist's verdicts (moby `nodemgmt.go`,
 * `event_delegate.go`, and handleNodeEvent in `delegate.go`).
 */

import { GossipMessageType } from '../../../wire/networkdb/message.ts';
import { BROADCAST_TIMEOUT_NS } from '../constants.ts';
import { type NodeEvent, nodeEventBytes } from '../message.ts';
import { PeerState } from '../peers.ts';
import { NO_SUBJECT } from '../queue/transmit-limited-queue.ts';
import { type NodeState, Observed, type State, witness } from '../state.ts';
import { armReconnect } from './arming.ts';
import {
  deleteNodeTableEntries,
  restoreNodeTableEntries,
  suspendNodeTableEntries,
} from './entry-removal.ts';
import { afterDelay } from './timers.ts';

/** A node event from the network or from a push/pull header; true when it is to be relayed. */
export function handleNodeEvent(
  state: State,
  node: NodeState,
  subject: number,
  isLeave: boolean,
  ltime: number,
): boolean {
  node.networkClock = witness(node.networkClock, ltime);
  const peers = node.peers;
  if (peers.stateOf(subject) === PeerState.unknown) return false;
  if (peers.ltimeOf(subject) >= ltime) return false;
  peers.setLtime(subject, ltime);
  if (!peers.isActive(subject)) return false;
  return changeNodeState(state, node, subject, isLeave ? PeerState.left : PeerState.active);
}

/** Receives a gossiped node event and relays it when it changed something. */
export function handleNodeMessage(state: State, node: NodeState, event: NodeEvent): void {
  if (!handleNodeEvent(state, node, event.node, event.isLeave, event.ltime)) return;
  // one's own is never replaced: who sent it waits until it has gone out
  const relay = node.rules.replacesNodeEvents ? { ...event, subject: event.node } : event;
  node.nodeBroadcasts.queue(relay);
  state.carrier.wakeGossip(node.index);
}

/**
 * Queues a node event of the node itself and calls `onDone(true)` when it has been sent often
 * enough, at once when there is nobody to send it to, or `onDone(false)` after 5 s.
 */
export function sendNodeEvent(
  state: State,
  node: NodeState,
  isLeave: boolean,
  onDone: (ok: boolean) => void,
): void {
  const ltime = ++node.networkClock;
  const event: NodeEvent = {
    type: GossipMessageType.nodeEvent,
    isLeave,
    ltime,
    node: node.index,
    subject: NO_SUBJECT,
    sizeBytes: nodeEventBytes(ltime, node.name.length),
  };
  let isDone = false;
  const finish = (ok: boolean): void => {
    if (isDone) return;
    isDone = true;
    onDone(ok);
  };
  const isAlone = node.peers.activeCount <= 1;
  node.nodeBroadcasts.queue(event, () => {
    // Go wakes the waiting goroutine after the pull; a later instant-equal event does the same.
    if (!isAlone) afterDelay(state, node, 0, () => finish(true));
  });
  state.carrier.wakeGossip(node.index);
  if (isAlone) finish(true);
  else afterDelay(state, node, BROADCAST_TIMEOUT_NS, () => finish(false));
}

/** memberlist holds `subject` alive. */
export function handleNotifyJoin(state: State, node: NodeState, subject: number): void {
  state.watches.writeNode(node.index, 'create', subject, state.node(subject).address);
  if (changeNodeState(state, node, subject, PeerState.active)) return;
  purgeReincarnation(state, node, subject);
  node.peers.add(subject);
  state.world.observe(Observed.nodeActive, node.index, subject);
}

/** memberlist holds `subject` dead or left. */
export function handleNotifyLeave(state: State, node: NodeState, subject: number): void {
  state.watches.writeNode(node.index, 'delete', subject, state.node(subject).address);
  if (!node.peers.isActive(subject)) return;
  changeNodeState(state, node, subject, PeerState.failed);
}

/**
 * Moves a known peer; true when it moved. Failed and left peers lose their attachments and entries,
 * except that generation 3 only hides those of failed ones.
 */
function changeNodeState(state: State, node: NodeState, subject: number, next: PeerState): boolean {
  const old = node.peers.stateOf(subject);
  if (old === PeerState.unknown || old === next) return false;
  const keeps = node.rules.keepsFailedNodes;
  const isHidden = keeps && old === PeerState.failed;
  if (keeps && next === PeerState.failed) {
    suspendNodeTableEntries(state, node, subject);
    node.peers.move(subject, next);
  } else {
    node.peers.move(subject, next);
    if (next !== PeerState.active) {
      forgetNode(state, node, subject, isHidden);
    } else if (isHidden) {
      restoreNodeTableEntries(state, node, subject);
    }
  }
  if (next === PeerState.failed) armReconnect(state, node);
  const kind =
    next === PeerState.active
      ? Observed.nodeActive
      : next === PeerState.left
        ? Observed.nodeLeft
        : Observed.nodeFailed;
  state.world.observe(kind, node.index, subject);
  return true;
}

/**
 * Drops the attachments and entries of a peer at the node. The peer may be the node itself: its own
 * LEAVE comes back, or it hears that its former self at the same address is alive. Generation 1
 * keeps its own attachments in the same map and loses them then.
 */
function forgetNode(state: State, node: NodeState, subject: number, isHidden: boolean): void {
  for (const network of state.networks) {
    network.attachments.remove(subject, node.index, state.nowNs);
  }
  deleteNodeTableEntries(state, node, subject, isHidden);
  if (subject !== node.index || node.rules.keepsOwnNetworksApart) return;
  for (const index of node.networks.keys()) state.networks[index]!.entries.leave(node.index);
  node.networks.clear();
}

/** A new name at the address and port of a known one: the old identity has left. */
function purgeReincarnation(state: State, node: NodeState, subject: number): void {
  const { address, port } = state.node(subject);
  const others = state.nodesAt(address, port).filter((other) => other !== subject);
  const old = node.peers.firstKnownOf(others);
  if (old !== undefined) changeNodeState(state, node, old, PeerState.left);
}

/** One pass of reapDeadNode. */
export function reapDeadNodes(state: State, node: NodeState): void {
  const failed = new Set(node.peers.failed);
  for (const subject of node.peers.reapDead()) {
    if (node.rules.keepsFailedNodes && failed.has(subject)) {
      forgetNode(state, node, subject, true);
    }
  }
}
