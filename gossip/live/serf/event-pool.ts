/**
 * What was said in the user events that members have heard lately, each once for all members of the
 * process, so that they can tell newcomers. With a bound: the oldest are forgotten first.
 */
import type { UserEvent } from '../../../wire/serf/message.ts';

/** 512 Lamport times with 16 events of serf's size each. */
const POOL_BYTES_MAX = 8 * 1024 * 1024;
/** What an event takes beside its payload. */
const EVENT_BYTES = 256;

/** See the module comment. */
export class EventPool {
  readonly #events = new Map<string, UserEvent>();
  #heldBytes = 0;

  /** Keeps an event, which is known by its Lamport time and a key. */
  add(key: number, event: UserEvent): void {
    const name = nameOf(event.lamportTime, key);
    if (this.#events.has(name)) return;
    this.#events.set(name, { ...event, payload: event.payload.slice() });
    this.#heldBytes += EVENT_BYTES + event.payload.length;
    for (const [oldest, { payload }] of this.#events) {
      if (this.#heldBytes <= POOL_BYTES_MAX) return;
      this.#events.delete(oldest);
      this.#heldBytes -= EVENT_BYTES + payload.length;
    }
  }

  /** The event, unless it was forgotten. */
  get(lamportTime: number, key: number): UserEvent | undefined {
    return this.#events.get(nameOf(lamportTime, key));
  }
}

function nameOf(lamportTime: number, key: number): string {
  return `${lamportTime}/${key}`;
}
