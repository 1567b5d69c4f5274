/**
 * What NetworkDB sent, per node and kind of message: counts and bytes without memberlist's framing.
 * Columns by node and kind, because every gossip packet of every node is counted.
 */

/** Kinds of counted messages; a message in a packet to k peers counts k times. */
export const CountedKind = {
  nodeEvent: 0,
  networkEvent: 1,
  tableGossip: 2,
  bulkSync: 3,
  bulkSyncReply: 4,
  pushPullState: 5,
} as const;
/** One of {@link CountedKind}. */
export type CountedKind = (typeof CountedKind)[keyof typeof CountedKind];

const KIND_COUNT = 6;

/** Messages and bytes sent, by node and kind, and what a node could not read. */
export class Counters {
  readonly #malformed = new Map<number, number>();
  #messages = new Float64Array(KIND_COUNT * 16);
  #bytes = new Float64Array(KIND_COUNT * 16);

  /** Counts `count` messages of `sizeBytes` each. */
  add(node: number, kind: CountedKind, sizeBytes: number, count = 1): void {
    const at = node * KIND_COUNT + kind;
    if (at >= this.#messages.length) {
      this.#messages = grown(this.#messages, at);
      this.#bytes = grown(this.#bytes, at);
    }
    this.#messages[at]! += count;
    this.#bytes[at]! += sizeBytes * count;
  }

  /** Counts a message that the node dropped because it makes no sense. */
  addMalformed(node: number): void {
    this.#malformed.set(node, this.malformedOf(node) + 1);
  }

  /** Messages that the node dropped because they make no sense. */
  malformedOf(node: number): number {
    return this.#malformed.get(node) ?? 0;
  }

  /** Messages of that kind that the node has sent. */
  messagesOf(node: number, kind: CountedKind): number {
    return this.#messages[node * KIND_COUNT + kind] ?? 0;
  }

  /** Bytes of that kind that the node has sent. */
  bytesOf(node: number, kind: CountedKind): number {
    return this.#bytes[node * KIND_COUNT + kind] ?? 0;
  }
}

function grown(old: Float64Array, at: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(at + KIND_COUNT, old.length * 2));
  next.set(old);
  return next;
}
