/**
 * What rides on memberlist: the delegate that NetworkDB is (memberlist `delegate.go`,
 * `event_delegate.go`, `conflict_delegate.go`), one for all members of a cluster, with the member as
 * an argument.
 */

/** A delegate's message or state. Only its size matters here; the receiver gets the same object. */
export interface UserMessage {
  /** Encoded size in bytes, without memberlist's framing. */
  readonly sizeBytes: number;
}

/** Called once when a stream or a join has succeeded or failed. */
export type OnResult = (ok: boolean, nowNs: number) => void;

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
  /** A user message has arrived. */
  notifyMessage(member: number, from: number, message: UserMessage): void;
  /** The user state for a push/pull; `undefined` for none. */
  localState(member: number, join: boolean): UserMessage | undefined;
  /** The user state of the other side of a push/pull. */
  mergeRemoteState(member: number, from: number, state: UserMessage, join: boolean): void;
}
