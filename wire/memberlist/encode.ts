/**
 * The bytes of one message: a type byte, then a MessagePack map whose keys ascend.
 *
 * Written field by field instead of from a table of fields: each message is a dozen stores into a
 * buffer whose size is known, and the wire order can be read off the code. Mirrors memberlist
 * `util.go` `encode` and the message structures in `net.go`.
 */

import { writeU32 } from '../bytes.ts';
import { ipBytes, isIpv6Address } from '../ip-address.ts';
import {
  type Alive,
  type IndirectPing,
  isNoAddress,
  type Message,
  MessageType,
  type Ping,
  type PushNodeState,
  type PushPull,
  type StreamMessage,
  sizeOf,
  sizeOfStreamMessage,
  type WireAddress,
} from './message.ts';
import {
  encodedKeyOf,
  writeBool,
  writeEncoded,
  writeMapHeader,
  writeSlice,
  writeText,
  writeUint,
} from './msgpack.ts';

const ADDR = encodedKeyOf('Addr');
const ERROR = encodedKeyOf('Error');
const FROM = encodedKeyOf('From');
const INCARNATION = encodedKeyOf('Incarnation');
const JOIN = encodedKeyOf('Join');
const META = encodedKeyOf('Meta');
const NACK = encodedKeyOf('Nack');
const NAME = encodedKeyOf('Name');
const NODE = encodedKeyOf('Node');
const NODES = encodedKeyOf('Nodes');
const PAYLOAD = encodedKeyOf('Payload');
const PORT = encodedKeyOf('Port');
const SEQ_NO = encodedKeyOf('SeqNo');
const SOURCE_ADDR = encodedKeyOf('SourceAddr');
const SOURCE_NODE = encodedKeyOf('SourceNode');
const SOURCE_PORT = encodedKeyOf('SourcePort');
const STATE = encodedKeyOf('State');
const TARGET = encodedKeyOf('Target');
const USER_MSG_LEN = encodedKeyOf('UserMsgLen');
const USER_STATE_LEN = encodedKeyOf('UserStateLen');
const VSN = encodedKeyOf('Vsn');

/** The bytes of a message as in a packet; `sizeOf(message)` of them. */
export function encodeMessage(message: Message): Uint8Array {
  const bytes = new Uint8Array(sizeOf(message));
  encodeMessageInto(message, bytes, 0);
  return bytes;
}

/** Writes a message at `at`, where `sizeOf(message)` bytes are free; returns the next offset. */
export function encodeMessageInto(message: Message, bytes: Uint8Array, at: number): number {
  bytes[at] = message.type;
  const start = at + 1;
  switch (message.type) {
    case MessageType.ping:
      return writePing(message, bytes, start);
    case MessageType.indirectPing:
      return writeIndirectPing(message, bytes, start);
    case MessageType.ack: {
      let next = writeEncoded(bytes, writeMapHeader(bytes, start, 2), PAYLOAD);
      next = writeSlice(bytes, next, message.payload);
      return writeUint(bytes, writeEncoded(bytes, next, SEQ_NO), message.seqNo);
    }
    case MessageType.nack: {
      const next = writeEncoded(bytes, writeMapHeader(bytes, start, 1), SEQ_NO);
      return writeUint(bytes, next, message.seqNo);
    }
    case MessageType.suspect:
    case MessageType.dead: {
      let next = writeEncoded(bytes, writeMapHeader(bytes, start, 3), FROM);
      next = writeText(bytes, next, message.from);
      next = writeUint(bytes, writeEncoded(bytes, next, INCARNATION), message.incarnation);
      return writeText(bytes, writeEncoded(bytes, next, NODE), message.node);
    }
    case MessageType.alive:
      return writeAlive(message, bytes, start);
    case MessageType.user:
      bytes.set(message.payload, start);
      return start + message.payload.length;
    case MessageType.err: {
      const next = writeEncoded(bytes, writeMapHeader(bytes, start, 1), ERROR);
      return writeText(bytes, next, message.error);
    }
  }
}

/** The bytes of a message as in a stream, before compression, encryption and label. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  const bytes = new Uint8Array(sizeOfStreamMessage(message));
  if (message.type === MessageType.pushPull) {
    writePushPull(message, bytes);
  } else if (message.type === MessageType.user) {
    bytes[0] = message.type;
    const next = writeEncoded(bytes, writeMapHeader(bytes, 1, 1), USER_MSG_LEN);
    bytes.set(message.payload, writeUint(bytes, next, message.payload.length));
  } else {
    encodeMessageInto(message, bytes, 0);
  }
  return bytes;
}

function writePing(message: Ping, bytes: Uint8Array, at: number): number {
  let next = writeMapHeader(bytes, at, 2 + sourceFieldCountOf(message));
  next = writeText(bytes, writeEncoded(bytes, next, NODE), message.node);
  next = writeUint(bytes, writeEncoded(bytes, next, SEQ_NO), message.seqNo);
  return writeSource(message, bytes, next);
}

function writeIndirectPing(message: IndirectPing, bytes: Uint8Array, at: number): number {
  let next = writeMapHeader(bytes, at, 5 + sourceFieldCountOf(message));
  next = writeBool(bytes, writeEncoded(bytes, next, NACK), message.nack);
  next = writeText(bytes, writeEncoded(bytes, next, NODE), message.node);
  next = writeUint(bytes, writeEncoded(bytes, next, PORT), message.port);
  next = writeUint(bytes, writeEncoded(bytes, next, SEQ_NO), message.seqNo);
  next = writeSource(message, bytes, next);
  return writeAddress(bytes, writeEncoded(bytes, next, TARGET), message.target);
}

function writeAlive(message: Alive, bytes: Uint8Array, at: number): number {
  let next = writeMapHeader(bytes, at, 6);
  next = writeAddress(bytes, writeEncoded(bytes, next, ADDR), message.addr);
  next = writeUint(bytes, writeEncoded(bytes, next, INCARNATION), message.incarnation);
  next = writeSlice(bytes, writeEncoded(bytes, next, META), message.meta);
  next = writeText(bytes, writeEncoded(bytes, next, NODE), message.node);
  next = writeUint(bytes, writeEncoded(bytes, next, PORT), message.port);
  return writeSlice(bytes, writeEncoded(bytes, next, VSN), message.vsn);
}

function writePushPull(message: PushPull, bytes: Uint8Array): void {
  bytes[0] = message.type;
  let next = writeMapHeader(bytes, 1, 3);
  next = writeBool(bytes, writeEncoded(bytes, next, JOIN), message.join);
  next = writeUint(bytes, writeEncoded(bytes, next, NODES), message.nodes.length);
  next = writeUint(bytes, writeEncoded(bytes, next, USER_STATE_LEN), message.userState.length);
  for (const node of message.nodes) next = writeNodeState(node, bytes, next);
  bytes.set(message.userState, next);
}

function writeNodeState(node: PushNodeState, bytes: Uint8Array, at: number): number {
  let next = writeMapHeader(bytes, at, 7);
  next = writeAddress(bytes, writeEncoded(bytes, next, ADDR), node.addr);
  next = writeUint(bytes, writeEncoded(bytes, next, INCARNATION), node.incarnation);
  next = writeSlice(bytes, writeEncoded(bytes, next, META), node.meta);
  next = writeText(bytes, writeEncoded(bytes, next, NAME), node.name);
  next = writeUint(bytes, writeEncoded(bytes, next, PORT), node.port);
  next = writeUint(bytes, writeEncoded(bytes, next, STATE), node.state);
  return writeSlice(bytes, writeEncoded(bytes, next, VSN), node.vsn);
}

function sourceFieldCountOf(message: Ping | IndirectPing): number {
  return (
    (isNoAddress(message.sourceAddr) ? 0 : 1) +
    (message.sourceNode === '' ? 0 : 1) +
    (message.sourcePort === 0 ? 0 : 1)
  );
}

function writeSource(message: Ping | IndirectPing, bytes: Uint8Array, at: number): number {
  let next = at;
  if (!isNoAddress(message.sourceAddr)) {
    next = writeAddress(bytes, writeEncoded(bytes, next, SOURCE_ADDR), message.sourceAddr);
  }
  if (message.sourceNode !== '') {
    next = writeText(bytes, writeEncoded(bytes, next, SOURCE_NODE), message.sourceNode);
  }
  if (message.sourcePort !== 0) {
    next = writeUint(bytes, writeEncoded(bytes, next, SOURCE_PORT), message.sourcePort);
  }
  return next;
}

function writeAddress(bytes: Uint8Array, at: number, address: WireAddress): number {
  if (typeof address !== 'number') {
    return writeSlice(bytes, at, address.length === 0 ? undefined : address);
  }
  if (isIpv6Address(address)) return writeSlice(bytes, at, ipBytes(address));
  bytes[at] = 0xa4;
  writeU32(bytes, at + 1, address);
  return at + 5;
}
