/**
 * The connections that clients keep: who asks takes the idle one that was used last, or opens another;
 * who has his answer gives it back, unless enough are idle already, it has served long enough, or its
 * time is over. As HTTP libraries do (Go's `http.Transport`), without trying again what fails on a
 * connection that its server had closed meanwhile.
 */
import type { Conversation } from '../../../node/workload/conversation.ts';
import { type EventHandle, type EventQueue, NO_EVENT } from '../../../sim/event-queue.ts';
import type { KeepAlive } from '../../language/traffic.ts';

/** What a pool keeps. */
interface Kept {
  readonly conversation: Conversation;
  /** Where it leads to: a client and an address. */
  readonly place: string;
  readonly usedCount: number;
}

/** One that is nobody's for now. */
interface Idle<T> {
  readonly kept: T;
  timer: EventHandle;
}

/** The idle connections of one population of clients. */
export class ConnectionPool<T extends Kept> {
  readonly #queue: EventQueue;
  readonly #settings: KeepAlive;
  readonly #idle: Idle<T>[] = [];

  constructor(queue: EventQueue, settings: KeepAlive) {
    this.#queue = queue;
    this.#settings = settings;
  }

  /** The connection to this place that was used last. */
  take(place: string): T | undefined {
    const at = this.#idle.findLastIndex(({ kept }) => kept.place === place);
    return at < 0 ? undefined : this.#remove(at);
  }

  /** Keeps a connection for the next, or closes it. */
  give(kept: T): void {
    const { connections, idle: idleNs, requests } = this.#settings;
    const isUsedUp = requests !== undefined && kept.usedCount >= requests;
    const count = this.#idle.filter((idle) => idle.kept.place === kept.place).length;
    if (isUsedUp || count >= connections) {
      kept.conversation.close();
      return;
    }
    const idle: Idle<T> = { kept, timer: NO_EVENT };
    idle.timer = this.#queue.scheduleCallback(this.#queue.nowNs + idleNs, () => {
      this.forget(kept);
      kept.conversation.close();
    });
    this.#idle.push(idle);
  }

  /** A connection is over, idle or not. */
  forget(kept: T): void {
    const at = this.#idle.findIndex((idle) => idle.kept === kept);
    if (at >= 0) this.#remove(at);
  }

  #remove(at: number): T {
    const [idle] = this.#idle.splice(at, 1);
    this.#queue.cancel(idle!.timer);
    return idle!.kept;
  }
}
