/**
 * The seam between NetworkDB and the membership engine that carries it: what NetworkDB asks of
 * memberlist (`SendBestEffort`, `SendReliable`, `Join`, `Leave`) and what memberlist asks of its
 * delegate (moby `libnetwork/networkdb/delegate.go` and `event_delegate.go`).
 *
 * A node is named by its member index throughout. A daemon that restarts is a new member, because
 * its NodeID is drawn anew at every start.
 */

/**
 * What memberlist carries for NetworkDB. The engine looks at the size only; the receiver gets the
 * same object, which nobody changes after sending.
 */
export interface UserMessage {
  /** Encoded size in bytes, without memberlist's own framing. */
  readonly sizeBytes: number;
  /** Messages of one key have the same content but for a few bytes, so one of them is measured. */
  readonly contentKey?: string;
}

/** Called once when a stream or a join has succeeded or failed. */
export type OnResult = (ok: boolean, nowNs: number) => void;

/** What NetworkDB needs of the membership engine. */
export interface Carrier {
  /** One UDP packet (memberlist `SendBestEffort`). */
  sendBestEffort(from: number, to: number, message: UserMessage): void;
  /** One TCP stream (memberlist `SendReliable`); `onResult` tells whether it could be written. */
  sendReliable(from: number, to: number, message: UserMessage, onResult: OnResult): void;
  /** A push/pull with `join` set with whoever listens at that address (memberlist `Join`). */
  joinAddress(member: number, address: number, port: number, onResult: OnResult): void;
  /** Leaves gracefully and shuts down (memberlist `Leave(timeout)`, `Shutdown`). */
  leave(member: number, timeoutNs: number, onDone: (nowNs: number) => void): void;
  /** Tells that {@link Delegate.getBroadcasts} of this member would now return something. */
  wakeGossip(member: number): void;
}

/** What the membership engine asks of NetworkDB. */
export interface Delegate {
  /** `observer` holds `subject` alive from now on; also called for a member about itself. */
  notifyJoin(observer: number, subject: number): void;
  /** `observer` holds `subject` dead or left from now on. */
  notifyLeave(observer: number, subject: number): void;
  /** `subject`'s metadata changed; NetworkDB has none. */
  notifyUpdate(observer: number, subject: number): void;
  /** Messages to ride in a packet: each costs its size and `overheadBytes`, `limitBytes` in all. */
  getBroadcasts(member: number, overheadBytes: number, limitBytes: number): UserMessage[];
  /** True when the message certainly changes nothing at the member, now or after a flight. */
  isKnown(member: number, message: UserMessage): boolean;
  /** A user message from {@link Carrier.sendBestEffort}, `sendReliable` or `getBroadcasts`. */
  notifyMessage(member: number, from: number, message: UserMessage): void;
  /** The bytes of a message or state that is sent now; `sizeBytes` of them. */
  encode(message: UserMessage): Uint8Array;
  /** The user state of a push/pull. */
  localState(member: number, join: boolean): UserMessage;
  /** The user state of the other side of a push/pull. */
  mergeRemoteState(member: number, from: number, state: UserMessage, join: boolean): void;
}
