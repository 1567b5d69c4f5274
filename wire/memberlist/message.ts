/**
 * memberlist's messages, and their encoded sizes without encoding them (memberlist `net.go`).
 *
 * Simulated members exchange these objects, so they are lean: a numeric `type` with upstream's
 * codes, upstream's field names, IPv4 addresses as numbers. A nil slice is `undefined` where nil and
 * empty differ on the wire. encode.ts and decode.ts hold the bytes of one message, packet.ts and
 * stream.ts what surrounds them.
 */
import { type IpAddress, isIpv6Address } from '../ip-address.ts';
import { utf8Bytes } from '../utf8.ts';
import { rawBytes, sliceBytes, textBytes, uintBytes } from './msgpack.ts';

/** The type byte that begins every message and every layer around one (`messageType`). */
export const MessageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  err: 13,
  hasLabel: 244,
} as const;
/** See {@link MessageType}. */
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** The states of a node in a push/pull (`NodeStateType`). */
export const NodeState = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;
/** See {@link NodeState}. */
export type NodeState = (typeof NodeState)[keyof typeof NodeState];

/**
 * An address in a message: a number takes four bytes, or 16 for IPv6. 16 bytes are IPv6, other lengths
 * are carried as they came; no bytes are Go's nil `net.IP` (see {@link NO_ADDRESS}).
 */
export type WireAddress = IpAddress | Uint8Array;

/** The absent address: nil, or left out where the field is optional. */
export const NO_ADDRESS: WireAddress = new Uint8Array(0);

/** Protocol and delegate versions of a Docker node: 1 to 5 speaking 2, and 0 (`Vsn`). */
export const DOCKER_VSN: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** Is that node alive? The source fields are left out when they are zero. */
export interface Ping {
  readonly type: typeof MessageType.ping;
  readonly seqNo: number;
  /** Whom the ping is for; empty is anybody. */
  readonly node: string;
  readonly sourceAddr: WireAddress;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** Ping that node for me. The source fields are left out when they are zero. */
export interface IndirectPing {
  readonly type: typeof MessageType.indirectPing;
  readonly seqNo: number;
  readonly target: WireAddress;
  readonly port: number;
  readonly node: string;
  /** True when a nack is wanted should the ping fail. */
  readonly nack: boolean;
  readonly sourceAddr: WireAddress;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** The answer to a ping; nil without a ping delegate. */
export interface Ack {
  readonly type: typeof MessageType.ack;
  readonly seqNo: number;
  readonly payload: Uint8Array | undefined;
}

/** An indirect ping has had no answer. */
export interface Nack {
  readonly type: typeof MessageType.nack;
  readonly seqNo: number;
}

/** `from` suspects `node`. */
export interface Suspect {
  readonly type: typeof MessageType.suspect;
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** `node` is alive. `meta` is empty in a Docker node's own message and nil in relayed copies. */
export interface Alive {
  readonly type: typeof MessageType.alive;
  readonly incarnation: number;
  readonly node: string;
  readonly addr: WireAddress;
  readonly port: number;
  readonly meta: Uint8Array | undefined;
  /** Minimum, maximum and current protocol version, then the same of the delegate. */
  readonly vsn: Uint8Array | undefined;
}

/** `from` declares `node` dead; a node says so of itself when it leaves. */
export interface Dead {
  readonly type: typeof MessageType.dead;
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** The delegate's bytes. */
export interface User {
  readonly type: typeof MessageType.user;
  readonly payload: Uint8Array;
}

/** Why a stream was refused. */
export interface Err {
  readonly type: typeof MessageType.err;
  readonly error: string;
}

/** One node in a push/pull (`pushNodeState`). */
export interface PushNodeState {
  readonly name: string;
  readonly addr: WireAddress;
  readonly port: number;
  readonly meta: Uint8Array | undefined;
  readonly incarnation: number;
  /** One of {@link NodeState}; what others send is not checked. */
  readonly state: number;
  readonly vsn: Uint8Array | undefined;
}

/** All that one side of a push/pull knows. */
export interface PushPull {
  readonly type: typeof MessageType.pushPull;
  readonly join: boolean;
  readonly nodes: readonly PushNodeState[];
  /** The delegate's state; empty when there is none. */
  readonly userState: Uint8Array;
}

/** What a packet carries. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User;

/** What a stream carries; a user message has a header there. */
export type StreamMessage = PushPull | Ping | Ack | User | Err;

/** Any message with the same bytes in packets and streams, and a user message's packet form. */
export type Message = PacketMessage | Err;

/** Bytes that are not a message. The text is what upstream's decoder says, without a prefix. */
export interface MessageError {
  /** Never the type of a message. */
  readonly type: -1;
  /** The type byte, -1 when there was none. */
  readonly messageType: number;
  readonly text: string;
}

/** True for bytes that are not a message. */
export function isMessageError(
  message: Message | StreamMessage | MessageError,
): message is MessageError {
  return message.type === -1;
}

// type byte, map header and keys of each message, and of the optional fields
const PING_FIXED = 2 + keysBytes('Node', 'SeqNo');
const INDIRECT_PING_FIXED = 3 + keysBytes('Nack', 'Node', 'Port', 'SeqNo', 'Target');
const ACK_FIXED = 2 + keysBytes('Payload', 'SeqNo');
const NACK_FIXED = 2 + keysBytes('SeqNo');
const SUSPECT_FIXED = 2 + keysBytes('From', 'Incarnation', 'Node');
const ALIVE_FIXED = 2 + keysBytes('Addr', 'Incarnation', 'Meta', 'Node', 'Port', 'Vsn');
const ERR_FIXED = 2 + keysBytes('Error');
const NODE_FIXED = 1 + keysBytes('Addr', 'Incarnation', 'Meta', 'Name', 'Port', 'State', 'Vsn');
const PUSH_PULL_FIXED = 3 + keysBytes('Join', 'Nodes', 'UserStateLen');
const USER_HEADER_FIXED = 2 + keysBytes('UserMsgLen');
const SOURCE_ADDR_KEY = keysBytes('SourceAddr');
const SOURCE_NODE_KEY = keysBytes('SourceNode');
const SOURCE_PORT_KEY = keysBytes('SourcePort');

/** Bytes of the encoded message, its type byte included; what `encodeMessage` returns. */
export function sizeOf(message: Message): number {
  switch (message.type) {
    case MessageType.ping:
      return PING_FIXED + textBytes(message.node) + uintBytes(message.seqNo) + sourceBytes(message);
    case MessageType.indirectPing:
      return (
        INDIRECT_PING_FIXED +
        textBytes(message.node) +
        uintBytes(message.port) +
        uintBytes(message.seqNo) +
        sourceBytes(message) +
        addressBytes(message.target)
      );
    case MessageType.ack:
      return ACK_FIXED + sliceBytes(message.payload) + uintBytes(message.seqNo);
    case MessageType.nack:
      return NACK_FIXED + uintBytes(message.seqNo);
    case MessageType.suspect:
    case MessageType.dead:
      return (
        SUSPECT_FIXED +
        textBytes(message.from) +
        uintBytes(message.incarnation) +
        textBytes(message.node)
      );
    case MessageType.alive:
      return (
        ALIVE_FIXED +
        addressBytes(message.addr) +
        uintBytes(message.incarnation) +
        sliceBytes(message.meta) +
        textBytes(message.node) +
        uintBytes(message.port) +
        sliceBytes(message.vsn)
      );
    case MessageType.user:
      return sizeOfUser(message.payload.length);
    case MessageType.err:
      return ERR_FIXED + textBytes(message.error);
  }
}

/** Bytes of a user message in a packet, by the size of its payload. */
export function sizeOfUser(payloadBytes: number): number {
  return 1 + payloadBytes;
}

/** Bytes of a user message in a stream, by the size of its payload. */
export function sizeOfStreamUser(payloadBytes: number): number {
  return USER_HEADER_FIXED + uintBytes(payloadBytes) + payloadBytes;
}

/** Bytes of one node in a push/pull. */
export function sizeOfNodeState(node: PushNodeState): number {
  return (
    NODE_FIXED +
    addressBytes(node.addr) +
    uintBytes(node.incarnation) +
    sliceBytes(node.meta) +
    textBytes(node.name) +
    uintBytes(node.port) +
    uintBytes(node.state) +
    sliceBytes(node.vsn)
  );
}

/** Bytes of a push/pull, by the bytes of its nodes ({@link sizeOfNodeState}) and its user state. */
export function sizeOfPushPull(
  nodeCount: number,
  nodesBytes: number,
  userStateBytes: number,
): number {
  const headerBytes = PUSH_PULL_FIXED + uintBytes(nodeCount) + uintBytes(userStateBytes);
  return headerBytes + nodesBytes + userStateBytes;
}

/** Bytes of a message in a stream, before compression, encryption and label. */
export function sizeOfStreamMessage(message: StreamMessage): number {
  if (message.type === MessageType.user) return sizeOfStreamUser(message.payload.length);
  if (message.type !== MessageType.pushPull) return sizeOf(message);
  let nodesBytes = 0;
  for (const node of message.nodes) nodesBytes += sizeOfNodeState(node);
  return sizeOfPushPull(message.nodes.length, nodesBytes, message.userState.length);
}

/** True for {@link NO_ADDRESS} and every other address without bytes. */
export function isNoAddress(address: WireAddress): boolean {
  return typeof address !== 'number' && address.length === 0;
}

function addressBytes(address: WireAddress): number {
  if (typeof address === 'number') return isIpv6Address(address) ? rawBytes(16) : 5;
  return address.length === 0 ? 1 : rawBytes(address.length);
}

function sourceBytes(message: Ping | IndirectPing): number {
  let bytes = 0;
  if (!isNoAddress(message.sourceAddr)) {
    bytes += SOURCE_ADDR_KEY + addressBytes(message.sourceAddr);
  }
  if (message.sourceNode !== '') bytes += SOURCE_NODE_KEY + textBytes(message.sourceNode);
  if (message.sourcePort !== 0) bytes += SOURCE_PORT_KEY + uintBytes(message.sourcePort);
  return bytes;
}

function keysBytes(...keys: string[]): number {
  return keys.reduce((bytes, key) => bytes + 1 + utf8Bytes(key), 0);
}
