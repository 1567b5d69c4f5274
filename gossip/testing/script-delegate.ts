/**
 * Test support: a delegate for transcripts. It says what it hears, and does what it was told:
 * broadcasts, a user state, what acks carry, and whom it refuses.
 */
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { Peer, SwimDelegate, UserMessage } from '../delegate.ts';

/** A message of a number and a size. */
interface Numbered extends UserMessage {
  readonly number: number;
}

/** See the module comment. */
export class ScriptDelegate implements SwimDelegate {
  /** Messages that ride in packets, by member. */
  readonly broadcasts = new Map<number, Numbered[]>();
  /** Sizes of user states in bytes, by member. */
  readonly stateBytes = new Map<number, number>();
  notifyAlive?: (member: number, peer: Peer) => string | undefined;
  notifyMerge?: (member: number, peers: readonly Peer[]) => string | undefined;
  ackPayload?: (member: number) => Uint8Array;
  notifyPingComplete?: (
    member: number,
    subject: number,
    rttNs: number,
    payload: Uint8Array | undefined,
  ) => void;
  readonly #say: (text: string) => void;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Refuses what is said to be alive, or to be merged, at this member. */
  refuse(what: string, member: number, subject: number): void {
    if (what === 'alive') {
      this.notifyAlive = (observer, peer) =>
        observer === member && peer.subject === subject ? 'not welcome' : undefined;
      return;
    }
    this.notifyMerge = (observer, peers) => {
      this.#say(`${observer} notifyMerge ${peers.map((peer) => peer.subject).sort()}`);
      return observer === member ? 'another cluster' : undefined;
    };
  }

  /** Lets acks carry so many bytes and says how long pings took. */
  watchPings(payloadBytes: number): void {
    this.ackPayload = () => new Uint8Array(payloadBytes);
    this.notifyPingComplete = (member, subject, rttNs, payload) => {
      const ms = (rttNs / MILLISECOND_NS).toFixed(1);
      this.#say(`${member} pinged ${subject} in ${ms} ms, ${payload?.length} bytes came back`);
    };
  }

  notifyJoin(observer: number, subject: number): void {
    this.#say(`${observer} notifyJoin ${subject}`);
  }

  notifyLeave(observer: number, subject: number): void {
    this.#say(`${observer} notifyLeave ${subject}`);
  }

  notifyUpdate(observer: number, subject: number): void {
    this.#say(`${observer} notifyUpdate ${subject}`);
  }

  notifyConflict(observer: number, other: Peer): void {
    this.#say(`${observer} notifyConflict ${other.subject} at address ${other.address}`);
  }

  getBroadcasts(member: number, overheadBytes: number, limitBytes: number): UserMessage[] {
    const waiting = this.broadcasts.get(member) ?? [];
    const taken: UserMessage[] = [];
    let freeBytes = limitBytes;
    while (waiting.length > 0 && waiting[0]!.sizeBytes + overheadBytes <= freeBytes) {
      const message = waiting.shift()!;
      freeBytes -= message.sizeBytes + overheadBytes;
      taken.push(message);
    }
    return taken;
  }

  notifyMessage(member: number, from: number, message: UserMessage): void {
    this.#say(`${member} notifyMessage from ${from}, ${message.sizeBytes} bytes`);
  }

  encode(message: UserMessage): Uint8Array {
    return new Uint8Array(message.sizeBytes);
  }

  localState(member: number, join: boolean): UserMessage | undefined {
    const sizeBytes = this.stateBytes.get(member);
    if (sizeBytes === undefined) return undefined;
    this.#say(`${member} localState${join ? ' for a join' : ''}`);
    return { sizeBytes };
  }

  mergeRemoteState(member: number, from: number, state: UserMessage, join: boolean): void {
    const why = join ? ' of a join' : '';
    this.#say(`${member} mergeRemoteState${why} from ${from}, ${state.sizeBytes} bytes`);
  }
}
