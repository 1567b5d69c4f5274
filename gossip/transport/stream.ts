/**
 * Streams: one TCP connection with a request and perhaps a reply (memberlist `net.go` `streamListen`,
 * `handleConn`, `sendAndReceiveState`, `sendPingAndWaitForAck`, `sendUserMsg`).
 *
 * Sizes are those of the compressed message with encryption and label. Bytes count when they are
 * written: those of a request when the connection stands.
 */
import {
  type Ack,
  MessageType,
  type Ping,
  type StreamMessage,
  sizeOf,
  sizeOfStreamUser,
} from '../../wire/memberlist/message.ts';
import { ENCRYPTED_STREAM_HEADER, LARGE_STREAM_SHARE } from '../constants.ts';
import { Counter } from '../counters.ts';
import type { OnResult, UserMessage } from '../delegate.ts';
import { type Control, makeAck, makePing, wireFormOf } from '../message.ts';
import { Observed } from '../observed.ts';
import type { State } from '../state.ts';
import { streamContentBytes } from './compression.ts';
import { encryptedBytes, labelOverhead, PacketPurpose, packetDraw } from './packet.ts';
import { runStream, runTimer, sameProcess } from './process.ts';

/** A stream to open. */
export interface StreamInit {
  readonly from: number;
  /** A member at the address that is called; whoever lives there when the request arrives hears it. */
  readonly to: number;
  /** The request within compression; likewise the size that `reply` is called with. */
  readonly requestBytes: number;
  /** See `GossipExchange`. */
  readonly isOneWay?: boolean;
  /** The sizes may be larger than the real ones, so that nothing is refused for them. */
  readonly isUpperBound?: boolean;
  /** See `GossipExchange`; likewise `answerTimeoutNs`. */
  readonly deadlineNs: number;
  readonly answerTimeoutNs?: number;
  /**
   * Handles the request in `resident`'s process; `reply` as in `ExchangeHandlers`. To close without
   * an answer fails, unless nothing is read back.
   */
  readonly onRequest: (reply: (replyBytes: number) => void, resident: number) => void;
  /** Called once in the initiator's process, unless that has ended. */
  readonly onResult: OnResult;
}

/** Opens a stream. */
export function openStream(state: State, init: StreamInit): void {
  const { from, to, onRequest } = init;
  const { members, counters } = state;
  const isSame = sameProcess(state, from);
  const finish = (ok: boolean): void => {
    if (isSame()) runTimer(state, from, (nowNs) => init.onResult(ok, nowNs));
  };
  if (init.deadlineNs <= state.nowNs) {
    // a process that slept through its deadline has no time left to dial
    state.world.queue.scheduleCallback(state.nowNs, () => finish(false));
    return;
  }
  // only the side that dials sends the label
  const labelBytes = labelOverhead(state.configOf(from));
  const requestBytes = labelBytes + encryptedStreamBytes(state, from, init.requestBytes);
  const { deadlineNs, answerTimeoutNs, isOneWay = false, isUpperBound = false } = init;
  const refusalAt = (receiver: number, sender: number, contentBytes: number) =>
    isUpperBound ? undefined : refusalOf(state, receiver, sender, contentBytes);
  let isAnswered = true;
  let replier = to;
  let contentBytesOfReply = 0;
  counters.add(from, Counter.streams);
  const handle = (reply: (replyBytes: number) => void): void => {
    const resident = members.successorOf(to);
    if (!members.isUp(resident)) return;
    counters.add(from, Counter.streamBytesSent, requestBytes);
    const send = (replyBytes: number): void => {
      const bytes = replyBytes === 0 ? 0 : encryptedStreamBytes(state, resident, replyBytes);
      counters.add(resident, Counter.streamBytesSent, bytes);
      replier = resident;
      contentBytesOfReply = replyBytes;
      isAnswered &&= replyBytes > 0;
      reply(bytes);
    };
    runStream(state, resident, () => {
      const refusal = refusalAt(resident, from, init.requestBytes);
      if (refusal === undefined) {
        onRequest(send, resident);
        return;
      }
      isAnswered = false;
      send(isOneWay ? 0 : sizeOf({ type: MessageType.err, error: refusal }));
    });
  };
  if (from === to) {
    handle(() => finish(isAnswered || isOneWay));
    return;
  }
  const number = ++state.streamCounts[from]!;
  const draw = packetDraw(state, from, PacketPurpose.stream, number);
  const spans = answerTimeoutNs === undefined ? { deadlineNs } : { deadlineNs, answerTimeoutNs };
  const exchange = { from, to, requestBytes, isOneWay, draw, ...spans };
  state.underlay.exchange(exchange, {
    onRequest: (_nowNs, reply) => handle(reply),
    onReply: () => {
      const isReplyTaken = refusalAt(from, replier, contentBytesOfReply) === undefined;
      // who only writes does not hear what became of it
      finish(isOneWay || (isAnswered && isReplyTaken));
    },
    onFailure: () => finish(false),
  });
}

/** Sends one message of the delegate over TCP (`SendReliable`). */
export function sendReliable(
  state: State,
  from: number,
  to: number,
  message: UserMessage,
  onResult: OnResult,
): void {
  const plainBytes = sizeOfStreamUser(message.sizeBytes);
  const request = (): StreamMessage => ({
    type: MessageType.user,
    payload: state.delegate!.encode(message),
  });
  const requestBytes = streamContentBytes(state, from, plainBytes, request, message.contentKey);
  openStream(state, {
    from,
    to: state.members.successorOf(to),
    requestBytes,
    isOneWay: true,
    deadlineNs: state.nowNs + state.configOf(from).tcpTimeoutNs,
    onRequest: (reply, resident) => {
      state.delegate?.notifyMessage(resident, from, message);
      reply(0);
    },
    onResult,
  });
}

/** Why the receiver does not decrypt what a side of a stream wrote; `undefined` when it does. */
function refusalOf(
  state: State,
  receiver: number,
  from: number,
  contentBytes: number,
): string | undefined {
  const { hasKeyring, maxPushStateBytes } = state.configOf(receiver);
  if (!hasKeyring) return undefined;
  const bytes = encryptedStreamBytes(state, from, contentBytes) - ENCRYPTED_STREAM_HEADER;
  if (bytes > maxPushStateBytes) {
    const text = `Remote node state is larger than limit (${bytes})`;
    state.world.observe(Observed.streamRefused, receiver, from, bytes, text);
    return text;
  }
  if (bytes > LARGE_STREAM_SHARE * maxPushStateBytes) {
    const text = `Remote node state size is (${bytes}) limit is (${maxPushStateBytes})`;
    state.world.observe(Observed.streamLarge, receiver, from, bytes, text);
  }
  return undefined;
}

/** Pings the target of the member's probe over TCP until the probe's deadline. */
export function tcpPing(state: State, member: number, onResult: (ok: boolean) => void): void {
  const { members, probes } = state;
  const target = probes.targetOf(member);
  const seqNo = probes.seqNoOf(member);
  const to = members.residentOf(probes.factOf(member));
  const ping = makePing(members, member, target, seqNo);
  const ack = makeAck(seqNo);
  openStream(state, {
    from: member,
    to,
    requestBytes: controlBytes(state, member, ping),
    deadlineNs: probes.deadlineNsOf(member),
    // who is not meant closes without an answer
    onRequest: (reply, resident) => {
      if (resident === target) reply(controlBytes(state, resident, ack));
    },
    onResult: (ok) => {
      if (probes.isCurrent(member, seqNo)) onResult(ok);
    },
  });
}

function controlBytes(state: State, from: number, control: Control): number {
  const message = (): StreamMessage => wireFormOf(state.members, from, control) as Ping | Ack;
  return streamContentBytes(state, from, control.sizeBytes, message);
}

function encryptedStreamBytes(state: State, member: number, bytes: number): number {
  const encrypted = encryptedBytes(state.configOf(member), bytes);
  return encrypted > bytes ? ENCRYPTED_STREAM_HEADER + encrypted : bytes;
}
