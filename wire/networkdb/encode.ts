/**
 * The bytes of NetworkDB's messages (moby `networkdb.pb.go`, `message.go`).
 *
 * Fields ascend and zero values are left out, so that the same message always has the same bytes:
 * those of upstream.
 */
import {
  type BulkSync,
  type Compound,
  type GossipMessage,
  GossipMessageType,
  type MessageError,
  type NetworkPushPull,
  sizeOf,
  type TableEvent,
} from './message.ts';
import { ProtoWriter } from './proto-writer.ts';

/** An envelope without data, such as around an empty compound. */
const ENVELOPE_BYTES = 2;

/** The bytes of a message with its envelope; `sizeOf(message)` of them. */
export function encodeGossipMessage(message: GossipMessage | MessageError): Uint8Array {
  const writer = new ProtoWriter();
  writeGossipMessage(writer, message);
  return writer.finish();
}

function writeGossipMessage(writer: ProtoWriter, message: GossipMessage | MessageError): void {
  if (message.type === GossipMessageType.invalid) {
    writer.raw(message.bytes);
    return;
  }
  writer.int32(1, message.type);
  if (sizeOf(message) === ENVELOPE_BYTES) return;
  writer.enter(2);
  writeData(writer, message);
  writer.leave();
}

function writeData(writer: ProtoWriter, message: GossipMessage): void {
  switch (message.type) {
    case GossipMessageType.nodeEvent:
      writer.int32(1, message.event);
      writer.uint(2, message.ltime);
      writer.text(3, message.nodeName);
      break;
    case GossipMessageType.networkEvent:
      writer.int32(1, message.event);
      writer.uint(2, message.ltime);
      writer.text(3, message.nodeName);
      writer.text(4, message.networkId);
      break;
    case GossipMessageType.tableEvent:
      writeTableEvent(writer, message);
      break;
    case GossipMessageType.pushPull:
      writePushPull(writer, message);
      break;
    case GossipMessageType.bulkSync:
      writeBulkSync(writer, message);
      break;
    case GossipMessageType.compound:
      writeCompound(writer, message);
      break;
  }
}

function writeTableEvent(writer: ProtoWriter, message: TableEvent): void {
  writer.int32(1, message.event);
  writer.uint(2, message.ltime);
  writer.text(3, message.nodeName);
  writer.text(4, message.networkId);
  writer.text(5, message.tableName);
  writer.text(6, message.key);
  writer.bytes(7, message.value);
  writer.int32(8, message.residualReapTime);
}

function writePushPull(writer: ProtoWriter, message: NetworkPushPull): void {
  writer.uint(1, message.ltime);
  for (const entry of message.networks) {
    writer.enter(2);
    writer.text(1, entry.networkId);
    writer.uint(2, entry.ltime);
    writer.text(3, entry.nodeName);
    writer.bool(4, entry.leaving);
    writer.leave();
  }
  writer.text(3, message.nodeName);
}

function writeBulkSync(writer: ProtoWriter, message: BulkSync): void {
  writer.uint(1, message.ltime);
  writer.bool(2, message.unsolicited);
  writer.text(3, message.nodeName);
  writer.texts(4, message.networks);
  if (message.payload === undefined || sizeOf(message.payload) === 0) return;
  writer.enter(5);
  writeGossipMessage(writer, message.payload);
  writer.leave();
}

function writeCompound(writer: ProtoWriter, message: Compound): void {
  for (const part of message.messages) {
    writer.enter(1); // a SimpleMessage
    if (sizeOf(part) > 0) {
      writer.enter(1); // its payload
      writeGossipMessage(writer, part);
      writer.leave();
    }
    writer.leave();
  }
}
