/**
 * Congestion control: slow start, congestion avoidance, fast retransmit and fast recovery
 * (RFC 5681) with NewReno's answer to partial acknowledgements (RFC 6582). Windows are in bytes.
 *
 * It only decides; sending is the caller's. Without SACK, the duplicate acknowledgements that
 * arrive during recovery inflate the window, one segment each.
 */
import { INITIAL_WINDOW_SEGMENTS, REORDERING } from './constants.ts';
import { isAfter, isBefore, type Sequence } from './stream/sequence.ts';

/** What an acknowledgement asks of the sender. */
export const CongestionAdvice = {
  none: 0,
  /** Send the first segment that is not acknowledged again. */
  retransmit: 1,
  /** The same, and the retransmission timer starts anew (a partial acknowledgement). */
  retransmitNext: 2,
} as const;
/** See {@link CongestionAdvice}. */
export type CongestionAdvice = (typeof CongestionAdvice)[keyof typeof CongestionAdvice];

/** The congestion window of one connection. */
export class Congestion {
  windowBytes: number;
  thresholdBytes = 0x3fff_ffff;
  /** Above the last sequence number that was sent when the last loss was found. */
  #recover: Sequence;
  isRecovering = false;
  duplicateCount = 0;

  constructor(initialSequence: Sequence, segmentBytes: number) {
    this.#recover = initialSequence;
    this.windowBytes = INITIAL_WINDOW_SEGMENTS * segmentBytes;
  }

  /** The handshake has settled the segment size (`tcp_init_cwnd`, RFC 6928). */
  start(segmentBytes: number, isCautious: boolean): void {
    this.windowBytes = (isCautious ? 1 : INITIAL_WINDOW_SEGMENTS) * segmentBytes;
  }

  /** What may be in flight: with limited transmit (RFC 3042), a segment per duplicate. */
  allowanceBytes(segmentBytes: number): number {
    if (this.isRecovering || this.duplicateCount === 0) return this.windowBytes;
    return this.windowBytes + Math.min(this.duplicateCount, REORDERING - 1) * segmentBytes;
  }

  /** `acknowledgement` covers `count` new bytes of the `flightBytes` that were in flight. */
  onAdvance(
    acknowledgement: Sequence,
    count: number,
    flightBytes: number,
    segmentBytes: number,
  ): CongestionAdvice {
    this.duplicateCount = 0;
    if (this.isRecovering) {
      if (isBefore(acknowledgement, this.#recover)) {
        const deflated = this.windowBytes - count + (count >= segmentBytes ? segmentBytes : 0);
        this.windowBytes = Math.max(deflated, segmentBytes);
        return CongestionAdvice.retransmitNext;
      }
      const leftBytes = Math.max(flightBytes - count, segmentBytes) + segmentBytes;
      this.windowBytes = Math.min(this.thresholdBytes, leftBytes);
      this.isRecovering = false;
      return CongestionAdvice.none;
    }
    if (this.windowBytes < this.thresholdBytes) {
      // a window that was not used is not made larger (`tcp_is_cwnd_limited`)
      if (this.windowBytes < 2 * flightBytes) this.windowBytes += count;
    } else if (flightBytes + segmentBytes >= this.windowBytes) {
      const part = Math.min(count, segmentBytes) * segmentBytes;
      this.windowBytes += Math.max(1, Math.floor(part / this.windowBytes));
    }
    return CongestionAdvice.none;
  }

  /** A duplicate acknowledgement of `unacknowledged`; `next` is the next number to be sent. */
  onDuplicate(
    unacknowledged: Sequence,
    next: Sequence,
    flightBytes: number,
    segmentBytes: number,
  ): CongestionAdvice {
    this.duplicateCount++;
    if (this.isRecovering) {
      this.windowBytes += segmentBytes;
      return CongestionAdvice.none;
    }
    if (this.duplicateCount !== REORDERING || !isAfter(unacknowledged, this.#recover)) {
      return CongestionAdvice.none;
    }
    this.#recover = next;
    this.isRecovering = true;
    this.thresholdBytes = Math.max(Math.floor(flightBytes / 2), 2 * segmentBytes);
    this.windowBytes = this.thresholdBytes + REORDERING * segmentBytes;
    return CongestionAdvice.retransmit;
  }

  /** The retransmission timer fired; `isFirst` unless it had fired for the same data before. */
  onTimeout(next: Sequence, flightBytes: number, segmentBytes: number, isFirst: boolean): void {
    if (isFirst) this.thresholdBytes = Math.max(Math.floor(flightBytes / 2), 2 * segmentBytes);
    this.windowBytes = segmentBytes;
    this.#recover = next;
    this.isRecovering = false;
    this.duplicateCount = 0;
  }

  /** Nothing was sent for longer than an RTO: start again from the initial window. */
  onIdle(segmentBytes: number): void {
    this.windowBytes = Math.min(this.windowBytes, INITIAL_WINDOW_SEGMENTS * segmentBytes);
  }
}
