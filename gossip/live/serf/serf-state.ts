/**
 * What a live member holds as a serf agent: three Lamport clocks, what it has heard lately, and what
 * it has to pass on (serf `serf.go` `Serf`, `lamport.go`, `delegate.go`).
 *
 * Everything has a bound, because all of it comes from peers: serf's own bounds for the buffers, a
 * number of bytes for each queue in the place of serf's 4096 messages.
 */
import { sizeOfUser } from '../../../wire/memberlist/message.ts';
import type { SerfType } from '../../../wire/serf/message.ts';
import { BroadcastQueue } from '../../dissemination/broadcast-queue.ts';
import { createVivaldi, type Vivaldi } from './vivaldi.ts';

/** Lamport times that are remembered (`EventBuffer`, `QueryBuffer`). */
const RECENT_TIMES = 512;
/** Things of one Lamport time that are remembered; upstream remembers all. */
const RECENT_PER_TIME = 16;
/** Intents about nodes that the member does not know; upstream keeps five minutes of them. */
const INTENTS_MAX = 512;
/** What may wait in one queue. */
const QUEUE_BYTES_MAX = 64 * 1024;

/** serf's logical clock; it begins at 1. */
export class LamportClock {
  #time = 1;

  /** The present time. */
  get time(): number {
    return this.#time;
  }

  /** Steps on and returns the time before, which is the time of what is said now. */
  next(): number {
    return this.#time++;
  }

  /** Takes in a time that somebody has told. */
  witness(time: number): void {
    if (time >= this.#time) this.#time = time + 1;
  }
}

/** What was heard in the last {@link RECENT_TIMES} Lamport times, so that nothing is heard twice. */
export class RecentTimes {
  readonly #slots: { time: number; keys: number[] }[] = [];

  /** True for what is not too old, as of the clock's time, and was not added before. */
  add(time: number, key: number, nowTime: number): boolean {
    if (nowTime > RECENT_TIMES && time < nowTime - RECENT_TIMES) return false;
    const at = time % RECENT_TIMES;
    const slot = this.#slots[at];
    if (slot === undefined || slot.time !== time) {
      this.#slots[at] = { time, keys: [key] };
      return true;
    }
    if (slot.keys.includes(key) || slot.keys.length >= RECENT_PER_TIME) return false;
    slot.keys.push(key);
    return true;
  }

  /** What is remembered, by slot; a slot may be empty. */
  get slots(): readonly (
    | { readonly time: number; readonly keys: readonly number[] }
    | undefined
  )[] {
    return Array.from({ length: RECENT_TIMES }, (_, i) => this.#slots[i]);
  }
}

/** An intent about a node that is not known yet. */
export interface EarlyIntent {
  readonly type: typeof SerfType.join | typeof SerfType.leave;
  readonly time: number;
}

/** The last intents about nodes that are not known. */
export class EarlyIntents {
  readonly #byNode = new Map<string, EarlyIntent>();

  /** The intent about a node. */
  of(node: string): EarlyIntent | undefined {
    return this.#byNode.get(node);
  }

  /** True when it is newer than what was there; the oldest gives way. */
  add(node: string, intent: EarlyIntent): boolean {
    const known = this.#byNode.get(node);
    if (known !== undefined && intent.time <= known.time) return false;
    this.#byNode.delete(node);
    this.#byNode.set(node, intent);
    if (this.#byNode.size > INTENTS_MAX) {
      for (const oldest of this.#byNode.keys()) {
        this.#byNode.delete(oldest);
        break;
      }
    }
    return true;
  }
}

/** A payload that waits to be spread. */
interface WaitingUser {
  readonly payload: Uint8Array;
  readonly sizeBytes: number;
}

/** Broadcasts of one kind, each unique. */
export class SerfQueue {
  readonly #queue = new BroadcastQueue<WaitingUser>();
  #nextName = 0;
  #waitingBytes = 0;

  /** How many wait. */
  get count(): number {
    return this.#queue.count;
  }

  /** Queues a payload; false when too much waits, and then `onFinished` is called at once. */
  add(payload: Uint8Array, onFinished?: () => void): boolean {
    const sizeBytes = sizeOfUser(payload.length);
    if (this.#waitingBytes + sizeBytes > QUEUE_BYTES_MAX) {
      onFinished?.();
      return false;
    }
    this.#waitingBytes += sizeBytes;
    this.#queue.add(this.#nextName++, { payload, sizeBytes }, () => {
      this.#waitingBytes -= sizeBytes;
      onFinished?.();
    });
    return true;
  }

  /** As {@link BroadcastQueue.take}, for payloads. */
  take(
    overheadBytes: number,
    limitBytes: number,
    transmitLimit: number,
    taken: Uint8Array[],
  ): number {
    const waiting: WaitingUser[] = [];
    const usedBytes = this.#queue.take(overheadBytes, limitBytes, transmitLimit, waiting);
    for (const { payload } of waiting) taken.push(payload);
    return usedBytes;
  }
}

/** A query that waits for answers. */
export interface OpenQuery {
  readonly id: number;
  /** Who has acknowledged it. */
  readonly acks: Set<string>;
  /** What who has answered. */
  readonly responses: Map<string, Uint8Array>;
}

/** See the module comment. */
export interface SerfState {
  readonly clock: LamportClock;
  readonly eventClock: LamportClock;
  readonly queryClock: LamportClock;
  /** Earlier events are not taken: they were there before the member joined. */
  eventTimeMin: number;
  readonly recentEvents: RecentTimes;
  readonly recentQueries: RecentTimes;
  readonly earlyIntents: EarlyIntents;
  /** In the order in which they are served. */
  readonly intentQueue: SerfQueue;
  readonly queryQueue: SerfQueue;
  readonly eventQueue: SerfQueue;
  /** Queries of its own that wait for answers, by Lamport time. */
  readonly openQueries: Map<number, OpenQuery>;
  /** It has asked who else has its name. */
  isResolvingName: boolean;
  readonly vivaldi: Vivaldi;
}

/** The state of an agent that starts. */
export function createSerfState(): SerfState {
  return {
    clock: new LamportClock(),
    eventClock: new LamportClock(),
    queryClock: new LamportClock(),
    eventTimeMin: 0,
    recentEvents: new RecentTimes(),
    recentQueries: new RecentTimes(),
    earlyIntents: new EarlyIntents(),
    intentQueue: new SerfQueue(),
    queryQueue: new SerfQueue(),
    eventQueue: new SerfQueue(),
    openQueries: new Map(),
    isResolvingName: false,
    vivaldi: createVivaldi(),
  };
}
