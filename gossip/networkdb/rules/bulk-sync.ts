/**
 * Bulk sync: all entries of some networks over one TCP stream, on joining, after a reconnection and
 * every 30 s with one random member per network (moby `cluster.go` bulkSyncTables, bulkSync,
 * bulkSyncNode; `delegate.go` handleBulkSync).
 *
 * Upstream these are goroutines that block up to 30 s on an answer; here they are chains of
 * continuations, and a handler that is busy past its next tick runs again at once when it ends.
 */

import { drawBelow } from '../../../sim/chance.ts';
import { GossipMessageType, TableEventType } from '../../../wire/networkdb/message.ts';
import { BULK_SYNC_ACK_TIMEOUT_NS } from '../constants.ts';
import { CountedKind } from '../counters.ts';
import { type BulkSync, bulkSyncBytes, simpleMessageBytes, tableEventOf } from '../message.ts';
import {
  type BulkSyncAck,
  type Network,
  type NodeState,
  Observed,
  type State,
  witness,
} from '../state.ts';
import type { AttachmentSnapshot } from '../store/attachments.ts';
import type { EntrySubject, EntryVersion } from '../store/entries.ts';
import type { SnapshotVisitor } from '../store/snapshot.ts';
import { drawMembers, membersOf } from './members.ts';
import { handleNetworkMessage, networkEventOf } from './network-events.ts';
import { handleTableMessage } from './table-events.ts';
import { takeSnapshot } from './taking.ts';
import { afterDelay, onResultOf } from './timers.ts';

/** Ends a bulk sync with the networks that it covered, or `undefined` when it failed. */
type OnSynced = (networks: readonly Network[] | undefined) => void;

/** The periodic bulk sync of all own networks; a successful peer covers all common networks. */
export function bulkSyncTables(state: State, node: NodeState, onDone: () => void): void {
  const todo: Network[] = [];
  for (const index of [...node.networks.keys()]) {
    const local = state.localNetwork(node, index);
    if (local !== undefined && !local.leaving) todo.push(local.network);
  }
  shuffle(state, node, todo);
  const next = (): void => {
    const network = todo.shift();
    if (network === undefined) {
      onDone();
      return;
    }
    const draw = node.bulkSyncDraws++;
    const peers = drawMembers(state, node, network, 2, state.bulkSyncKey, draw);
    bulkSync(state, node, peers, false, (completed) => {
      for (const covered of completed ?? []) {
        const at = todo.indexOf(covered);
        if (at >= 0) todo.splice(at, 1);
      }
      next();
    });
  };
  next();
}

/** Go walks maps in random order: which network is looked at first is chance. */
function shuffle(state: State, node: NodeState, networks: Network[]): void {
  for (let i = networks.length - 1; i > 0; i--) {
    const j = drawBelow(state.bulkSyncKey, i + 1, node.index, node.bulkSyncDraws++, i);
    const other = networks[j]!;
    networks[j] = networks[i]!;
    networks[i] = other;
  }
}

/** The bulk syncs of a join: with every member, one after another. */
export function bulkSyncAll(
  state: State,
  node: NodeState,
  network: Network,
  onDone: () => void,
): void {
  bulkSync(state, node, membersOf(state, node, network), true, onDone);
}

/** Syncs with the peers in order: with all, or with the first that does not fail. */
export function bulkSync(
  state: State,
  node: NodeState,
  peers: readonly number[],
  all: boolean,
  onDone: OnSynced,
): void {
  let at = 0;
  let completed: readonly Network[] | undefined = peers.length === 0 ? [] : undefined;
  const next = (): void => {
    while (at < peers.length && peers[at] === node.index) at++;
    const peer = peers[at++];
    if (peer === undefined) {
      onDone(completed);
      return;
    }
    const networks = commonNetworks(state, node, peer);
    bulkSyncNode(state, node, networks, peer, true, (ok) => {
      if (ok) completed = networks;
      if (ok && !all) onDone(completed);
      else next();
    });
  };
  next();
}

/** Own networks, leaving ones included, to which the peer is attached (findCommonNetworks). */
function commonNetworks(state: State, node: NodeState, peer: number): Network[] {
  const networks: Network[] = [];
  for (const index of [...node.networks.keys()]) {
    const local = state.localNetwork(node, index);
    if (local === undefined) continue;
    if (local.network.attachments.isAttached(peer, node.index, state.nowNs)) {
      networks.push(local.network);
    }
  }
  return networks;
}

/**
 * Sends all entries of the networks to one peer. `onDone(false)` when the stream fails; `true` when
 * the answer (if one is wanted) came or did not come in 30 s. A peer that is not active is passed
 * over as if it had been synced with; from generation 3 on only an unknown one is, as a failure.
 */
function bulkSyncNode(
  state: State,
  node: NodeState,
  networks: readonly Network[],
  peer: number,
  unsolicited: boolean,
  onDone: (ok: boolean) => void,
): void {
  const { peers, rules } = node;
  if (!peers.isActive(peer) && !(rules.syncsWithFailedNodes && peers.isFailed(peer))) {
    onDone(!rules.syncsWithFailedNodes);
    return;
  }
  const message = bulkSyncMessage(state, node, networks, peer, unsolicited);
  const ack: BulkSyncAck = { ltime: message.ltime, isClosed: false, onClosed: undefined };
  subscribe(node, peer, ack, unsolicited);
  const kind = unsolicited ? CountedKind.bulkSync : CountedKind.bulkSyncReply;
  state.counters.add(node.index, kind, message.sizeBytes);
  const text = unsolicited ? 'unsolicited' : 'reply';
  state.world.observe(Observed.bulkSync, node.index, peer, message.sizeBytes, text);
  const onResult = onResultOf(state, node, (ok) => {
    if (!ok) {
      unsubscribe(node, peer, ack);
      onDone(false);
    } else if (unsolicited) {
      awaitAck(state, node, peer, ack, () => onDone(true));
    } else {
      onDone(true);
    }
  });
  state.carrier.sendReliable(node.index, peer, message, onResult);
}

function bulkSyncMessage(
  state: State,
  node: NodeState,
  networks: readonly Network[],
  peer: number,
  unsolicited: boolean,
): BulkSync {
  const attachments = attachmentsFor(state, node, networks, peer);
  let framesBytes = attachmentFramesBytes(state, attachments, peer);
  const snapshots = [];
  let contentKey = attachments.length === 0 ? '' : `attachments of ${node.index} at ${state.nowNs}`;
  for (const network of networks) {
    contentKey += ` ${network.index}:${network.entries.contentKeyOf(node.index)}`;
    const snapshot = network.entries.snapshot(node.index, state.nowNs);
    framesBytes += snapshot.bytes;
    snapshots.push(snapshot);
  }
  const ltime = node.rules.bulkSyncTicksClock ? ++node.tableClock : node.tableClock;
  const idsBytes = networks.map((network) => network.id.length);
  return {
    type: GossipMessageType.bulkSync,
    ltime,
    unsolicited,
    node: node.index,
    to: peer,
    networkIndexes: networks.map((network) => network.index),
    attachments,
    snapshots,
    contentKey,
    sizeBytes: bulkSyncBytes(ltime, unsolicited, node.name.length, idsBytes, framesBytes),
  };
}

/** The attachments that go with a sync to a peer that says it can take them. */
function attachmentsFor(
  state: State,
  node: NodeState,
  networks: readonly Network[],
  peer: number,
): AttachmentSnapshot[] {
  if (!node.rules.syncsAttachments || !state.node(peer).rules.syncsAttachments) return [];
  return networks.map(({ attachments }) => attachments.snapshot(node.index, state.nowNs));
}

/** Bytes of the network events of attachments inside a compound; a peer is told nothing of its own. */
function attachmentFramesBytes(
  state: State,
  attachments: readonly AttachmentSnapshot[],
  peer: number,
): number {
  let bytes = 0;
  for (const snapshot of attachments) {
    snapshot.visitAll((fact, attachment) => {
      if (attachment.owner === peer) return;
      bytes += simpleMessageBytes(networkEventOf(state, fact, attachment).sizeBytes);
    });
  }
  return bytes;
}

/**
 * Generation 1 has one channel per peer, which every sync overwrites, replies included: a waiting
 * initiator whose channel was overwritten waits the full 30 s (I 51701).
 */
function subscribe(node: NodeState, peer: number, ack: BulkSyncAck, unsolicited: boolean): void {
  if (!node.rules.listsBulkSyncAcks) {
    node.bulkSyncAcks.set(peer, [ack]);
    return;
  }
  if (!unsolicited) return;
  const acks = node.bulkSyncAcks.get(peer);
  if (acks === undefined) node.bulkSyncAcks.set(peer, [ack]);
  else acks.push(ack);
}

function unsubscribe(node: NodeState, peer: number, ack: BulkSyncAck): void {
  if (!node.rules.listsBulkSyncAcks) {
    node.bulkSyncAcks.delete(peer);
    return;
  }
  const acks = node.bulkSyncAcks.get(peer)?.filter((other) => other !== ack) ?? [];
  if (acks.length === 0) node.bulkSyncAcks.delete(peer);
  else node.bulkSyncAcks.set(peer, acks);
}

function awaitAck(
  state: State,
  node: NodeState,
  peer: number,
  ack: BulkSyncAck,
  onDone: () => void,
): void {
  if (ack.isClosed) {
    onDone();
    return;
  }
  let isDone = false;
  ack.onClosed = () => {
    if (isDone) return;
    isDone = true;
    onDone();
  };
  afterDelay(state, node, BULK_SYNC_ACK_TIMEOUT_NS, () => {
    if (isDone) return;
    isDone = true;
    state.world.observe(Observed.bulkSyncTimeout, node.index, peer);
    if (node.rules.listsBulkSyncAcks) unsubscribe(node, peer, ack);
    onDone();
  });
}

/** Receives a bulk sync: its entries, the waiting initiator, and the answer. */
export function handleBulkSync(state: State, node: NodeState, message: BulkSync): void {
  if (message.ltime > 0) node.tableClock = witness(node.tableClock, message.ltime);
  for (const snapshot of message.attachments) {
    takeSnapshot(state, node, snapshot, (fact, attachment) => {
      handleNetworkMessage(state, node, networkEventOf(state, fact, attachment));
    });
  }
  const visit: SnapshotVisitor<EntrySubject, EntryVersion> = (fact, version, residualSeconds) => {
    const type = version.deleting ? TableEventType.delete : TableEventType.create;
    handleTableMessage(state, node, tableEventOf(type, fact, version, residualSeconds), true);
  };
  for (const snapshot of message.snapshots) takeSnapshot(state, node, snapshot, visit);
  endBulkSync(state, node, message);
}

/** What a bulk sync says beside its entries. */
type BulkSyncHeader = Pick<BulkSync, 'ltime' | 'unsolicited' | 'node' | 'networkIndexes'>;

/** After the entries of a bulk sync: who waited for it goes on, and its initiator is answered. */
export function endBulkSync(state: State, node: NodeState, message: BulkSyncHeader): void {
  closeAcks(node, message);
  if (!message.unsolicited) return;
  const networks = message.networkIndexes.map((index) => state.networks[index]!);
  bulkSyncNode(state, node, networks, message.node, false, () => {});
}

function closeAcks(node: NodeState, message: BulkSyncHeader): void {
  const acks = node.bulkSyncAcks.get(message.node);
  if (acks === undefined) return;
  const rules = node.rules;
  if (!rules.listsBulkSyncAcks && message.unsolicited) return;
  const open = rules.listsBulkSyncAcks ? acks.filter((ack) => ack.ltime >= message.ltime) : [];
  if (open.length === 0) node.bulkSyncAcks.delete(message.node);
  else node.bulkSyncAcks.set(message.node, open);
  for (const ack of acks) {
    if (open.includes(ack)) continue;
    ack.isClosed = true;
    ack.onClosed?.();
  }
}
