/**
 * Segments that arrived ahead of a gap, in order of their sequence numbers.
 *
 * A connection has one only after something arrived out of order. Overlaps are kept as they came:
 * what lies before the next expected byte is cut off when a segment is taken out.
 * Mirrors `tcp_data_queue_ofo` and `tcp_ofo_queue` (net/ipv4/tcp_input.c).
 */
import { isAfter, isBefore, type Sequence } from './sequence.ts';

/** One segment that waits for those before it. */
export interface EarlySegment {
  readonly sequence: Sequence;
  readonly bytes: Uint8Array;
  /** A FIN follows the bytes. */
  readonly hasFin: boolean;
}

/** The out-of-order queue of one connection. */
export class Reassembly {
  readonly #segments: EarlySegment[] = [];

  /** True when nothing waits. */
  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Keeps a segment; one that an earlier one covers entirely is dropped. */
  insert(sequence: Sequence, bytes: Uint8Array, hasFin: boolean): void {
    const segments = this.#segments;
    let index = segments.length;
    while (index > 0 && isAfter(segments[index - 1]!.sequence, sequence)) index--;
    const end = (sequence + bytes.length) | 0;
    const previous = segments[index - 1];
    if (previous !== undefined && !hasFin && !isAfter(end, endOf(previous))) return;
    while (index < segments.length && !isAfter(endOf(segments[index]!), end)) {
      if (segments[index]!.hasFin && !hasFin) break;
      segments.splice(index, 1);
    }
    segments.splice(index, 0, { sequence, bytes, hasFin });
  }

  /**
   * Takes the first segment out that `next` reaches: undefined when there is a gap or nothing.
   * Segments that are wholly before `next` are dropped.
   */
  take(next: Sequence): EarlySegment | undefined {
    const segments = this.#segments;
    for (;;) {
      const first = segments[0];
      if (first === undefined || isAfter(first.sequence, next)) return undefined;
      segments.shift();
      const end = endOf(first);
      if (isBefore(end, next) || (end === next && !first.hasFin)) continue;
      const skip = (next - first.sequence) | 0;
      if (skip === 0) return first;
      return { sequence: next, bytes: first.bytes.subarray(skip), hasFin: first.hasFin };
    }
  }
}

function endOf(segment: EarlySegment): Sequence {
  return (segment.sequence + segment.bytes.length) | 0;
}
