/**
 * Attachments of nodes to networks: network events and push/pull state (moby `delegate.go`:
 * handleNetworkEvent, LocalState, MergeRemoteState).
 */
import { GossipMessageType } from '../../../wire/networkdb/message.ts';
import { REAP_NETWORK_INTERVAL_SECONDS } from '../constants.ts';
import { CountedKind } from '../counters.ts';
import { type NetworkEvent, networkEventBytes, type PushPull, pushPullBytes } from '../message.ts';
import { type LocalNetwork, type NodeState, Observed, type State, witness } from '../state.ts';
import type { Attachment, AttachmentFact, AttachmentSubject } from '../store/attachments.ts';
import type { SnapshotVisitor } from '../store/snapshot.ts';
import { deleteNodeNetworkEntries } from './entry-removal.ts';
import { handleNodeEvent } from './membership.ts';
import { takeSnapshot } from './taking.ts';

/** Applies a network event; true when it is fresh and to be relayed. */
function handleNetworkEvent(
  state: State,
  node: NodeState,
  fact: AttachmentFact,
  attachment: Attachment,
): boolean {
  const { owner, networkIndex, ltime, leaving } = attachment;
  node.networkClock = witness(node.networkClock, ltime);
  if (owner === node.index) return false;
  const network = state.networks[networkIndex]!;
  const nowNs = state.nowNs;
  const known = network.attachments.get(fact, node.index, nowNs);
  if (known === undefined) {
    if (leaving || !node.peers.isActive(owner)) return false;
    network.attachments.put(node.index, attachment, 0, nowNs);
    state.world.observe(Observed.networkJoin, node.index, owner, networkIndex);
    return true;
  }
  if (known.ltime >= ltime) return false;
  const residualSeconds = leaving ? REAP_NETWORK_INTERVAL_SECONDS : 0;
  network.attachments.put(node.index, attachment, residualSeconds, nowNs);
  if (leaving) deleteNodeNetworkEntries(state, node, network, owner);
  if (known.leaving !== leaving) {
    const kind = leaving ? Observed.networkLeave : Observed.networkJoin;
    state.world.observe(kind, node.index, owner, networkIndex);
  }
  return true;
}

/** Receives a gossiped network event and relays it when it is fresh. */
export function handleNetworkMessage(state: State, node: NodeState, event: NetworkEvent): void {
  if (handleNetworkEvent(state, node, event.fact, event.attachment)) {
    queueNetworkEvent(state, node, event);
  }
}

/** Tells the cluster about the node's own attachment. */
export function sendNetworkEvent(state: State, node: NodeState, attachment: Attachment): void {
  const { attachments } = state.networks[attachment.networkIndex]!;
  queueNetworkEvent(state, node, networkEventOf(state, attachments.factOf(node.index), attachment));
}

/** The event that tells of an attachment. */
export function networkEventOf(
  state: State,
  fact: AttachmentFact,
  attachment: Attachment,
): NetworkEvent {
  const { owner, networkIndex, ltime } = attachment;
  const { name } = state.node(owner);
  return {
    type: GossipMessageType.networkEvent,
    fact,
    attachment,
    subject: fact.subject.order,
    sizeBytes: networkEventBytes(ltime, name.length, state.networks[networkIndex]!.id.length),
  };
}

function queueNetworkEvent(state: State, node: NodeState, event: NetworkEvent): void {
  node.networkBroadcasts.queue(event);
  state.carrier.wakeGossip(node.index);
}

/** Makes the node's own record of an attachment what it is now. */
export function storeOwnAttachment(state: State, node: NodeState, local: LocalNetwork): Attachment {
  const { network, ltime, leaving } = local;
  const attachment = { owner: node.index, networkIndex: network.index, ltime, leaving };
  const residualSeconds = leaving ? REAP_NETWORK_INTERVAL_SECONDS : 0;
  network.attachments.put(node.index, attachment, residualSeconds, state.nowNs);
  return attachment;
}

/** The user state of a push/pull; with `join`, all own attachments take one new ltime. */
export function localState(state: State, node: NodeState, join: boolean): PushPull {
  if (join) updateLocalNetworkTime(state, node);
  const nowNs = state.nowNs;
  let entriesBytes = 0;
  const snapshots = [];
  for (const network of state.networks) {
    const snapshot = network.attachments.snapshot(node.index, nowNs);
    entriesBytes += snapshot.bytes;
    snapshots.push(snapshot);
  }
  const ltime = node.networkClock;
  const sizeBytes = pushPullBytes(ltime, node.name.length, entriesBytes);
  state.counters.add(node.index, CountedKind.pushPullState, sizeBytes);
  return { type: GossipMessageType.pushPull, ltime, node: node.index, snapshots, sizeBytes };
}

function updateLocalNetworkTime(state: State, node: NodeState): void {
  const ltime = ++node.networkClock;
  for (const index of [...node.networks.keys()]) {
    const local = state.localNetwork(node, index);
    if (local === undefined) continue;
    local.ltime = ltime;
    const attachment = { owner: node.index, networkIndex: index, ltime, leaving: local.leaving };
    local.network.attachments.refresh(node.index, attachment, state.nowNs);
  }
}

/** Merges the other side's state: its header as a join event, then every attachment. */
export function mergeRemoteState(state: State, node: NodeState, remote: PushPull): void {
  handleNodeEvent(state, node, remote.node, false, remote.ltime);
  const visit: SnapshotVisitor<AttachmentSubject, Attachment> = (fact, attachment) => {
    handleNetworkEvent(state, node, fact, attachment);
  };
  for (const snapshot of remote.snapshots) takeSnapshot(state, node, snapshot, visit);
}
