/**
 * NetworkDB's messages between simulated nodes as they are on the wire, with names, ids and encoded
 * records in the place of indexes and shared objects, for whoever wants their bytes.
 *
 * A message that holds snapshots (bulk sync, push/pull) can be asked for until its receiver has
 * taken it: a snapshot that has been released is no longer kept from changing. Upstream's order
 * within a push/pull is that of Go's maps; here it is that of the networks and of their members.
 */
import {
  type GossipMessage,
  GossipMessageType,
  type NetworkEntry,
  TableEventType,
  type BulkSync as WireBulkSync,
  type NetworkEvent as WireNetworkEvent,
  type NetworkPushPull as WirePushPull,
  type TableEvent as WireTableEvent,
} from '../../wire/networkdb/message.ts';
import {
  type BulkSync,
  type Message,
  type NetworkEvent,
  type PushPull,
  type TableEvent,
  tableEventOf,
} from './message.ts';
import { networkEventOf } from './rules/network-events.ts';
import type { State } from './state.ts';

/** The types of node and network events. */
const EventType = { join: 1, leave: 2 } as const;

/** The message in moby's form; its encoding has `message.sizeBytes` bytes. */
export function wireFormOf(state: State, message: Message): GossipMessage {
  switch (message.type) {
    case GossipMessageType.nodeEvent: {
      const { type, isLeave, ltime, node } = message;
      const event = isLeave ? EventType.leave : EventType.join;
      return { type, event, ltime, nodeName: state.node(node).name };
    }
    case GossipMessageType.networkEvent:
      return networkEvent(state, message);
    case GossipMessageType.tableEvent:
      return tableEvent(state, message);
    case GossipMessageType.compound: {
      const messages = message.events.map((event) => tableEvent(state, event));
      return { type: message.type, messages };
    }
    case GossipMessageType.bulkSync:
      return bulkSync(state, message);
    case GossipMessageType.pushPull:
      return pushPull(state, message);
  }
}

function networkEvent(state: State, message: NetworkEvent): WireNetworkEvent {
  const { owner, networkIndex, ltime, leaving } = message.attachment;
  return {
    type: message.type,
    event: leaving ? EventType.leave : EventType.join,
    ltime,
    nodeName: state.node(owner).name,
    networkId: state.networks[networkIndex]!.id,
  };
}

function tableEvent(state: State, message: TableEvent): WireTableEvent {
  const { networkIndex, table, key } = message.fact.subject;
  const { owner, ltime, value } = message.version;
  return {
    type: message.type,
    event: message.event,
    ltime,
    nodeName: state.node(owner).name,
    networkId: state.networks[networkIndex]!.id,
    tableName: table,
    key,
    value: value.encode(),
    residualReapTime: message.residualSeconds,
  };
}

function bulkSync(state: State, message: BulkSync): WireBulkSync {
  const messages: GossipMessage[] = [];
  for (const snapshot of message.attachments) {
    snapshot.visitAll((fact, attachment) => {
      if (attachment.owner === message.to) return;
      messages.push(networkEvent(state, networkEventOf(state, fact, attachment)));
    });
  }
  for (const snapshot of message.snapshots) {
    snapshot.visitAll((fact, version, residualSeconds) => {
      const type = version.deleting ? TableEventType.delete : TableEventType.create;
      messages.push(tableEvent(state, tableEventOf(type, fact, version, residualSeconds)));
    });
  }
  return {
    type: message.type,
    ltime: message.ltime,
    unsolicited: message.unsolicited,
    nodeName: state.node(message.node).name,
    networks: message.networkIndexes.map((index) => state.networks[index]!.id),
    payload: { type: GossipMessageType.compound, messages },
  };
}

function pushPull(state: State, message: PushPull): WirePushPull {
  const networks: NetworkEntry[] = [];
  for (const snapshot of message.snapshots) {
    snapshot.visitAll((_fact, { owner, networkIndex, ltime, leaving }) => {
      const networkId = state.networks[networkIndex]!.id;
      networks.push({ networkId, ltime, nodeName: state.node(owner).name, leaving });
    });
  }
  const { type, ltime } = message;
  return { type, ltime, networks, nodeName: state.node(message.node).name };
}
