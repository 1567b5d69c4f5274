/**
 * What a peer's bytes make a node do (moby `delegate.go` NotifyMsg, handleMessage): for messages
 * that were not made in this simulation. They become the shared objects of the other rules.
 *
 * What cannot be a message of a sound peer is counted and dropped, as upstream logs and drops it:
 * malformed bytes, unknown types, and Lamport times above 2^53 - 1, which nobody reaches by counting.
 * A name that no node has moves the clock, as upstream's unknown nodes do, and nothing else. The
 * values of entries stay the bytes that they came in.
 */
import { decodeGossipMessage } from '../../../wire/networkdb/decode.ts';
import {
  type GossipMessage,
  GossipMessageType,
  type MessageError,
  TableEventType,
  type BulkSync as WireBulkSync,
  type NetworkEvent as WireNetworkEvent,
  type NodeEvent as WireNodeEvent,
  type TableEvent as WireTableEvent,
} from '../../../wire/networkdb/message.ts';
import {
  networkEventBytes,
  nodeEventBytes,
  type TableEvent,
  tableEventBytes,
  tableEventOf,
} from '../message.ts';
import { NO_SUBJECT } from '../queue/transmit-limited-queue.ts';
import { type NodeState, type State, witness } from '../state.ts';
import type { EntryVersion } from '../store/entries.ts';
import { endBulkSync } from './bulk-sync.ts';
import { handleNodeMessage } from './membership.ts';
import { handleNetworkMessage } from './network-events.ts';
import { handleTableMessage } from './table-events.ts';

/** The types of node and network events. */
const EventType = { join: 1, leave: 2 } as const;
const UTF8 = new TextEncoder();

/** A message of a peer in its bytes: one GossipMessage. */
export function receiveBytes(state: State, node: NodeState, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  receive(state, node, decodeGossipMessage(bytes, 0, bytes.length), false);
}

function receive(
  state: State,
  node: NodeState,
  message: GossipMessage | MessageError,
  isBulkSync: boolean,
): void {
  switch (message.type) {
    case GossipMessageType.compound:
      for (const part of message.messages) receive(state, node, part, isBulkSync);
      break;
    case GossipMessageType.nodeEvent:
      receiveNodeEvent(state, node, message);
      break;
    case GossipMessageType.networkEvent:
      receiveNetworkEvent(state, node, message);
      break;
    case GossipMessageType.tableEvent:
      receiveTableEvent(state, node, message, isBulkSync);
      break;
    case GossipMessageType.bulkSync:
      receiveBulkSync(state, node, message);
      break;
    default:
      // a push/pull's state is no user message, and an error is none at all
      state.counters.addMalformed(node.index);
  }
}

function receiveNodeEvent(state: State, node: NodeState, wire: WireNodeEvent): void {
  const ltime = ltimeOf(state, node, wire.ltime);
  if (ltime === undefined) return;
  node.networkClock = witness(node.networkClock, ltime);
  const subject = state.nodeNamed(wire.nodeName);
  if (subject === undefined) return;
  const isLeave = wire.event === EventType.leave;
  const sizeBytes = nodeEventBytes(ltime, wire.nodeName.length);
  handleNodeMessage(state, node, {
    type: wire.type,
    isLeave,
    ltime,
    node: subject,
    subject: NO_SUBJECT,
    sizeBytes,
  });
}

function receiveNetworkEvent(state: State, node: NodeState, wire: WireNetworkEvent): void {
  const ltime = ltimeOf(state, node, wire.ltime);
  if (ltime === undefined) return;
  node.networkClock = witness(node.networkClock, ltime);
  const owner = state.nodeNamed(wire.nodeName);
  if (owner === undefined) return;
  const { index: networkIndex, attachments } = state.network(wire.networkId);
  const leaving = wire.event === EventType.leave;
  const fact = attachments.factOf(owner);
  handleNetworkMessage(state, node, {
    type: wire.type,
    fact,
    subject: fact.subject.order,
    attachment: { owner, networkIndex, ltime, leaving },
    sizeBytes: networkEventBytes(ltime, wire.nodeName.length, wire.networkId.length),
  });
}

function receiveTableEvent(
  state: State,
  node: NodeState,
  wire: WireTableEvent,
  isBulkSync: boolean,
): void {
  const ltime = ltimeOf(state, node, wire.ltime);
  if (ltime === undefined) return;
  const owner = state.nodeNamed(wire.nodeName);
  if (owner === node.index) return;
  const network = state.networkIfKnown(wire.networkId);
  if (owner === undefined || network === undefined) {
    node.tableClock = witness(node.tableClock, ltime);
    return;
  }
  handleTableMessage(state, node, tableEvent(state, wire, owner, ltime), isBulkSync);
}

function receiveBulkSync(state: State, node: NodeState, wire: WireBulkSync): void {
  const ltime = ltimeOf(state, node, wire.ltime);
  if (ltime === undefined) return;
  if (ltime > 0) node.tableClock = witness(node.tableClock, ltime);
  if (wire.payload !== undefined) receive(state, node, wire.payload, true);
  const from = state.nodeNamed(wire.nodeName);
  if (from === undefined) return;
  const networkIndexes = wire.networks.map((id) => state.network(id).index);
  endBulkSync(state, node, { ltime, unsolicited: wire.unsolicited, node: from, networkIndexes });
}

/** The event, about the same objects as other events of that entry, owner and ltime. */
function tableEvent(state: State, wire: WireTableEvent, owner: number, ltime: number): TableEvent {
  const { tableName: table, key, residualReapTime } = wire;
  const network = state.network(wire.networkId);
  const fact = network.entries.factOf(table, key);
  const deleting = wire.event === TableEventType.delete;
  const value = { sizeBytes: wire.value.length, encode: () => wire.value };
  const version: EntryVersion = network.entries.versionLike(fact, owner, ltime, deleting) ?? {
    owner,
    ltime,
    value,
    deleting,
    eventBytes: tableEventBytes({
      ltime,
      ownerNameBytes: wire.nodeName.length,
      networkIdBytes: network.id.length,
      tableBytes: UTF8.encode(table).length,
      keyBytes: UTF8.encode(key).length,
      valueBytes: value.sizeBytes,
    }),
    forged: undefined,
  };
  const event =
    deleting || wire.event === TableEventType.update ? wire.event : TableEventType.create;
  return tableEventOf(event, fact, version, Math.max(0, residualReapTime));
}

function ltimeOf(state: State, node: NodeState, ltime: number | bigint): number | undefined {
  if (typeof ltime === 'number') return ltime;
  state.counters.addMalformed(node.index);
  return undefined;
}
