/**
 * Table events: what a node does with one from another node, and the local writes (moby
 * `delegate.go` handleTableEvent and handleTableMessage, `networkdb.go` CreateEntry and friends,
 * `broadcast.go` sendTableEvent).
 */

import { TableEventType } from '../../../wire/networkdb/message.ts';
import {
  MAX_QUEUE_LEN_BROADCAST_ON_SYNC,
  REAP_ENTRY_INTERVAL_SECONDS,
  REBROADCAST_RESIDUAL_SECONDS,
} from '../constants.ts';
import { type TableEvent, tableEventBytes, tableEventOf } from '../message.ts';
import { type Network, type NodeState, Observed, type State, witness } from '../state.ts';
import type { EntryFact, EntryVersion, TableValue } from '../store/entries.ts';
import { type WatchEvent, watchEventOf } from '../watch.ts';
import { armGossip } from './arming.ts';

const ZERO_REAP_TIME =
  'handleTableEvent object has a 0 reapTime, is the cluster running the same docker engine version?';

/** Receives a table event and relays it when the rules say so. */
export function handleTableMessage(
  state: State,
  node: NodeState,
  event: TableEvent,
  isBulkSync: boolean,
): void {
  if (event.version.owner === node.index) return;
  if (!handleTableEvent(state, node, event, isBulkSync)) return;
  const local = state.localNetwork(node, event.fact.subject.networkIndex);
  if (local === undefined || local.leaving) return;
  const queue = local.tableRebroadcasts;
  if (isBulkSync && queue.count > MAX_QUEUE_LEN_BROADCAST_ON_SYNC) return;
  queue.queue(event);
  armGossip(state, node);
}

/** Applies a table event of another node; true when it is to be relayed. */
function handleTableEvent(
  state: State,
  node: NodeState,
  event: TableEvent,
  isBulkSync: boolean,
): boolean {
  const { fact, version } = event;
  node.tableClock = witness(node.tableClock, version.ltime);
  const local = state.localNetwork(node, fact.subject.networkIndex);
  if (local === undefined || local.leaving) return false;
  const { entries, attachments } = local.network;
  const nowNs = state.nowNs;
  // upstream asks for the attachment first; nearly every event is stale, and either ends it
  const previous = entries.get(fact, node.index, nowNs);
  if (previous !== undefined && previous.ltime >= version.ltime) return false;
  if (!attachments.isAttached(version.owner, node.index, nowNs)) return false;
  const isUnknownDelete = previous === undefined && version.deleting;
  if (isUnknownDelete && !isBulkSync && !node.rules.storesUnknownDeletes) return false;

  const isHidden = isHiddenFrom(node, version);
  // what lives has a residual time when its sender hides it, and ages only while it is hidden here
  const isAgeing = version.deleting || isHidden;
  if (version.deleting && event.residualSeconds === 0) {
    state.world.observe(Observed.warning, node.index, 0, 0, ZERO_REAP_TIME);
  }
  const residualSeconds = isAgeing ? event.residualSeconds || REAP_ENTRY_INTERVAL_SECONDS : 0;
  entries.put(fact, node.index, version, residualSeconds, nowNs);
  const kind = kindOf(event.event);
  state.world.observe(Observed.event, node.index, fact.subject.entryId, version.ltime, kind);
  if (isUnknownDelete) {
    return isBulkSync && local.inSync && residualSeconds > REBROADCAST_RESIDUAL_SECONDS;
  }
  if (!isHidden && state.watches.hasWatch(node.index)) {
    writeWatchEvent(state, node, local.network, event, previous);
  }
  return local.inSync;
}

function writeWatchEvent(
  state: State,
  node: NodeState,
  network: Network,
  event: TableEvent,
  previous: EntryVersion | undefined,
): void {
  const { fact, version } = event;
  const live = previous === undefined || previous.deleting ? undefined : previous.value;
  let kind = kindOf(event.event);
  let value = version.value;
  if (node.rules.watchesLocalView) {
    if (version.deleting) {
      if (live === undefined) return;
      value = live;
    } else {
      kind = live === undefined ? 'create' : 'update';
    }
  }
  const watchEvent = watchEventOf(kind, fact, network.id, version.owner, value, live);
  state.watches.write(node.index, watchEvent);
}

/**
 * Creates an entry of the node. Returns moby's error when one is there: a live one, and until
 * generation 3 also a tombstone.
 */
export function createEntry(
  state: State,
  node: NodeState,
  table: string,
  network: Network,
  key: string,
  value: TableValue,
): string | undefined {
  const fact = network.entries.factOf(table, key);
  const old = network.entries.get(fact, node.index, state.nowNs);
  const isFree = node.rules.createsOverTombstones && old !== undefined && isGoneFor(node, old);
  if (old !== undefined && !isFree) {
    const what = `in table ${table} with network id ${network.id} and key ${key}`;
    return `cannot create entry ${what}, already exists`;
  }
  writeOwn(state, node, network, fact, TableEventType.create, value);
  return undefined;
}

/**
 * Updates a live entry, and until generation 3 also a tombstone, whoever owns it; the node becomes
 * its owner.
 */
export function updateEntry(
  state: State,
  node: NodeState,
  table: string,
  network: Network,
  key: string,
  value: TableValue,
): string | undefined {
  const fact = network.entries.factOf(table, key);
  const old = network.entries.get(fact, node.index, state.nowNs);
  const isGone = old !== undefined && node.rules.createsOverTombstones && isGoneFor(node, old);
  if (old === undefined || isGone) {
    const what = `the entry in table ${table} with network id ${network.id} and key ${key}`;
    return `cannot update entry as ${what} does not exist`;
  }
  writeOwn(state, node, network, fact, TableEventType.update, value);
  return undefined;
}

/** Deletes a live entry, whoever owns it; the tombstone keeps the last value. */
export function deleteEntry(
  state: State,
  node: NodeState,
  table: string,
  network: Network,
  key: string,
): string | undefined {
  const fact = network.entries.factOf(table, key);
  const old = network.entries.get(fact, node.index, state.nowNs);
  if (old === undefined || isGoneFor(node, old)) {
    const what = `${table} with network id ${network.id} and key ${key}`;
    return `cannot delete entry ${what} does not exist or is already being deleted`;
  }
  writeOwn(state, node, network, fact, TableEventType.delete, old.value);
  return undefined;
}

function isGoneFor(node: NodeState, version: EntryVersion): boolean {
  return version.deleting || isHiddenFrom(node, version);
}

function isHiddenFrom(node: NodeState, version: EntryVersion): boolean {
  return node.rules.keepsFailedNodes && node.peers.isFailed(version.owner);
}

function writeOwn(
  state: State,
  node: NodeState,
  network: Network,
  fact: EntryFact,
  event: TableEventType,
  value: TableValue,
): void {
  const ltime = ++node.tableClock;
  const { table, key, entryId } = fact.subject;
  const version: EntryVersion = {
    owner: node.index,
    ltime,
    value,
    deleting: event === TableEventType.delete,
    eventBytes: tableEventBytes({
      ltime,
      ownerNameBytes: node.name.length,
      networkIdBytes: network.id.length,
      tableBytes: table.length,
      keyBytes: key.length,
      valueBytes: value.sizeBytes,
    }),
    forged: undefined,
  };
  const residualSeconds = version.deleting ? REAP_ENTRY_INTERVAL_SECONDS : 0;
  network.entries.put(fact, node.index, version, residualSeconds, state.nowNs);
  state.world.observe(Observed.event, node.index, entryId, ltime, kindOf(event));
  const local = state.localNetwork(node, network.index);
  if (local === undefined) return;
  const message = tableEventOf(event, fact, version, residualSeconds);
  local.tableBroadcasts.queue(message);
  armGossip(state, node);
}

function kindOf(event: TableEventType): WatchEvent['kind'] {
  if (event === TableEventType.create) return 'create';
  return event === TableEventType.update ? 'update' : 'delete';
}
