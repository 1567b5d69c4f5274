/**
 * NetworkDB's messages from their bytes (moby `delegate.go` `handleMessage` and what it calls).
 *
 * Bytes that are not a message come back as a {@link MessageError} with upstream's log text; nothing
 * throws. What nests is decoded to a bounded depth, and one call makes a bounded number of messages.
 * Values are copies: a message outlives the bytes it came in.
 */
import {
  type BulkSync,
  type Compound,
  type GossipMessage,
  GossipMessageType,
  type MessageError,
  type NetworkEntry,
  type NetworkEvent,
  type NetworkPushPull,
  type NodeEvent,
  type TableEvent,
} from './message.ts';
import { decodeFields, ProtoReader } from './proto-reader.ts';
import type { Uint64 } from './proto-size.ts';

const NO_BYTES = new Uint8Array(0);

/** Messages within messages that are followed; upstream's nest three deep. */
export const NESTING_MAX = 8;

/** Messages and entries that one call makes; 20 MiB of real table events hold fewer. */
export const PARTS_MAX = 262_144;

/** The message in `bytes` from `start` to `end`, with its envelope. */
export function decodeGossipMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
): GossipMessage | MessageError {
  return new Decoder().decode(bytes.subarray(start, end), 0);
}

/** What upstream logs before the error when the message of a type is malformed. */
const PREFIXES: Readonly<Record<number, string>> = {
  [GossipMessageType.networkEvent]: 'Error decoding network event message',
  [GossipMessageType.tableEvent]: 'Error decoding table event message',
  [GossipMessageType.pushPull]: 'Failed to decode remote network state',
  [GossipMessageType.bulkSync]: 'Error decoding bulk sync message',
  [GossipMessageType.compound]: 'Failed to decode compound request',
  [GossipMessageType.nodeEvent]: 'Error decoding node event message',
};

/** One call's decoding: counts what it makes. */
class Decoder {
  #partCount = 0;

  decode(bytes: Uint8Array, depth: number): GossipMessage | MessageError {
    const envelope = decodeFields(bytes, readEnvelope);
    if (typeof envelope === 'string') {
      const text = `Error decoding gossip message to get message type: ${envelope}`;
      return errorOf(GossipMessageType.invalid, text, bytes);
    }
    const { type, data } = envelope;
    const prefix = PREFIXES[type];
    if (prefix === undefined) return errorOf(type, `unknown message type ${type}`, bytes);
    const message = decodeFields(data, (reader) => this.#read(reader, type, depth));
    return typeof message === 'string' ? errorOf(type, `${prefix}: ${message}`, bytes) : message;
  }

  #read(reader: ProtoReader, type: number, depth: number): GossipMessage {
    switch (type) {
      case GossipMessageType.nodeEvent:
        return readNodeEvent(reader);
      case GossipMessageType.networkEvent:
        return readNetworkEvent(reader);
      case GossipMessageType.tableEvent:
        return readTableEvent(reader);
      case GossipMessageType.pushPull:
        return this.#readPushPull(reader);
      case GossipMessageType.bulkSync:
        return this.#readBulkSync(reader, depth);
      default:
        return this.#readCompound(reader, depth);
    }
  }

  #readPushPull(reader: ProtoReader): NetworkPushPull {
    let ltime: Uint64 = 0;
    const networks: NetworkEntry[] = [];
    let nodeName = '';
    for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
      if (field === 1) ltime = reader.uint64();
      else if (field === 2) networks.push(this.#readEntry(reader.view()));
      else if (field === 3) nodeName = reader.text();
      else reader.skip();
    }
    return { type: GossipMessageType.pushPull, ltime, networks, nodeName };
  }

  #readEntry(bytes: Uint8Array): NetworkEntry {
    this.#countPart();
    return readNetworkEntry(new ProtoReader(bytes));
  }

  #readBulkSync(reader: ProtoReader, depth: number): BulkSync {
    let ltime: Uint64 = 0;
    let unsolicited = false;
    let nodeName = '';
    const networks: string[] = [];
    let encoded: Uint8Array | undefined;
    for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
      if (field === 1) ltime = reader.uint64();
      else if (field === 2) unsolicited = reader.bool();
      else if (field === 3) nodeName = reader.text();
      else if (field === 4) networks.push(this.#readPart(reader));
      else if (field === 5) encoded = reader.view();
      else reader.skip();
    }
    const payload = encoded === undefined ? undefined : this.#decodeWithin(encoded, depth);
    return { type: GossipMessageType.bulkSync, ltime, unsolicited, nodeName, networks, payload };
  }

  #readPart(reader: ProtoReader): string {
    this.#countPart();
    return reader.text();
  }

  #readCompound(reader: ProtoReader, depth: number): Compound {
    const messages: (GossipMessage | MessageError)[] = [];
    for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
      if (field === 1) {
        this.#countPart();
        const encoded = readSimpleMessage(new ProtoReader(reader.view()));
        messages.push(this.#decodeWithin(encoded, depth));
      } else {
        reader.skip();
      }
    }
    return { type: GossipMessageType.compound, messages };
  }

  #decodeWithin(encoded: Uint8Array, depth: number): GossipMessage | MessageError {
    if (depth < NESTING_MAX) return this.decode(encoded, depth + 1);
    return errorOf(GossipMessageType.invalid, 'messages are nested too deeply', encoded);
  }

  #countPart(): void {
    if (++this.#partCount > PARTS_MAX) throw new Error('too many parts');
  }
}

function errorOf(messageType: number, text: string, bytes: Uint8Array): MessageError {
  return { type: GossipMessageType.invalid, messageType, text, bytes: bytes.slice() };
}

function readEnvelope(reader: ProtoReader): { type: number; data: Uint8Array } {
  let type = 0;
  let data: Uint8Array = NO_BYTES;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) type = reader.int32();
    else if (field === 2) data = reader.view();
    else reader.skip();
  }
  return { type, data };
}

function readSimpleMessage(reader: ProtoReader): Uint8Array {
  let payload: Uint8Array = NO_BYTES;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) payload = reader.view();
    else reader.skip();
  }
  return payload;
}

function readNodeEvent(reader: ProtoReader): NodeEvent {
  let event = 0;
  let ltime: Uint64 = 0;
  let nodeName = '';
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) event = reader.int32();
    else if (field === 2) ltime = reader.uint64();
    else if (field === 3) nodeName = reader.text();
    else reader.skip();
  }
  return { type: GossipMessageType.nodeEvent, event, ltime, nodeName };
}

function readNetworkEvent(reader: ProtoReader): NetworkEvent {
  let event = 0;
  let ltime: Uint64 = 0;
  let nodeName = '';
  let networkId = '';
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) event = reader.int32();
    else if (field === 2) ltime = reader.uint64();
    else if (field === 3) nodeName = reader.text();
    else if (field === 4) networkId = reader.text();
    else reader.skip();
  }
  return { type: GossipMessageType.networkEvent, event, ltime, nodeName, networkId };
}

function readTableEvent(reader: ProtoReader): TableEvent {
  let event = 0;
  let ltime: Uint64 = 0;
  let nodeName = '';
  let networkId = '';
  let tableName = '';
  let key = '';
  let value: Uint8Array = NO_BYTES;
  let residualReapTime = 0;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) event = reader.int32();
    else if (field === 2) ltime = reader.uint64();
    else if (field === 3) nodeName = reader.text();
    else if (field === 4) networkId = reader.text();
    else if (field === 5) tableName = reader.text();
    else if (field === 6) key = reader.text();
    else if (field === 7) value = reader.view().slice();
    else if (field === 8) residualReapTime = reader.int32();
    else reader.skip();
  }
  const names = { nodeName, networkId, tableName, key };
  return { type: GossipMessageType.tableEvent, event, ltime, ...names, value, residualReapTime };
}

function readNetworkEntry(reader: ProtoReader): NetworkEntry {
  let networkId = '';
  let ltime: Uint64 = 0;
  let nodeName = '';
  let leaving = false;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) networkId = reader.text();
    else if (field === 2) ltime = reader.uint64();
    else if (field === 3) nodeName = reader.text();
    else if (field === 4) leaving = reader.bool();
    else reader.skip();
  }
  return { networkId, ltime, nodeName, leaving };
}
