/**
 * What compression makes of packets and streams (memberlist `util.go` `compressPayload`). Only the
 * size is of interest here: the bytes are made to be measured, and dropped.
 *
 * A packet is compressed if that makes it smaller, a stream always. Measuring takes a microsecond for
 * a ping and 20 for a full packet, so what cannot shrink is not measured: an ack without payload,
 * and a lone ping, suspect or dead message unless names are long or repeat themselves.
 */
import { encodeMessages } from '../../wire/memberlist/compound.ts';
import { compressedSizeOf } from '../../wire/memberlist/compress.ts';
import { encodeStreamMessage } from '../../wire/memberlist/encode.ts';
import {
  MessageType,
  type PacketMessage,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import type { UserMessage } from '../delegate.ts';
import type { Members } from '../members/members.ts';
import { makePing, type Part, type User, wireFormOf } from '../message.ts';
import type { State } from '../state.ts';

/**
 * In larger clusters packets and streams count as not compressed: their push/pulls, of hundreds of
 * bytes for every member, would take more time than everything else.
 */
const MEASURED_MEMBERS_MAX = 256;

/**
 * A ping to oneself names one name twice, so it compresses better than one to another with such a
 * name. If even that is not smaller by the length of a few codes, no ping with such names is.
 */
const PING_MARGIN_BYTES = 4;

/** How many streams' sizes are remembered. */
const STREAMS_KEPT_MAX = 4096;

/** Sizes that were measured and hold for more than one packet or stream, in bytes. */
export interface Measured {
  readonly packetBytesOf: WeakMap<UserMessage, number>;
  readonly streamBytesOf: Map<string, number>;
}

/** Whether sizes of what the member sends are those after compression. */
export function isMeasured(state: State, member: number): boolean {
  return state.configOf(member).enableCompression && state.members.count <= MEASURED_MEMBERS_MAX;
}

/** Whether what the member sends has the size that is counted, and not a smaller one. */
export function hasExactSizes(state: State, member: number): boolean {
  return isMeasured(state, member) || !state.configOf(member).enableCompression;
}

/** Whether the member's pings may be smaller than they are plain. */
export function mayShrinkPings(state: State, member: number): boolean {
  return state.hasCompressibleNames && isMeasured(state, member);
}

/** Whether a ping that names the member could shrink. */
export function hasCompressibleName(members: Members, member: number): boolean {
  const ping = wireFormOf(members, member, makePing(members, member, member, 1)) as PacketMessage;
  const bytes = encodeMessages([ping]);
  return compressedSizeOf(bytes, 0, bytes.length) <= bytes.length + PING_MARGIN_BYTES;
}

/** Bytes of a packet's content, of which the plain form takes `plainBytes`. */
export function packetContentBytes(
  state: State,
  from: number,
  parts: readonly Part[],
  plainBytes: number,
): number {
  if (!isMeasured(state, from)) return plainBytes;
  const only = parts.length === 1 ? parts[0]! : undefined;
  if (only?.type === MessageType.user) return lonePacketBytes(state, from, only);
  if (only !== undefined && !mayShrink(state, only)) return plainBytes;
  return measuredPacketBytes(state, from, parts);
}

/** A message of the delegate that goes to several members is measured once. */
function lonePacketBytes(state: State, from: number, part: User): number {
  const { packetBytesOf } = state.measured;
  let bytes = packetBytesOf.get(part.message);
  if (bytes === undefined) {
    bytes = measuredPacketBytes(state, from, [part]);
    packetBytesOf.set(part.message, bytes);
  }
  return bytes;
}

function measuredPacketBytes(state: State, from: number, parts: readonly Part[]): number {
  const bytes = encodeMessages(parts.map((part) => packetMessageOf(state, from, part)));
  return Math.min(bytes.length, compressedSizeOf(bytes, 0, bytes.length));
}

/**
 * Bytes of what one side of a stream writes, of which the plain form takes `plainBytes`. Of streams
 * with one `contentKey`, the first is measured: a bulk sync takes a millisecond, every node makes one
 * in 30 s, and while nothing changes they differ in the sender's name and clock.
 */
export function streamContentBytes(
  state: State,
  from: number,
  plainBytes: number,
  message: () => StreamMessage,
  contentKey?: string,
): number {
  // a bulk sync that could be too long for its receiver is measured in any cluster
  const { enableCompression, maxPushStateBytes } = state.configOf(from);
  const isLong = contentKey !== undefined && plainBytes > maxPushStateBytes;
  const mayBeRefused = isLong && enableCompression;
  if (!isMeasured(state, from) && !mayBeRefused) return plainBytes;
  const { streamBytesOf } = state.measured;
  const known = contentKey === undefined ? undefined : streamBytesOf.get(contentKey);
  if (known !== undefined) return known;
  const bytes = encodeStreamMessage(message());
  const measuredBytes = compressedSizeOf(bytes, 0, bytes.length);
  if (contentKey !== undefined) {
    if (streamBytesOf.size === STREAMS_KEPT_MAX) streamBytesOf.clear();
    streamBytesOf.set(contentKey, measuredBytes);
  }
  return measuredBytes;
}

function mayShrink(state: State, part: Part): boolean {
  switch (part.type) {
    case MessageType.ack:
      return part.payload !== undefined;
    case MessageType.nack:
      return false;
    case MessageType.ping:
    case MessageType.suspect:
    case MessageType.dead:
      return state.hasCompressibleNames;
    case MessageType.alive: {
      const metaBytes = state.members.fact(part.fact).meta?.length ?? 0;
      return metaBytes > 0 || state.hasCompressibleNames;
    }
    default:
      return true;
  }
}

/** The message as `from` puts it on the wire now. */
export function packetMessageOf(state: State, from: number, part: Part): PacketMessage {
  if (part.type !== MessageType.user) return wireFormOf(state.members, from, part) as PacketMessage;
  return { type: MessageType.user, payload: state.delegate!.encode(part.message) };
}
