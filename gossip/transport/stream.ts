/**
 * Streams: one TCP connection with a request and perhaps a reply (memberlist `net.go` `streamListen`,
 * `handleConn`, `sendAndReceiveState`, `sendPingAndWaitForAck`, `sendUserMsg`).
 *
 * Sizes are those of the plain message with encryption and label; upstream compresses every stream,
 * which is not subtracted here.
 */
import { sizeOfStreamUser } from '../../wire/memberlist/message.ts';
import { ENCRYPTED_STREAM_HEADER } from '../constants.ts';
import { Counter } from '../counters.ts';
import type { OnResult, UserMessage } from '../delegate.ts';
import { ackBytes, pingBytes } from '../message.ts';
import type { State } from '../state.ts';
import { encryptedBytes, labelOverhead, PacketPurpose, packetDraw } from './packet.ts';
import { runStream, runTimer, sameProcess } from './process.ts';

/** A stream to open. */
export interface StreamInit {
  readonly from: number;
  /** A member at the address that is called; whoever lives there when the request arrives hears it. */
  readonly to: number;
  readonly requestBytes: number;
  readonly deadlineNs: number;
  /** Handles the request in `resident`'s process; `reply` as in `ExchangeHandlers`. */
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
  counters.add(from, Counter.streams);
  counters.add(from, Counter.streamBytesSent, requestBytes);
  const handle = (reply: (replyBytes: number) => void): void => {
    const resident = members.successorOf(to);
    if (!members.isUp(resident)) return;
    const send = (replyBytes: number): void => {
      const bytes = replyBytes === 0 ? 0 : encryptedStreamBytes(state, resident, replyBytes);
      counters.add(resident, Counter.streamBytesSent, bytes);
      reply(bytes);
    };
    runStream(state, resident, () => onRequest(send, resident));
  };
  if (from === to) {
    handle(() => finish(true));
    return;
  }
  const number = ++state.streamCounts[from]!;
  const draw = packetDraw(state, from, PacketPurpose.stream, number);
  const exchange = { from, to, requestBytes, deadlineNs: init.deadlineNs, draw };
  state.underlay.exchange(exchange, {
    onRequest: (_nowNs, reply) => handle(reply),
    onReply: () => finish(true),
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
  openStream(state, {
    from,
    to: state.members.successorOf(to),
    requestBytes: sizeOfStreamUser(message.sizeBytes),
    deadlineNs: state.nowNs + state.configOf(from).tcpTimeoutNs,
    onRequest: (reply, resident) => {
      state.delegate?.notifyMessage(resident, from, message);
      reply(0);
    },
    onResult,
  });
}

/** Pings the target of the member's probe over TCP until the probe's deadline. */
export function tcpPing(state: State, member: number, onResult: (ok: boolean) => void): void {
  const { members, probes } = state;
  const target = probes.targetOf(member);
  const seqNo = probes.seqNoOf(member);
  const to = members.residentOf(probes.factOf(member));
  openStream(state, {
    from: member,
    to,
    requestBytes: pingBytes(members, member, target, seqNo),
    deadlineNs: probes.deadlineNsOf(member),
    // who is not meant closes without an answer
    onRequest: (reply, resident) => {
      if (resident === target) reply(ackBytes(seqNo));
    },
    onResult: (ok) => {
      if (probes.isCurrent(member, seqNo)) onResult(ok);
    },
  });
}

function encryptedStreamBytes(state: State, member: number, bytes: number): number {
  const encrypted = encryptedBytes(state.configOf(member), bytes);
  return encrypted > bytes ? ENCRYPTED_STREAM_HEADER + encrypted : bytes;
}
