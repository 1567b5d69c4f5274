/**
 * What simulated members send each other: memberlist's messages with indexes in the place of names,
 * and their encoded sizes. {@link wireFormOf} gives the message with names, for whoever wants bytes.
 *
 * A rumor (suspect, alive, dead) is made once, by whoever begins it, and passed on by reference: the
 * same object waits in many queues and travels in many packets. Nobody changes it.
 */
import { type IpAddress, ipBytes, ipOfBytes, isIpv6Address } from '../wire/ip-address.ts';
import {
  type Ack,
  DOCKER_VSN,
  type IndirectPing,
  MessageType,
  type Nack,
  type PacketMessage,
  type Ping,
  type PushNodeState,
  sizeOf,
  sizeOfNodeState,
  sizeOfUser,
  type WireAddress,
} from '../wire/memberlist/message.ts';
import { sliceBytes, textBytes, uintBytes } from '../wire/memberlist/msgpack.ts';
import type { UserMessage } from './delegate.ts';
import { type Members, placeBytes } from './members/members.ts';
import { isBadVsn } from './protocol-versions.ts';

/** A change of membership that spreads. */
export interface Rumor {
  readonly type: typeof MessageType.suspect | typeof MessageType.alive | typeof MessageType.dead;
  readonly subject: number;
  readonly incarnation: number;
  /** Who accuses; the subject itself for alive. */
  readonly from: number;
  /** What an alive message says of its subject; -1 for the others. */
  readonly fact: number;
  readonly sizeBytes: number;
}

/** Probe traffic. */
export interface Control {
  readonly type:
    | typeof MessageType.ping
    | typeof MessageType.indirectPing
    | typeof MessageType.ack
    | typeof MessageType.nack;
  readonly seqNo: number;
  /** Whom a ping is for, or {@link ANYBODY}. */
  readonly subject: number;
  /** Where the target of an indirect ping is; -1 for the others. */
  readonly fact: number;
  /** Whether a nack is wanted. */
  readonly nack: boolean;
  /** What an ack carries. */
  readonly payload: Uint8Array | undefined;
  readonly sizeBytes: number;
  /** The certain probe that a ping is of, or -1 (detection/certain-probes.ts). */
  certain: number;
}

/** A delegate's message. */
export interface User {
  readonly type: typeof MessageType.user;
  readonly message: UserMessage;
  readonly sizeBytes: number;
}

/** Any part of a packet. */
export type Part = Rumor | Control | User;

/** The subject of a ping that names nobody: whoever receives it answers. */
export const ANYBODY = -1;

const SAMPLE_PING: Ping = {
  type: MessageType.ping,
  seqNo: 0,
  node: '',
  sourceAddr: 0x7f00_0001,
  sourcePort: 1,
  sourceNode: 'a',
};
const SAMPLE_INDIRECT_PING: IndirectPing = {
  ...SAMPLE_PING,
  type: MessageType.indirectPing,
  target: 0x7f00_0001,
  port: 1,
  nack: true,
};
const SAMPLE_ACK: Ack = { type: MessageType.ack, seqNo: 0, payload: undefined };
const SAMPLE_NACK: Nack = { type: MessageType.nack, seqNo: 0 };
const SAMPLE_SUSPECT = { type: MessageType.suspect, incarnation: 0, node: '', from: '' } as const;
const SAMPLE_NODE: PushNodeState = {
  name: '',
  addr: 0x7f00_0001,
  port: 1,
  meta: undefined,
  incarnation: 0,
  state: 0,
  vsn: DOCKER_VSN,
};

// sizes without names, sequence numbers, ports and incarnations
const PING_FIXED = sizeOf(SAMPLE_PING) - textBytes('') - textBytes('a') - 2;
const INDIRECT_PING_FIXED = sizeOf(SAMPLE_INDIRECT_PING) - textBytes('') - textBytes('a') - 3;
const ACK_FIXED = sizeOf(SAMPLE_ACK) - 1;
const NACK_FIXED = sizeOf(SAMPLE_NACK) - 1;
const SUSPECT_FIXED = sizeOf(SAMPLE_SUSPECT) - 2 * textBytes('') - 1;
const DEAD_FIXED = sizeOf({ ...SAMPLE_SUSPECT, type: MessageType.dead }) - 2 * textBytes('') - 1;
const NODE_FIXED = sizeOfNodeState(SAMPLE_NODE) - textBytes('') - sliceBytes(undefined) - 2;

/** Bytes of a ping of `member` to `subject`. */
export function pingBytes(
  members: Members,
  member: number,
  subject: number,
  seqNo: number,
): number {
  const namesBytes = members.nameBytesOf(member) + members.nameBytesOf(subject);
  return PING_FIXED + namesBytes + uintBytes(seqNo) + members.placeBytesOf(member);
}

/** The first number after this one whose messages are longer. */
export function widerFrom(seqNo: number): number {
  if (seqNo < 0x80) return 0x80;
  if (seqNo < 0x100) return 0x100;
  return seqNo < 0x1_0000 ? 0x1_0000 : Number.POSITIVE_INFINITY;
}

/** Bytes of an ack without payload. */
export function ackBytes(seqNo: number): number {
  return ACK_FIXED + uintBytes(seqNo);
}

/** Bytes of one entry of a push/pull. */
export function nodeStateBytes(
  members: Members,
  subject: number,
  fact: number,
  incarnation: number,
): number {
  const bytes = NODE_FIXED + members.nameBytesOf(subject) + members.factBytesOf(fact);
  return bytes + uintBytes(incarnation);
}

/** Is the subject alive? */
export function makePing(
  members: Members,
  member: number,
  subject: number,
  seqNo: number,
): Control {
  const sizeBytes = pingBytes(members, member, subject, seqNo);
  const type = MessageType.ping;
  return {
    type,
    seqNo,
    subject,
    fact: -1,
    nack: false,
    payload: undefined,
    sizeBytes,
    certain: -1,
  };
}

/** Ping the subject, who is said to be at the place of `fact`, for me. */
export function makeIndirectPing(
  members: Members,
  member: number,
  subject: number,
  fact: number,
  seqNo: number,
  nack: boolean,
): Control {
  const placesBytes = members.placeBytesOf(member) + placeBytes(members.fact(fact));
  const namesBytes = members.nameBytesOf(member) + members.nameBytesOf(subject);
  const sizeBytes = INDIRECT_PING_FIXED + namesBytes + placesBytes + uintBytes(seqNo);
  const type = MessageType.indirectPing;
  return { type, seqNo, subject, fact, nack, payload: undefined, sizeBytes, certain: -1 };
}

/** The answer to a ping. */
export function makeAck(seqNo: number, payload?: Uint8Array): Control {
  const sizeBytes = ackBytes(seqNo) - sliceBytes(undefined) + sliceBytes(payload);
  return {
    type: MessageType.ack,
    seqNo,
    subject: -1,
    fact: -1,
    nack: false,
    payload,
    sizeBytes,
    certain: -1,
  };
}

/** No answer to an indirect ping. */
export function makeNack(seqNo: number): Control {
  const sizeBytes = NACK_FIXED + uintBytes(seqNo);
  const type = MessageType.nack;
  return {
    type,
    seqNo,
    subject: -1,
    fact: -1,
    nack: false,
    payload: undefined,
    sizeBytes,
    certain: -1,
  };
}

/** A rumor with its size. */
export function makeRumor(members: Members, rumor: Omit<Rumor, 'sizeBytes'>): Rumor {
  const { type, subject, incarnation, from, fact } = rumor;
  if (type !== MessageType.alive && from >= 0) {
    const namesBytes = members.nameBytesOf(subject) + members.nameBytesOf(from);
    const fixedBytes = type === MessageType.dead ? DEAD_FIXED : SUSPECT_FIXED;
    const sizeBytes = fixedBytes + namesBytes + uintBytes(incarnation);
    return { type, subject, incarnation, from, fact, sizeBytes };
  }
  const unsized: Rumor = { ...rumor, sizeBytes: 0 };
  const sizeBytes = sizeOf(wireFormOf(members, -1, unsized) as PacketMessage);
  return { ...unsized, sizeBytes };
}

/** A delegate's message as part of a packet. */
export function makeUser(message: UserMessage): User {
  return { type: MessageType.user, message, sizeBytes: sizeOfUser(message.sizeBytes) };
}

/**
 * The message with names, as `sender` puts it on the wire; a delegate's message stays what it is,
 * because only the delegate can encode it. An empty meta is nil in copies passed on.
 */
export function wireFormOf(members: Members, sender: number, part: Part): PacketMessage | User {
  switch (part.type) {
    case MessageType.ping:
    case MessageType.indirectPing:
      return pingFormOf(members, sender, part);
    case MessageType.ack:
      return { type: MessageType.ack, seqNo: part.seqNo, payload: part.payload };
    case MessageType.nack:
      return { type: MessageType.nack, seqNo: part.seqNo };
    case MessageType.user:
      return part;
    case MessageType.alive: {
      const { address, port, meta, vsn } = members.fact(part.fact);
      return {
        type: MessageType.alive,
        incarnation: part.incarnation,
        node: members.nameOf(part.subject),
        addr: wireAddressOf(address),
        port,
        meta: relayedMeta(sender, part.subject, meta),
        vsn,
      };
    }
    case MessageType.suspect:
    case MessageType.dead:
      return {
        type: part.type,
        incarnation: part.incarnation,
        node: members.nameOf(part.subject),
        from: members.nameOf(part.from),
      };
  }
}

/** An entry of the push/pull that `sender` sends; an empty meta of others is nil, as above. */
export function pushNodeStateOf(
  members: Members,
  sender: number,
  fact: number,
  incarnation: number,
  state: number,
): PushNodeState {
  const { subject, address, port, meta, vsn } = members.fact(fact);
  return {
    name: members.nameOf(subject),
    addr: wireAddressOf(address),
    port,
    meta: relayedMeta(sender, subject, meta),
    incarnation,
    state,
    vsn,
  };
}

/**
 * The part that a wire message is here, or `undefined` if it names nobody we know, or carries what
 * only a delegate can read.
 */
export function partOf(members: Members, message: PacketMessage): Part | undefined {
  switch (message.type) {
    case MessageType.ack:
      return makeAck(message.seqNo, message.payload);
    case MessageType.nack:
      return makeNack(message.seqNo);
    case MessageType.user:
      return undefined;
  }
  const isForAnybody = message.type === MessageType.ping && message.node === '';
  const subject = isForAnybody ? ANYBODY : members.indexOf(message.node);
  if (subject === undefined) return undefined;
  const sizeBytes = sizeOf(message);
  switch (message.type) {
    case MessageType.suspect:
    case MessageType.dead: {
      const { type, incarnation } = message;
      const from = members.accuserOf(message.from);
      if (from === undefined) return undefined;
      return { type, subject, incarnation, from, fact: -1, sizeBytes };
    }
    case MessageType.alive: {
      const { type, incarnation, port, meta, vsn } = message;
      const address = addressOfWire(message.addr);
      if (address === undefined || isBadVsn(vsn)) return undefined;
      const fact = members.factLike({ subject, address, port, meta, vsn });
      return { type, subject, incarnation, from: subject, fact, sizeBytes };
    }
    case MessageType.ping: {
      const { type, seqNo } = message;
      return {
        type,
        seqNo,
        subject,
        fact: -1,
        nack: false,
        payload: undefined,
        sizeBytes,
        certain: -1,
      };
    }
    case MessageType.indirectPing: {
      const { type, seqNo, nack, port } = message;
      const address = addressOfWire(message.target);
      if (address === undefined) return undefined;
      const { vsn } = members.fact(members.currentFactOf(subject));
      const fact = members.factLike({ subject, address, port, meta: undefined, vsn });
      return { type, seqNo, subject, fact, nack, payload: undefined, sizeBytes, certain: -1 };
    }
  }
}

/** An address as memberlist's messages carry it: 4 or 16 bytes. */
export function wireAddressOf(address: IpAddress): WireAddress {
  return isIpv6Address(address) ? ipBytes(address) : address;
}

function addressOfWire(address: WireAddress): IpAddress | undefined {
  return typeof address === 'number' ? address : ipOfBytes(address);
}

function relayedMeta(
  sender: number,
  subject: number,
  meta: Uint8Array | undefined,
): Uint8Array | undefined {
  return sender !== subject && meta?.length === 0 ? undefined : meta;
}

function pingFormOf(members: Members, sender: number, part: Control): Ping | IndirectPing {
  const own = members.fact(members.currentFactOf(sender));
  const ping: Ping = {
    type: MessageType.ping,
    seqNo: part.seqNo,
    node: members.nameOf(part.subject),
    sourceAddr: wireAddressOf(own.address),
    sourcePort: own.port,
    sourceNode: members.nameOf(sender),
  };
  if (part.type === MessageType.ping) return ping;
  const { address, port } = members.fact(part.fact);
  return {
    ...ping,
    type: MessageType.indirectPing,
    target: wireAddressOf(address),
    port,
    nack: part.nack,
  };
}
