/**
 * The timers of all TCP connections of one world: one event per connection at most.
 *
 * A connection has deadlines (retransmission, delayed acknowledgement, life time), which move with
 * nearly every segment. Moving one later costs nothing: the event stays where it is, finds when it
 * fires that nothing is due, and is scheduled anew. So a connection of ten segments needs one or two
 * events and no cancellation, where cancelling and arming at each acknowledgement needs ten.
 */
import { assert } from '../../../sim/assert.ts';
import { type EventQueue, NO_EVENT } from '../../../sim/event-queue.ts';
import type { TcpConnection } from './connection.ts';

const timersByQueue = new WeakMap<EventQueue, TcpTimers>();

/** The slots through which a typed event finds its connection. */
export class TcpTimers {
  readonly #queue: EventQueue;
  readonly #kind: number;
  readonly #connections: (TcpConnection | undefined)[] = [];
  readonly #freeSlots: number[] = [];

  private constructor(queue: EventQueue) {
    this.#queue = queue;
    this.#kind = queue.registerKind((slot, _b, _c, nowNs) => {
      const connection = this.#connections[slot];
      assert(connection !== undefined, 'a TCP timer has its connection');
      connection.timerEvent = NO_EVENT;
      connection.onTimer(nowNs);
      this.rearm(connection);
    });
  }

  /** The timers of this queue's world. */
  static of(queue: EventQueue): TcpTimers {
    let timers = timersByQueue.get(queue);
    if (timers === undefined) {
      timers = new TcpTimers(queue);
      timersByQueue.set(queue, timers);
    }
    return timers;
  }

  /** Makes sure that the event comes no later than the connection's next deadline. */
  rearm(connection: TcpConnection): void {
    const atNs = connection.nextDeadlineNs;
    if (atNs === Number.POSITIVE_INFINITY) return;
    if (connection.timerEvent !== NO_EVENT) {
      if (connection.timerAtNs <= atNs) return;
      this.#queue.cancel(connection.timerEvent);
    }
    if (connection.timerSlot < 0) {
      connection.timerSlot = this.#freeSlots.pop() ?? this.#connections.length;
      this.#connections[connection.timerSlot] = connection;
    }
    const dueNs = Math.max(atNs, this.#queue.nowNs);
    connection.timerAtNs = dueNs;
    connection.timerEvent = this.#queue.schedule(dueNs, this.#kind, connection.timerSlot);
  }

  /** Forgets a connection that is over. */
  release(connection: TcpConnection): void {
    if (connection.timerEvent !== NO_EVENT) this.#queue.cancel(connection.timerEvent);
    connection.timerEvent = NO_EVENT;
    if (connection.timerSlot < 0) return;
    this.#connections[connection.timerSlot] = undefined;
    this.#freeSlots.push(connection.timerSlot);
    connection.timerSlot = -1;
  }
}
