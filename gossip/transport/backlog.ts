/**
 * What waits for a process that does not run: timers that have elapsed, and packets and streams in
 * their sockets' buffers.
 *
 * A paused process finds one batch, when it is resumed. A starved one finds a batch each time that
 * it gets a CPU, with what became due for that instant.
 */
import { type EventHandle, NO_EVENT } from '../../sim/event-queue.ts';
import {
  LARGE_PACKET_TRUESIZE,
  SMALL_PACKET_BYTES,
  SMALL_PACKET_TRUESIZE,
  SOCKET_BUFFER_BYTES,
} from '../constants.ts';
import type { Part } from '../message.ts';

/** A handler. */
export type Run = (nowNs: number) => void;

/** A packet in the socket's buffer. */
export interface HeldPacket {
  readonly from: number;
  readonly sizeBytes: number;
  readonly parts: readonly Part[];
}

/** What a process finds at one instant, in the order in which it became due. */
export interface Batch {
  /** Infinity until a paused process is resumed. */
  readonly atNs: number;
  readonly timers: Run[];
  /** Packets, and handlers of streams between them. */
  readonly arrivals: (HeldPacket | Run)[];
  handle: EventHandle;
}

/** What waits for one process. */
export class Backlog {
  readonly batches: Batch[] = [];
  #socketBytes = 0;

  /** The batch of that instant, which is not before any other's, if there is one. */
  batchAt(atNs: number): Batch | undefined {
    const last = this.batches.at(-1);
    return last !== undefined && last.atNs >= atNs ? last : undefined;
  }

  /** Adds a batch behind the others. */
  append(atNs: number): Batch {
    const batch = { atNs, timers: [], arrivals: [], handle: NO_EVENT };
    this.batches.push(batch);
    return batch;
  }

  /** Takes the packet's place in the socket's buffer; false when that is full. */
  admits(sizeBytes: number): boolean {
    const truesizeBytes = truesizeBytesOf(sizeBytes);
    if (this.#socketBytes + truesizeBytes > SOCKET_BUFFER_BYTES) return false;
    this.#socketBytes += truesizeBytes;
    return true;
  }

  /** Takes the first `count` batches out, as one: their packets leave the socket's buffer. */
  take(count: number): Pick<Batch, 'timers' | 'arrivals'> {
    const taken = this.batches.splice(0, count);
    const timers = taken.flatMap((batch) => batch.timers);
    const arrivals = taken.flatMap((batch) => batch.arrivals);
    for (const arrival of arrivals) {
      if (typeof arrival !== 'function') this.#socketBytes -= truesizeBytesOf(arrival.sizeBytes);
    }
    return { timers, arrivals };
  }
}

function truesizeBytesOf(sizeBytes: number): number {
  return sizeBytes <= SMALL_PACKET_BYTES ? SMALL_PACKET_TRUESIZE : LARGE_PACKET_TRUESIZE;
}
