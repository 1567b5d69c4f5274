/**
 * One message from its bytes, tolerant as go-msgpack's decoder is (msgpack-reader.ts); bytes after the
 * structure are ignored (memberlist `util.go` `decode`).
 *
 * Bytes that are not a message come back as a {@link MessageError}; nothing throws, and nothing is
 * allocated but the message, which is never larger than its bytes. Slices are copies: a message
 * outlives its packet.
 */
import { readU16, readU32 } from '../bytes.ts';
import {
  type Message,
  type MessageError,
  MessageType,
  NO_ADDRESS,
  type PushNodeState,
  type WireAddress,
} from './message.ts';
import { type GoMsgpack, MsgpackReader } from './msgpack-reader.ts';

const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffff_ffff;

// the fields of upstream's structures in their order (`net.go`), in which arrays have them
const SOURCE_FIELDS = ['SourceAddr', 'SourcePort', 'SourceNode'];
const PING_FIELDS = ['SeqNo', 'Node', ...SOURCE_FIELDS];
const INDIRECT_PING_FIELDS = ['SeqNo', 'Target', 'Port', 'Node', 'Nack', ...SOURCE_FIELDS];
const ACK_FIELDS = ['SeqNo', 'Payload'];
const NACK_FIELDS = ['SeqNo'];
const ACCUSATION_FIELDS = ['Incarnation', 'Node', 'From'];
const ALIVE_FIELDS = ['Incarnation', 'Node', 'Addr', 'Port', 'Meta', 'Vsn'];
const ERR_FIELDS = ['Error'];
const NODE_STATE_FIELDS = ['Name', 'Addr', 'Port', 'Meta', 'Incarnation', 'State', 'Vsn'];

/**
 * The message in `bytes` from `start` to `end`, in its packet form. Push/pulls, compounds and the
 * layers (compress, encrypt, checksum, label) are not messages here: see packet.ts and stream.ts.
 */
export function decodeMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  codec: GoMsgpack = '0.5',
): Message | MessageError {
  if (end <= start) return messageError(-1, 'missing message type byte');
  const messageType = bytes[start]!;
  if (messageType === MessageType.user) {
    return { type: MessageType.user, payload: bytes.slice(start + 1, end) };
  }
  const reader = new MsgpackReader(bytes, start + 1, end, codec);
  const message = readMessage(reader, messageType);
  if (message === undefined) {
    return messageError(messageType, `msg type (${messageType}) not supported`);
  }
  return reader.failure === undefined ? message : messageError(messageType, reader.failure);
}

/** Makes the error that stands for bytes that are not a message. */
function messageError(messageType: number, text: string): MessageError {
  return { type: -1, messageType, text };
}

/**
 * Reads the map of a message of that type; `undefined` when no such message has one. The result is
 * meaningless if the reader has failed.
 */
export function readMessage(reader: MsgpackReader, messageType: number): Message | undefined {
  switch (messageType) {
    case MessageType.ping:
      return readPing(reader);
    case MessageType.indirectPing:
      return readIndirectPing(reader);
    case MessageType.ack:
      return readAck(reader);
    case MessageType.nack:
      return readNack(reader);
    case MessageType.suspect:
    case MessageType.dead:
      return readAccusation(reader, messageType);
    case MessageType.alive:
      return readAlive(reader);
    case MessageType.err:
      return readErr(reader);
    default:
      return undefined;
  }
}

function readPing(reader: MsgpackReader): Message {
  let seqNo = 0;
  let node = '';
  let sourceAddr: Uint8Array | undefined;
  let sourcePort = 0;
  let sourceNode = '';
  for (
    let left = reader.fieldCount(PING_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'SeqNo') seqNo = reader.uint(UINT32_MAX);
    else if (key === 'Node') node = reader.text();
    else if (key === 'SourceAddr') sourceAddr = reader.viewAfter(sourceAddr);
    else if (key === 'SourcePort') sourcePort = reader.uint(UINT16_MAX);
    else if (key === 'SourceNode') sourceNode = reader.text();
    else reader.skip();
  }
  return {
    type: MessageType.ping,
    seqNo,
    node,
    sourceAddr: addressOf(sourceAddr),
    sourcePort,
    sourceNode,
  };
}

function readIndirectPing(reader: MsgpackReader): Message {
  let seqNo = 0;
  let target: Uint8Array | undefined;
  let port = 0;
  let node = '';
  let nack = false;
  let sourceAddr: Uint8Array | undefined;
  let sourcePort = 0;
  let sourceNode = '';
  for (
    let left = reader.fieldCount(INDIRECT_PING_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'SeqNo') seqNo = reader.uint(UINT32_MAX);
    else if (key === 'Target') target = reader.viewAfter(target);
    else if (key === 'Port') port = reader.uint(UINT16_MAX);
    else if (key === 'Node') node = reader.text();
    else if (key === 'Nack') nack = reader.bool();
    else if (key === 'SourceAddr') sourceAddr = reader.viewAfter(sourceAddr);
    else if (key === 'SourcePort') sourcePort = reader.uint(UINT16_MAX);
    else if (key === 'SourceNode') sourceNode = reader.text();
    else reader.skip();
  }
  return {
    type: MessageType.indirectPing,
    seqNo,
    target: addressOf(target),
    port,
    node,
    nack,
    sourceAddr: addressOf(sourceAddr),
    sourcePort,
    sourceNode,
  };
}

function readAck(reader: MsgpackReader): Message {
  let seqNo = 0;
  let payload: Uint8Array | undefined;
  for (let left = reader.fieldCount(ACK_FIELDS); left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (key === 'SeqNo') seqNo = reader.uint(UINT32_MAX);
    else if (key === 'Payload') payload = reader.slice(payload);
    else reader.skip();
  }
  return { type: MessageType.ack, seqNo, payload };
}

function readNack(reader: MsgpackReader): Message {
  let seqNo = 0;
  for (
    let left = reader.fieldCount(NACK_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'SeqNo') seqNo = reader.uint(UINT32_MAX);
    else reader.skip();
  }
  return { type: MessageType.nack, seqNo };
}

function readAccusation(
  reader: MsgpackReader,
  type: typeof MessageType.suspect | typeof MessageType.dead,
): Message {
  let incarnation = 0;
  let node = '';
  let from = '';
  for (
    let left = reader.fieldCount(ACCUSATION_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'Incarnation') incarnation = reader.uint(UINT32_MAX);
    else if (key === 'Node') node = reader.text();
    else if (key === 'From') from = reader.text();
    else reader.skip();
  }
  return { type, incarnation, node, from };
}

function readAlive(reader: MsgpackReader): Message {
  let incarnation = 0;
  let node = '';
  let addr: Uint8Array | undefined;
  let port = 0;
  let meta: Uint8Array | undefined;
  let vsn: Uint8Array | undefined;
  for (
    let left = reader.fieldCount(ALIVE_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'Incarnation') incarnation = reader.uint(UINT32_MAX);
    else if (key === 'Node') node = reader.text();
    else if (key === 'Addr') addr = reader.viewAfter(addr);
    else if (key === 'Port') port = reader.uint(UINT16_MAX);
    else if (key === 'Meta') meta = reader.slice(meta);
    else if (key === 'Vsn') vsn = reader.slice(vsn);
    else reader.skip();
  }
  return { type: MessageType.alive, incarnation, node, addr: addressOf(addr), port, meta, vsn };
}

function readErr(reader: MsgpackReader): Message {
  let error = '';
  for (let left = reader.fieldCount(ERR_FIELDS); left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (key === 'Error') error = reader.text();
    else reader.skip();
  }
  return { type: MessageType.err, error };
}

/** Reads one node of a push/pull; meaningless if the reader has failed. */
export function readNodeState(reader: MsgpackReader): PushNodeState {
  let name = '';
  let addr: Uint8Array | undefined;
  let port = 0;
  let meta: Uint8Array | undefined;
  let incarnation = 0;
  let state = 0;
  let vsn: Uint8Array | undefined;
  for (
    let left = reader.fieldCount(NODE_STATE_FIELDS);
    left > 0 && reader.failure === undefined;
    left--
  ) {
    const key = reader.field();
    if (key === 'Name') name = reader.text();
    else if (key === 'Addr') addr = reader.viewAfter(addr);
    else if (key === 'Port') port = reader.uint(UINT16_MAX);
    else if (key === 'Meta') meta = reader.slice(meta);
    else if (key === 'Incarnation') incarnation = reader.uint(UINT32_MAX);
    else if (key === 'State') state = reader.int();
    else if (key === 'Vsn') vsn = reader.slice(vsn);
    else reader.skip();
  }
  return { name, addr: addressOf(addr), port, meta, incarnation, state, vsn };
}

/** Four bytes and v4-mapped IPv6 become a number, as Go's `net.IP` treats them alike. */
function addressOf(view: Uint8Array | undefined): WireAddress {
  if (view === undefined || view.length === 0) return NO_ADDRESS;
  if (view.length === 4) return readU32(view, 0);
  if (view.length === 16 && isMappedIpv4(view)) return readU32(view, 12);
  return view.slice();
}

function isMappedIpv4(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return readU16(bytes, 10) === 0xffff;
}
