/**
 * How much peers can make live members keep in memory at a time: upstream bounds what one push/pull
 * may say, and a process of many members needs a bound for them all.
 */
import type { StreamLimits } from '../../wire/memberlist/stream.ts';

/**
 * Of one stream. A push/pull of the most members that are served, with as many peers again, takes
 * less than half of it.
 */
export const LIVE_STREAM_LIMITS: StreamLimits = {
  maxPushStateBytes: 2 * 1024 * 1024,
  maxPushStateNodes: 64 * 1024,
  maxUserMsgBytes: 64 * 1024,
  maxDecompressedBytes: 4 * 1024 * 1024,
};

/** Of one packet; no sender's packets hold a twentieth of it. */
export const INFLATED_PACKET_BYTES_MAX = 64 * 1024;

/** Connections of one member that are read at a time (`maxPushPullRequests`). */
const CONNECTIONS_MAX = 128;
/** Bytes of all streams of the process that are not complete. */
const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;

/** What all streams of the process hold. */
export class StreamBudget {
  #bufferedBytes = 0;

  /** True when a member with so many connections may take another. */
  hasRoom(connectionCount: number): boolean {
    return connectionCount < CONNECTIONS_MAX && this.#bufferedBytes <= BUFFERED_BYTES_MAX;
  }

  /** Counts bytes that are kept; false when that is too much. */
  take(lengthBytes: number): boolean {
    this.#bufferedBytes += lengthBytes;
    return this.#bufferedBytes <= BUFFERED_BYTES_MAX;
  }

  /** Counts bytes that are no longer kept. */
  release(lengthBytes: number): void {
    this.#bufferedBytes -= lengthBytes;
  }
}
