/**
 * Messages as simulated members exchange them: members are named by index and a delegate's message
 * is an object, so nothing is encoded unless somebody looks. Sizes are those of the encoded form.
 */
import {
  type Alive,
  DOCKER_VSN,
  MessageType,
  NO_ADDRESS,
  type PacketMessage,
  sizeOf,
  sizeOfUser,
} from '../../wire/memberlist/message.ts';
import type { UserMessage } from '../networkdb/carrier.ts';
import type { Member } from './member.ts';

/** A message between simulated members. */
export type SimMessage =
  | { readonly type: 'ping'; readonly seqNo: number; readonly to: number; readonly from: number }
  | {
      readonly type: 'indirectPing';
      readonly seqNo: number;
      readonly target: number;
      readonly from: number;
    }
  | { readonly type: 'ack'; readonly seqNo: number }
  | { readonly type: 'nack'; readonly seqNo: number }
  | { readonly type: 'suspect'; readonly incarnation: number; readonly node: number; readonly from: number }
  | { readonly type: 'dead'; readonly incarnation: number; readonly node: number; readonly from: number }
  | { readonly type: 'alive'; readonly incarnation: number; readonly node: number; readonly isOwn: boolean }
  | { readonly type: 'user'; readonly message: UserMessage };

const EMPTY_META = new Uint8Array(0);

/** The message in memberlist's own form; a delegate's message needs `encodeUser`. */
export function wireMessageOf(
  message: SimMessage,
  members: readonly Member[],
  encodeUser: (message: UserMessage) => Uint8Array,
): PacketMessage {
  const nameOf = (index: number) => members[index]!.name;
  switch (message.type) {
    case 'ping':
      return {
        type: MessageType.ping,
        seqNo: message.seqNo,
        node: nameOf(message.to),
        ...sourceOf(members[message.from]!),
      };
    case 'indirectPing': {
      const target = members[message.target]!;
      return {
        type: MessageType.indirectPing,
        seqNo: message.seqNo,
        target: target.address,
        port: target.port,
        node: target.name,
        nack: true,
        ...sourceOf(members[message.from]!),
      };
    }
    case 'ack':
      return { type: MessageType.ack, seqNo: message.seqNo, payload: undefined };
    case 'nack':
      return { type: MessageType.nack, seqNo: message.seqNo };
    case 'suspect':
    case 'dead':
      return {
        type: MessageType[message.type],
        incarnation: message.incarnation,
        node: nameOf(message.node),
        from: nameOf(message.from),
      };
    case 'alive':
      return aliveOf(members[message.node]!, message.incarnation, message.isOwn);
    case 'user':
      return { type: MessageType.user, payload: encodeUser(message.message) };
  }
}

/** The encoded size of a message. */
export function sizeOfSim(message: SimMessage, members: readonly Member[]): number {
  if (message.type === 'user') return sizeOfUser(message.message.sizeBytes);
  return sizeOf(wireMessageOf(message, members, () => EMPTY_META));
}

/** An alive message about a member; relayed copies have a nil meta. */
export function aliveOf(member: Member, incarnation: number, isOwn: boolean): Alive {
  return {
    type: MessageType.alive,
    incarnation,
    node: member.name,
    addr: member.address,
    port: member.port,
    meta: isOwn ? EMPTY_META : undefined,
    vsn: DOCKER_VSN,
  };
}

function sourceOf(member: Member) {
  return {
    sourceAddr: member.address === 0 ? NO_ADDRESS : member.address,
    sourcePort: member.port,
    sourceNode: member.name,
  };
}
