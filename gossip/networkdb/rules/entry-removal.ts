/**
 * What happens to a node's entries when their owner fails, leaves the cluster or leaves a network,
 * and when the node itself leaves a network (moby `networkdb.go`: deleteNodeTableEntries,
 * deleteNodeNetworkEntries, and in later generations suspend and restore).
 */
import { REAP_ENTRY_INTERVAL_SECONDS } from '../constants.ts';
import { type Network, type NodeState, Observed, type State } from '../state.ts';
import type { EntryFact, EntryVersion } from '../store/entries.ts';
import { watchEventOf } from '../watch.ts';

/** Tells the node's watchers that a live entry is gone. */
function writeDelete(
  state: State,
  node: NodeState,
  network: Network,
  fact: EntryFact,
  version: EntryVersion,
): void {
  state.world.observe(Observed.dropped, node.index, fact.subject.entryId, version.ltime);
  if (!state.watches.hasWatch(node.index)) return;
  const { owner, value } = version;
  state.watches.write(node.index, watchEventOf('delete', fact, network.id, owner, value, value));
}

/**
 * The owner has failed or left the cluster: its entries go from the node's store on all networks,
 * tombstones included; watchers hear of the live ones unless these are hidden.
 */
export function deleteNodeTableEntries(
  state: State,
  node: NodeState,
  owner: number,
  isHidden: boolean,
): void {
  for (const network of state.networks) {
    deleteOwnedEntries(state, node, network, owner, isHidden);
  }
}

/** A remote owner has left the network but not the cluster (rules of each generation). */
export function deleteNodeNetworkEntries(
  state: State,
  node: NodeState,
  network: Network,
  owner: number,
): void {
  if (!node.rules.forgesTombstones) {
    deleteOwnedEntries(state, node, network, owner, node.peers.isFailed(owner));
    return;
  }
  const nowNs = state.nowNs;
  for (const fact of network.entries.ownedBy(owner, node.index, nowNs)) {
    const version = network.entries.get(fact, node.index, nowNs)!;
    if (version.deleting) continue;
    const forged = forgedTombstoneOf(version);
    network.entries.put(fact, node.index, forged, REAP_ENTRY_INTERVAL_SECONDS, nowNs);
    writeDelete(state, node, network, fact, version);
  }
}

function deleteOwnedEntries(
  state: State,
  node: NodeState,
  network: Network,
  owner: number,
  isHidden: boolean,
): void {
  const nowNs = state.nowNs;
  for (const fact of network.entries.ownedBy(owner, node.index, nowNs)) {
    const version = network.entries.get(fact, node.index, nowNs)!;
    network.entries.remove(fact, node.index, nowNs);
    if (!version.deleting && !isHidden) writeDelete(state, node, network, fact, version);
  }
}

/** Generation 3: hides the live entries of a failed owner; they age out like tombstones. */
export function suspendNodeTableEntries(state: State, node: NodeState, owner: number): void {
  const nowNs = state.nowNs;
  for (const network of state.networks) {
    for (const fact of network.entries.ownedBy(owner, node.index, nowNs)) {
      const version = network.entries.get(fact, node.index, nowNs)!;
      if (version.deleting) continue;
      network.entries.put(fact, node.index, version, REAP_ENTRY_INTERVAL_SECONDS, nowNs);
      writeDelete(state, node, network, fact, version);
    }
  }
}

/** Generation 3: shows the remembered entries of an owner that is back. */
export function restoreNodeTableEntries(state: State, node: NodeState, owner: number): void {
  const nowNs = state.nowNs;
  for (const network of state.networks) {
    for (const fact of network.entries.ownedBy(owner, node.index, nowNs)) {
      const version = network.entries.get(fact, node.index, nowNs)!;
      if (version.deleting) continue;
      network.entries.put(fact, node.index, version, 0, nowNs);
      state.world.observe(
        Observed.event,
        node.index,
        fact.subject.entryId,
        version.ltime,
        'restore',
      );
      if (!state.watches.hasWatch(node.index)) continue;
      const event = watchEventOf('create', fact, network.id, owner, version.value, undefined);
      state.watches.write(node.index, event);
    }
  }
}

/**
 * The node itself leaves the network: its own live entries become tombstones (kept, not gossiped),
 * everything of others goes, and watchers hear a delete for every live entry, own ones included.
 */
export function deleteLocalNetworkEntries(state: State, node: NodeState, network: Network): void {
  const nowNs = state.nowNs;
  const entries = network.entries;
  const kept: { fact: EntryFact; version: EntryVersion; residualSeconds: number }[] = [];
  for (const fact of entries.heldBy(node.index, nowNs)) {
    const version = entries.get(fact, node.index, nowNs)!;
    if (version.owner === node.index) {
      kept.push(ownTombstone(state, node, network, fact, version));
    }
    const isHidden = node.rules.keepsFailedNodes && node.peers.isFailed(version.owner);
    if (!version.deleting && !isHidden) writeDelete(state, node, network, fact, version);
  }
  entries.leave(node.index);
  for (const { fact, version, residualSeconds } of kept) {
    entries.put(fact, node.index, version, residualSeconds, nowNs);
  }
}

function ownTombstone(
  state: State,
  node: NodeState,
  network: Network,
  fact: EntryFact,
  version: EntryVersion,
): { fact: EntryFact; version: EntryVersion; residualSeconds: number } {
  if (version.deleting) {
    const residualSeconds = network.entries.residualOf(fact, node.index, state.nowNs);
    return { fact, version, residualSeconds };
  }
  const ltime = node.rules.leaveTakesClock ? ++node.tableClock : version.ltime + 1;
  const tombstone = { ...version, ltime, deleting: true, forged: undefined };
  return { fact, version: tombstone, residualSeconds: REAP_ENTRY_INTERVAL_SECONDS };
}

/** The tombstone that every generation 1 node makes of a version: one object for all of them. */
function forgedTombstoneOf(version: EntryVersion): EntryVersion {
  version.forged ??= { ...version, deleting: true, forged: undefined };
  return version.forged;
}
