/**
 * What rides on memberlist: the delegate that NetworkDB is (memberlist `delegate.go`,
 * `event_delegate.go`, `alive_delegate.go`, `merge_delegate.go`, `conflict_delegate.go`,
 * `ping_delegate.go`), one for all members of a cluster, with the member as an argument.
 */
import type { IpAddress } from '../wire/ip-address.ts';
import type { NodeState } from '../wire/memberlist/message.ts';

/** A delegate's message or state. Only its size matters here; the receiver gets the same object. */
export interface UserMessage {
  /** Encoded size in bytes, without memberlist's framing. */
  readonly sizeBytes: number;
  /** Messages of one key have the same content but for a few bytes, so one of them is measured. */
  readonly contentKey?: string;
}

/** Called once when a stream or a join has succeeded or failed. */
export type OnResult = (ok: boolean, nowNs: number) => void;

/** Called once when a join is over: `ok` when at least one seed answered. */
export type OnJoined = (ok: boolean, nowNs: number, joinedCount: number) => void;

/** Called when a leave or an update is over: told, or its time ran out before it was. */
export type OnTold = (nowNs: number, isTold: boolean) => void;

/** What somebody says of a member. */
export interface Peer {
  readonly subject: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly meta: Uint8Array | undefined;
  readonly state: NodeState;
}

/** The users of membership. Called in the middle of transitions: must not change membership. */
export interface SwimDelegate {
  /** `observer` holds `subject` alive from now on; also for a member about itself at its start. */
  notifyJoin(observer: number, subject: number): void;
  /** `observer` holds `subject` dead or left from now on. */
  notifyLeave(observer: number, subject: number): void;
  /** `subject`'s metadata changed. */
  notifyUpdate(observer: number, subject: number): void;
  /** Messages to ride in a packet: each costs its size and `overheadBytes`, `limitBytes` in all. */
  getBroadcasts(member: number, overheadBytes: number, limitBytes: number): readonly UserMessage[];
  /** True when the message certainly changes nothing at the member, now or after a flight. */
  isKnown?(member: number, message: UserMessage): boolean;
  /** A user message has arrived. */
  notifyMessage(member: number, from: number, message: UserMessage): void;
  /** The bytes of a message or state that is sent now; `sizeBytes` of them. */
  encode(message: UserMessage): Uint8Array;
  /** The user state for a push/pull; `undefined` for none. */
  localState(member: number, join: boolean): UserMessage | undefined;
  /** The user state of the other side of a push/pull. */
  mergeRemoteState(member: number, from: number, state: UserMessage, join: boolean): void;
  /**
   * Whether an alive message may be believed: the text of a refusal ignores it (`AliveDelegate`). It
   * hears every such message, so there are no shortcuts with it.
   */
  notifyAlive?(member: number, peer: Peer): string | undefined;
  /** Whether a join may merge: the text of a refusal undoes it on this side (`MergeDelegate`). */
  notifyMerge?(member: number, peers: readonly Peer[]): string | undefined;
  /** A known name was claimed from another place (`ConflictDelegate`). */
  notifyConflict?(observer: number, other: Peer): void;
  /** What the member's acks carry (`PingDelegate.AckPayload`). */
  ackPayload?(member: number): Uint8Array | undefined;
  /** A ping was answered directly and in time (`PingDelegate.NotifyPingComplete`). */
  notifyPingComplete?(
    member: number,
    subject: number,
    rttNs: number,
    payload: Uint8Array | undefined,
  ): void;
}
