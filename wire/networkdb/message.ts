/**
 * NetworkDB's messages as they are on the wire, and their encoded sizes (moby `networkdb.proto`).
 *
 * A GossipMessage is a type and the encoded message of that type; here it is a union on `type`, and
 * what nests on the wire (bulk sync, compound) nests here. Simulated nodes exchange lighter objects
 * of their own; these are for captures, live peers and tests. Field names are upstream's.
 */
import {
  boolFieldBytes,
  bytesFieldBytes,
  elementBytes,
  int32FieldBytes,
  textFieldBytes,
  textsFieldBytes,
  type Uint64,
  uintFieldBytes,
} from './proto-size.ts';

/** The types of GossipMessage, by their numbers on the wire. */
export const GossipMessageType = {
  invalid: 0,
  networkEvent: 1,
  tableEvent: 2,
  pushPull: 3,
  bulkSync: 4,
  compound: 5,
  nodeEvent: 6,
} as const;

/** The types of TableEvent; 0 is invalid. */
export const TableEventType = { create: 1, update: 2, delete: 3 } as const;
/** One of {@link TableEventType}. */
export type TableEventType = (typeof TableEventType)[keyof typeof TableEventType];

/** A node has joined or is leaving the gossip cluster. */
export interface NodeEvent {
  readonly type: typeof GossipMessageType.nodeEvent;
  /** 1 joins, 2 leaves, 0 is invalid; what others send is not checked. */
  readonly event: number;
  readonly ltime: Uint64;
  readonly nodeName: string;
}

/** A node has joined or is leaving a network. */
export interface NetworkEvent {
  readonly type: typeof GossipMessageType.networkEvent;
  /** 1 joins, 2 leaves, 0 is invalid; what others send is not checked. */
  readonly event: number;
  readonly ltime: Uint64;
  readonly nodeName: string;
  readonly networkId: string;
}

/** An entry was created, updated or deleted by its owner, which `nodeName` names. */
export interface TableEvent {
  readonly type: typeof GossipMessageType.tableEvent;
  /** One of {@link TableEventType}; what others send is not checked. */
  readonly event: number;
  readonly ltime: Uint64;
  readonly nodeName: string;
  readonly networkId: string;
  readonly tableName: string;
  readonly key: string;
  /** An encoded record, see record.ts; of a deletion, the last one. */
  readonly value: Uint8Array;
  /** Seconds until the tombstone is reaped; 0 in creations and updates. */
  readonly residualReapTime: number;
}

/** One node's attachment to a network, within a push/pull. */
export interface NetworkEntry {
  readonly networkId: string;
  readonly ltime: Uint64;
  readonly nodeName: string;
  readonly leaving: boolean;
}

/** All attachments that the sender knows; the user state of memberlist's push/pull. */
export interface NetworkPushPull {
  readonly type: typeof GossipMessageType.pushPull;
  readonly ltime: Uint64;
  readonly networks: readonly NetworkEntry[];
  readonly nodeName: string;
}

/** All entries of some networks. */
export interface BulkSync {
  readonly type: typeof GossipMessageType.bulkSync;
  readonly ltime: Uint64;
  /** True in the initiator's message, which wants a reply. */
  readonly unsolicited: boolean;
  readonly nodeName: string;
  readonly networks: readonly string[];
  /** A compound, even an empty one; `undefined` when the field is absent. */
  readonly payload: GossipMessage | MessageError | undefined;
}

/** Several messages: table events in a gossip packet, entries in a bulk sync. */
export interface Compound {
  readonly type: typeof GossipMessageType.compound;
  readonly messages: readonly (GossipMessage | MessageError)[];
}

/** Any of NetworkDB's messages. */
export type GossipMessage =
  | NodeEvent
  | NetworkEvent
  | TableEvent
  | NetworkPushPull
  | BulkSync
  | Compound;

/** Bytes that are not a message; they are kept, so that what holds them encodes as it was. */
export interface MessageError {
  readonly type: typeof GossipMessageType.invalid;
  /** The type that the envelope claims; 0 when it could not be read. */
  readonly messageType: number;
  /** Upstream's log text. */
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Bytes of a message with its envelope, `encodeGossipMessage(message).length`. */
export function sizeOf(message: GossipMessage | MessageError): number {
  if (message.type === GossipMessageType.invalid) return message.bytes.length;
  return uintFieldBytes(message.type) + bytesFieldBytes(dataBytes(message));
}

/** Bytes that a message takes within a compound. */
function sizeOfCompoundPart(messageBytes: number): number {
  return elementBytes(bytesFieldBytes(messageBytes));
}

function dataBytes(message: GossipMessage): number {
  switch (message.type) {
    case GossipMessageType.nodeEvent:
      return eventBytes(message);
    case GossipMessageType.networkEvent:
      return eventBytes(message) + textFieldBytes(message.networkId);
    case GossipMessageType.tableEvent:
      return tableEventBytes(message);
    case GossipMessageType.pushPull: {
      let bytes = uintFieldBytes(message.ltime) + textFieldBytes(message.nodeName);
      for (const entry of message.networks) bytes += elementBytes(networkEntryBytes(entry));
      return bytes;
    }
    case GossipMessageType.bulkSync:
      return bulkSyncBytes(message);
    case GossipMessageType.compound: {
      let bytes = 0;
      for (const part of message.messages) bytes += sizeOfCompoundPart(sizeOf(part));
      return bytes;
    }
  }
}

function eventBytes(message: NodeEvent | NetworkEvent | TableEvent): number {
  return (
    int32FieldBytes(message.event) +
    uintFieldBytes(message.ltime) +
    textFieldBytes(message.nodeName)
  );
}

function tableEventBytes(message: TableEvent): number {
  return (
    eventBytes(message) +
    textFieldBytes(message.networkId) +
    textFieldBytes(message.tableName) +
    textFieldBytes(message.key) +
    bytesFieldBytes(message.value.length) +
    int32FieldBytes(message.residualReapTime)
  );
}

function networkEntryBytes(entry: NetworkEntry): number {
  return (
    textFieldBytes(entry.networkId) +
    uintFieldBytes(entry.ltime) +
    textFieldBytes(entry.nodeName) +
    boolFieldBytes(entry.leaving)
  );
}

function bulkSyncBytes(message: BulkSync): number {
  return (
    uintFieldBytes(message.ltime) +
    boolFieldBytes(message.unsolicited) +
    textFieldBytes(message.nodeName) +
    textsFieldBytes(message.networks) +
    bytesFieldBytes(message.payload === undefined ? 0 : sizeOf(message.payload))
  );
}
