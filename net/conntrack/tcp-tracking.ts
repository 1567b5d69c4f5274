/**
 * The TCP part of one connection: its state and both sides' windows.
 *
 * The window check is Guido van Rooij's "Real Stateful TCP Packet Filtering in IP Filter", as in
 * nf_conntrack_proto_tcp.c (`nf_conntrack_tcp_packet`, `tcp_in_window`); a segment outside the
 * window is INVALID, a late duplicate passes and changes nothing.
 */
import { readU16, readU32 } from '../../wire/bytes.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import type { TcpSettings } from './settings.ts';
import { nextTcpState, segmentOf, TcpSegment, TcpState } from './tcp-states.ts';

const FLAG_WINDOW_SCALE = 1;
const FLAG_CLOSE_INIT = 4;
const FLAG_BE_LIBERAL = 8;
const FLAG_UNACKNOWLEDGED = 0x10;
const FLAG_MAXACK_SET = 0x20;
const FLAG_CHALLENGE_ACK = 0x40;
const FLAG_SIMULTANEOUS_OPEN = 0x80;
const ACK_WINDOW_MIN = 66_000;

/**
 * One side's window (`struct ip_ct_tcp_state`). Sequence numbers are signed: V8 boxes unsigned ones,
 * 144 bytes of a connection that stays for two minutes.
 */
class TcpSide {
  end = 0;
  maxEnd = 0;
  maxWindow = 0;
  maxAck = 0;
  scale = 0;
  flags = 0;

  clear(): void {
    this.end = 0;
    this.maxEnd = 0;
    this.maxWindow = 0;
    this.maxAck = 0;
    this.scale = 0;
    this.flags = 0;
  }
}

/** What to do with a segment. */
export const TcpDecision = {
  /** pass, state as it was, no refresh */
  accept: 0,
  /** pass and refresh with `TcpTracking.timeoutNs` */
  refresh: 1,
  /** pass as INVALID */
  invalid: 2,
  /** forget the connection and look the packet up again */
  repeat: 3,
  /** pass and forget the connection (the only answer was a RST) */
  kill: 4,
} as const;
/** See {@link TcpDecision}. */
export type TcpDecision = (typeof TcpDecision)[keyof typeof TcpDecision];

function readSequence(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) | 0;
}

function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** The sequence number after a segment: SYN and FIN count one each. */
function endOf(bytes: Uint8Array, at: number, end: number): number {
  const flags = bytes[at + 13]!;
  const payload = end - at - (bytes[at + 12]! >> 4) * 4;
  const extra = ((flags & TcpFlag.syn) !== 0 ? 1 : 0) + (flags & TcpFlag.fin);
  return (readSequence(bytes, at + 4) + payload + extra) | 0;
}

/** Reads window scale into a side's scale and flags (`tcp_options`). */
function readScale(side: TcpSide, bytes: Uint8Array, at: number): void {
  side.scale = 0;
  side.flags = 0;
  const end = at + (bytes[at + 12]! >> 4) * 4;
  for (let option = at + 20; option < end; ) {
    const kind = bytes[option]!;
    if (kind === 0) return;
    if (kind === 1) {
      option++;
      continue;
    }
    const length = option + 1 < end ? bytes[option + 1]! : 0;
    if (length < 2 || option + length > end) return;
    if (kind === 3 && length === 3) {
      side.scale = Math.min(bytes[option + 2]!, 14);
      side.flags |= FLAG_WINDOW_SCALE;
    }
    option += length;
  }
}

/** The TCP part of a connection (`struct ip_ct_tcp`). */
export class TcpTracking {
  state: number = TcpState.none;
  /** After a `refresh`: how long the connection lives from now, in ns. */
  timeoutNs = 0;
  /** After a `refresh`: true when the connection has become assured. */
  becameAssured = false;
  readonly #settings: { readonly tcp: TcpSettings };
  readonly #original = new TcpSide();
  readonly #reply = new TcpSide();
  #isLastReply = false;
  #retransmissions = 0;
  #lastSegment: number = TcpSegment.none;
  #lastSequence = 0;
  #lastAck = 0;
  #lastEnd = 0;
  #lastWindow = 0;
  #lastScale = 0;
  #lastFlags = 0;

  constructor(settings: { readonly tcp: TcpSettings }) {
    this.#settings = settings;
  }

  /** Takes the first segment of a connection; false when none may begin so (`tcp_new`). */
  begin(bytes: Uint8Array, at: number, end: number): boolean {
    const state = nextTcpState(false, segmentOf(bytes[at + 13]!), TcpState.none);
    if (state === TcpState.invalid || state === TcpState.ignore) return false;
    const side = this.#original;
    side.end = endOf(bytes, at, end);
    side.maxWindow = Math.max(readU16(bytes, at + 14), 1);
    if (state === TcpState.synSent) {
      side.maxEnd = side.end;
      readScale(side, bytes, at);
    } else if (!this.#settings.tcp.isLoose) {
      return false;
    } else {
      side.maxEnd = (side.end + side.maxWindow) | 0;
      side.flags = FLAG_BE_LIBERAL;
      this.#reply.flags = FLAG_BE_LIBERAL;
    }
    return true;
  }

  /** Takes a segment from one side (`nf_conntrack_tcp_packet`); `end` is the packet's end. */
  take(
    bytes: Uint8Array,
    at: number,
    end: number,
    isReply: boolean,
    isSeenReply: boolean,
    isAssured: boolean,
  ): TcpDecision {
    const segment = segmentOf(bytes[at + 13]!);
    const oldState = this.state;
    let from = oldState;
    let state = nextTcpState(isReply, segment, oldState);
    let skipsWindow = false;
    switch (state) {
      case TcpState.synSent:
      case TcpState.ignore: {
        if (state === TcpState.synSent && oldState < TcpState.timeWait) break;
        if (state === TcpState.synSent && this.#mayReopen(isReply)) return TcpDecision.repeat;
        if (!this.#answersIgnoredSyn(bytes, at, segment, isReply)) {
          this.#ignore(bytes, at, end, segment, isReply, oldState);
          return TcpDecision.accept;
        }
        from = TcpState.synSent;
        this.state = from;
        state = TcpState.synReceived;
        break;
      }
      case TcpState.invalid:
        return TcpDecision.invalid;
      case TcpState.timeWait:
        if (this.#isChallengeAck(segment, isReply, oldState)) return TcpDecision.accept;
        break;
      case TcpState.synSent2:
        this.#lastFlags |= FLAG_SIMULTANEOUS_OPEN;
        break;
      case TcpState.synReceived:
        if (isReply && segment === TcpSegment.ack && this.#lastFlags & FLAG_SIMULTANEOUS_OPEN) {
          state = TcpState.established;
        }
        break;
      case TcpState.close:
        if (segment !== TcpSegment.rst) break;
        state = this.#stateAfterRst(bytes, at, isReply, oldState);
        if (state === TcpState.invalid) return TcpDecision.invalid;
        skipsWindow = this.#answersLetThrough(bytes, at, oldState, isSeenReply, isAssured);
        break;
    }
    if (!skipsWindow) {
      const decision = this.#checkWindow(bytes, at, end, isReply, segment);
      if (decision !== TcpDecision.refresh) return decision;
    }
    return this.#move(bytes[at + 13]!, segment, from, state, isReply, isSeenReply, isAssured);
  }

  #sideOf(isReply: boolean): TcpSide {
    return isReply ? this.#reply : this.#original;
  }

  /** A SYN on a finished connection may open a new one in its place. */
  #mayReopen(isReply: boolean): boolean {
    return (
      ((this.#original.flags | this.#reply.flags) & FLAG_CLOSE_INIT) !== 0 ||
      (this.#isLastReply === isReply && this.#lastSegment === TcpSegment.rst)
    );
  }

  #answersIgnoredSyn(bytes: Uint8Array, at: number, segment: number, isReply: boolean): boolean {
    if (
      segment !== TcpSegment.synAck ||
      this.#lastSegment !== TcpSegment.syn ||
      this.#isLastReply === isReply ||
      readSequence(bytes, at + 8) !== this.#lastEnd
    ) {
      return false;
    }
    const side = this.#sideOf(this.#isLastReply);
    side.end = this.#lastEnd;
    side.maxEnd = this.#lastEnd;
    side.maxWindow = Math.max(this.#lastWindow, 1);
    side.scale = this.#lastScale;
    this.#lastFlags &= ~FLAG_CHALLENGE_ACK;
    side.flags = this.#lastFlags;
    this.#sideOf(isReply).clear();
    return true;
  }

  #ignore(
    bytes: Uint8Array,
    at: number,
    end: number,
    segment: number,
    isReply: boolean,
    oldState: number,
  ): void {
    this.#lastSegment = segment;
    this.#isLastReply = isReply;
    this.#lastSequence = readSequence(bytes, at + 4);
    this.#lastEnd = endOf(bytes, at, end);
    this.#lastWindow = readU16(bytes, at + 14);
    if (segment === TcpSegment.syn && !isReply) {
      const side = new TcpSide();
      readScale(side, bytes, at);
      this.#lastScale = side.scale;
      this.#lastFlags = side.flags;
      if (oldState === TcpState.lastAck) this.#lastFlags |= FLAG_CHALLENGE_ACK;
    }
    if (oldState === TcpState.synSent && segment === TcpSegment.ack && isReply) {
      this.#lastAck = readSequence(bytes, at + 8);
    }
  }

  #isChallengeAck(segment: number, isReply: boolean, oldState: number): boolean {
    if (
      oldState !== TcpState.lastAck ||
      segment !== TcpSegment.ack ||
      this.#isLastReply === isReply ||
      this.#lastSegment !== TcpSegment.syn ||
      (this.#lastFlags & FLAG_CHALLENGE_ACK) === 0
    ) {
      return false;
    }
    this.#lastFlags &= ~FLAG_CHALLENGE_ACK;
    return true;
  }

  /** Where a RST leads: `close`, back to `oldState` when it is not exact, or `invalid`. */
  #stateAfterRst(bytes: Uint8Array, at: number, isReply: boolean, oldState: number): number {
    const peer = this.#sideOf(!isReply);
    if ((peer.flags & FLAG_MAXACK_SET) === 0) return TcpState.close;
    const sequence = readSequence(bytes, at + 4);
    const isEstablished = oldState === TcpState.established;
    if (sequence === 0 && !isEstablished) return TcpState.close;
    if (isBefore(sequence, peer.maxAck)) return TcpState.invalid;
    if (!isEstablished || sequence === peer.maxAck) return TcpState.close;
    const endsTrain =
      this.#lastSegment === TcpSegment.ack &&
      this.#isLastReply === isReply &&
      sequence === this.#lastEnd;
    return endsTrain ? TcpState.close : oldState;
  }

  /** True for a RST that answers a segment which was let through unseen. */
  #answersLetThrough(
    bytes: Uint8Array,
    at: number,
    oldState: number,
    isSeenReply: boolean,
    isAssured: boolean,
  ): boolean {
    const last = this.#lastSegment;
    if (
      ((isSeenReply && last === TcpSegment.syn) || (!isAssured && last === TcpSegment.ack)) &&
      readSequence(bytes, at + 8) === this.#lastEnd
    ) {
      return true;
    }
    return (
      oldState === TcpState.synSent &&
      last === TcpSegment.ack &&
      this.#isLastReply &&
      readSequence(bytes, at + 4) === this.#lastAck
    );
  }

  /** `tcp_init_sender`: takes what a side's first segment tells about it. */
  #beginSide(
    sender: TcpSide,
    receiver: TcpSide,
    bytes: Uint8Array,
    at: number,
    end: number,
    isReply: boolean,
  ): void {
    const window = readU16(bytes, at + 14);
    sender.end = end;
    if ((bytes[at + 13]! & TcpFlag.syn) !== 0) {
      sender.maxEnd = end;
      sender.maxWindow = Math.max(window, 1);
      readScale(sender, bytes, at);
      if (isReply && (sender.flags & receiver.flags & FLAG_WINDOW_SCALE) === 0) {
        sender.scale = 0;
        receiver.scale = 0;
      }
      return;
    }
    sender.maxWindow = Math.max(window << sender.scale, 1);
    sender.maxEnd = (end + sender.maxWindow) | 0;
    const ack = readSequence(bytes, at + 8);
    if (receiver.maxWindow === 0) {
      receiver.end = ack;
      receiver.maxEnd = ack;
    } else if (ack === ((receiver.end + 1) | 0)) {
      receiver.end = ack;
    }
  }

  /** The window check (`tcp_in_window`); `refresh` when the segment is in the window. */
  #checkWindow(
    bytes: Uint8Array,
    at: number,
    packetEnd: number,
    isReply: boolean,
    segment: number,
  ): TcpDecision {
    const sender = this.#sideOf(isReply);
    const receiver = this.#sideOf(!isReply);
    const flags = bytes[at + 13]!;
    const hasAck = (flags & TcpFlag.ack) !== 0;
    let sequence = readSequence(bytes, at + 4);
    let ack = readSequence(bytes, at + 8);
    let end = endOf(bytes, at, packetEnd);
    if (sender.maxWindow === 0) {
      this.#beginSide(sender, receiver, bytes, at, end, isReply);
      if ((flags & TcpFlag.syn) !== 0 && !hasAck) return TcpDecision.refresh;
    } else if (
      (flags & TcpFlag.syn) !== 0 &&
      isBefore(sender.end, end) &&
      (this.state === TcpState.synSent || this.state === TcpState.synReceived)
    ) {
      this.#beginSide(sender, receiver, bytes, at, end, isReply);
      if (isReply && !hasAck) return TcpDecision.refresh;
    }
    const isRst = (flags & TcpFlag.rst) !== 0;
    if (!hasAck || (isRst && ack === 0)) ack = receiver.end;
    if (isRst && sequence === 0 && this.state === TcpState.synSent) {
      sequence = sender.end;
      end = sender.end;
    }
    const isLiberal = this.#settings.tcp.isLiberal || (sender.flags & FLAG_BE_LIBERAL) !== 0;
    const ackWindow = Math.max(sender.maxWindow, ACK_WINDOW_MIN);
    if (!isLiberal) {
      if (!isBefore(sequence, sender.maxEnd + 1)) {
        this.#noteOvershoot(sender, receiver, end, ack, ackWindow);
        return TcpDecision.invalid;
      }
      if (!isBefore(ack, receiver.end + 1)) return TcpDecision.invalid;
      const isInReceiveWindow =
        receiver.maxWindow === 0 || isBefore(sender.end - receiver.maxWindow - 1, end);
      if (!isInReceiveWindow) return TcpDecision.accept;
      if (!isBefore(receiver.end - ackWindow - 1, ack)) return TcpDecision.accept;
    }
    this.#update(bytes, at, flags, isReply, segment, sequence, ack, end);
    return TcpDecision.refresh;
  }

  /** Lets the data count that overran the window a little, should the peer acknowledge it. */
  #noteOvershoot(
    sender: TcpSide,
    receiver: TcpSide,
    end: number,
    ack: number,
    ackWindow: number,
  ): void {
    const overshot = (end - sender.maxEnd + 1) >>> 0;
    if (
      receiver.maxWindow !== 0 &&
      isBefore(sender.end - receiver.maxWindow - 1, end) &&
      isBefore(receiver.end - ackWindow - 1, ack) &&
      overshot <= receiver.maxWindow &&
      isBefore(ack, receiver.end + 1)
    ) {
      sender.end = end;
      sender.flags |= FLAG_UNACKNOWLEDGED;
    }
  }

  #update(
    bytes: Uint8Array,
    at: number,
    flags: number,
    isReply: boolean,
    segment: number,
    sequence: number,
    ack: number,
    end: number,
  ): void {
    const sender = this.#sideOf(isReply);
    const receiver = this.#sideOf(!isReply);
    const rawWindow = readU16(bytes, at + 14);
    const window = (flags & TcpFlag.syn) !== 0 ? rawWindow : rawWindow << sender.scale;
    if (sender.maxWindow < window) sender.maxWindow = window;
    if (isBefore(sender.end, end)) {
      sender.end = end;
      sender.flags |= FLAG_UNACKNOWLEDGED;
    }
    if ((flags & TcpFlag.ack) !== 0) {
      if ((sender.flags & FLAG_MAXACK_SET) === 0) {
        sender.maxAck = ack;
        sender.flags |= FLAG_MAXACK_SET;
      } else if (isBefore(sender.maxAck, ack)) {
        sender.maxAck = ack;
      }
    }
    if (receiver.maxWindow !== 0 && isBefore(sender.maxEnd, end)) {
      receiver.maxWindow += (end - sender.maxEnd) >>> 0;
    }
    const windowEnd = (ack + window) | 0;
    if (isBefore(receiver.maxEnd - 1, windowEnd)) {
      receiver.maxEnd = window === 0 ? (windowEnd + 1) | 0 : windowEnd;
    }
    if (ack === receiver.end) receiver.flags &= ~FLAG_UNACKNOWLEDGED;
    if (segment !== TcpSegment.ack) return;
    if (
      this.#isLastReply === isReply &&
      this.#lastSequence === sequence &&
      this.#lastAck === ack &&
      this.#lastEnd === end &&
      this.#lastWindow === rawWindow
    ) {
      this.#retransmissions++;
    } else {
      this.#isLastReply = isReply;
      this.#lastSequence = sequence;
      this.#lastAck = ack;
      this.#lastEnd = end;
      this.#lastWindow = rawWindow;
      this.#retransmissions = 0;
    }
  }

  /** Enters `state` and chooses the timeout. */
  #move(
    flags: number,
    segment: number,
    oldState: number,
    state: number,
    isReply: boolean,
    isSeenReply: boolean,
    isAssured: boolean,
  ): TcpDecision {
    this.#lastSegment = segment;
    this.#isLastReply = isReply;
    this.state = state;
    if (oldState !== state && state === TcpState.finWait) {
      this.#sideOf(isReply).flags |= FLAG_CLOSE_INIT;
    }
    const { timeoutsNs, maxRetransNs, unacknowledgedNs, retransmissionsMax } = this.#settings.tcp;
    let timeoutNs = timeoutsNs[state]!;
    const isUnacknowledged =
      ((this.#original.flags | this.#reply.flags) & FLAG_UNACKNOWLEDGED) !== 0;
    if (this.#retransmissions >= retransmissionsMax) {
      timeoutNs = Math.min(timeoutNs, maxRetransNs);
    } else if (segment === TcpSegment.rst) {
      timeoutNs = timeoutsNs[TcpState.close]!;
    } else if (isUnacknowledged) {
      timeoutNs = Math.min(timeoutNs, unacknowledgedNs);
    } else if (this.#lastWindow === 0) {
      timeoutNs = Math.min(timeoutNs, maxRetransNs);
    }
    this.becameAssured = false;
    if (!isSeenReply) {
      if ((flags & TcpFlag.rst) !== 0) return TcpDecision.kill;
      if (segment === TcpSegment.syn && oldState === TcpState.synSent) return TcpDecision.accept;
      if (state === TcpState.established) {
        timeoutNs = Math.min(timeoutNs, unacknowledgedNs);
      }
    } else if (
      !isAssured &&
      (oldState === TcpState.synReceived || oldState === TcpState.established) &&
      state === TcpState.established
    ) {
      this.becameAssured = true;
    }
    this.timeoutNs = timeoutNs;
    return TcpDecision.refresh;
  }
}
