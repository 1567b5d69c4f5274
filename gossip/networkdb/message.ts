/**
 * NetworkDB's messages between simulated nodes, and their encoded sizes.
 *
 * A message refers to shared objects (versions, attachments, snapshots) instead of copying them;
 * sizes are those of moby's `networkdb.proto` encoding (proto3, zero values omitted, minimal
 * varints) and a test holds them equal to the codec in `wire/networkdb/`. The whole GossipMessage is
 * counted, without memberlist's framing.
 */
import { GossipMessageType, type TableEventType } from '../../wire/networkdb/message.ts';
import type { UserMessage } from './carrier.ts';
import type { Broadcast } from './queue/transmit-limited-queue.ts';
import type { Attachment, AttachmentFact, AttachmentSnapshot } from './store/attachments.ts';
import type { EntryFact, EntrySnapshot, EntryVersion } from './store/entries.ts';

/** A node has joined or is leaving the gossip cluster. */
export interface NodeEvent extends UserMessage, Broadcast {
  readonly type: typeof GossipMessageType.nodeEvent;
  readonly isLeave: boolean;
  readonly ltime: number;
  readonly node: number;
}

/** A node has joined or is leaving a network. */
export interface NetworkEvent extends UserMessage, Broadcast {
  readonly type: typeof GossipMessageType.networkEvent;
  readonly fact: AttachmentFact;
  readonly attachment: Attachment;
}

/** An entry was created, updated or deleted by its owner. */
export interface TableEvent extends UserMessage, Broadcast {
  readonly type: typeof GossipMessageType.tableEvent;
  readonly event: TableEventType;
  readonly fact: EntryFact;
  readonly version: EntryVersion;
  /** Seconds until the tombstone is reaped; 0 in creates and updates. */
  readonly residualSeconds: number;
}

/** Table events that one gossip tick sends to some members of a network. */
export interface Compound extends UserMessage {
  readonly type: typeof GossipMessageType.compound;
  readonly events: readonly TableEvent[];
}

/** All entries of some networks at the sender. */
export interface BulkSync extends UserMessage {
  readonly type: typeof GossipMessageType.bulkSync;
  readonly ltime: number;
  /** True for the initiator's message, which is answered. */
  readonly unsolicited: boolean;
  readonly node: number;
  /** Whom it is for. */
  readonly to: number;
  readonly networkIndexes: readonly number[];
  /** Who is attached to them; empty unless both sides have the rules for it. */
  readonly attachments: readonly AttachmentSnapshot[];
  readonly snapshots: readonly EntrySnapshot[];
}

/** All attachments that the sender knows; the user state of a push/pull. */
export interface PushPull extends UserMessage {
  readonly type: typeof GossipMessageType.pushPull;
  readonly ltime: number;
  readonly node: number;
  readonly snapshots: readonly AttachmentSnapshot[];
}

/** Any message between simulated nodes. */
export type Message = NodeEvent | NetworkEvent | TableEvent | Compound | BulkSync | PushPull;

/** Bytes of an unsigned varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Bytes of a length-delimited field with a one-byte tag; nothing when it is empty. */
function fieldBytes(lengthBytes: number): number {
  return lengthBytes === 0 ? 0 : 1 + varintBytes(lengthBytes) + lengthBytes;
}

/** Bytes of a varint field with a one-byte tag; nothing when it is zero. */
function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

/** Bytes of a GossipMessage around a payload. */
export function gossipBytes(payloadBytes: number): number {
  return 2 + fieldBytes(payloadBytes);
}

/** Bytes of a NodeEvent with its envelope. */
export function nodeEventBytes(ltime: number, nameBytes: number): number {
  return gossipBytes(2 + numberBytes(ltime) + fieldBytes(nameBytes));
}

/** Bytes of a NetworkEvent with its envelope. */
export function networkEventBytes(ltime: number, nameBytes: number, idBytes: number): number {
  return gossipBytes(2 + numberBytes(ltime) + fieldBytes(nameBytes) + fieldBytes(idBytes));
}

/** What a TableEvent consists of, as far as its size goes. */
export interface TableEventFields {
  readonly ltime: number;
  readonly ownerNameBytes: number;
  readonly networkIdBytes: number;
  readonly tableBytes: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

/** Bytes of a TableEvent without envelope and without residual reap time. */
export function tableEventBytes(fields: TableEventFields): number {
  return (
    2 +
    numberBytes(fields.ltime) +
    fieldBytes(fields.ownerNameBytes) +
    fieldBytes(fields.networkIdBytes) +
    fieldBytes(fields.tableBytes) +
    fieldBytes(fields.keyBytes) +
    fieldBytes(fields.valueBytes)
  );
}

/** Bytes of a TableEvent with its envelope. */
export function tableMessageBytes(eventBytes: number, residualSeconds: number): number {
  return gossipBytes(eventBytes + numberBytes(residualSeconds));
}

/** Bytes that a message takes inside a CompoundMessage. */
export function simpleMessageBytes(messageBytes: number): number {
  return fieldBytes(fieldBytes(messageBytes));
}

/** Bytes that an attachment takes inside a NetworkPushPull. */
export function networkEntryBytes(
  attachment: Attachment,
  nameBytes: number,
  idBytes: number,
): number {
  const leavingBytes = attachment.leaving ? 2 : 0;
  return fieldBytes(
    fieldBytes(idBytes) + numberBytes(attachment.ltime) + fieldBytes(nameBytes) + leavingBytes,
  );
}

/** Bytes of a bulk sync around `framesBytes` of simple messages. */
export function bulkSyncBytes(
  ltime: number,
  unsolicited: boolean,
  nameBytes: number,
  idsBytes: readonly number[],
  framesBytes: number,
): number {
  let bytes = numberBytes(ltime) + (unsolicited ? 2 : 0) + fieldBytes(nameBytes);
  for (const idBytes of idsBytes) bytes += fieldBytes(idBytes);
  return gossipBytes(bytes + fieldBytes(gossipBytes(framesBytes)));
}

/** Bytes of a push/pull state around `entriesBytes` of network entries. */
export function pushPullBytes(ltime: number, nameBytes: number, entriesBytes: number): number {
  return gossipBytes(numberBytes(ltime) + entriesBytes + fieldBytes(nameBytes));
}

/** Makes the event of a version, as gossiped or as part of a bulk sync. */
export function tableEventOf(
  event: TableEventType,
  fact: EntryFact,
  version: EntryVersion,
  residualSeconds: number,
): TableEvent {
  return {
    type: GossipMessageType.tableEvent,
    event,
    fact,
    version,
    residualSeconds,
    subject: fact.subject.entryId,
    sizeBytes: tableMessageBytes(version.eventBytes, residualSeconds),
  };
}

/** Makes the packet of one gossip tick. */
export function compoundOf(events: readonly TableEvent[]): Compound {
  let framesBytes = 0;
  for (const event of events) framesBytes += simpleMessageBytes(event.sizeBytes);
  const sizeBytes = gossipBytes(framesBytes);
  return { type: GossipMessageType.compound, events, sizeBytes };
}
