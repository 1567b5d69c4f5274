/**
 * The transmit-limited queue of broadcasts (`queue.go`): fewest transmissions first, then the
 * largest message that fits, then the newest. A broadcast about a name replaces the older one.
 */
import { retransmitLimit } from './formulas.ts';

interface Queued<T> {
  readonly name: string;
  readonly message: T;
  readonly sizeBytes: number;
  readonly id: number;
  transmits: number;
  readonly onFinished: (() => void) | undefined;
}

/** The broadcasts that one member still has to send. */
export class BroadcastQueue<T> {
  readonly #mult: number;
  #queued: Queued<T>[] = [];
  #nextId = 1;

  constructor(retransmitMult: number) {
    this.#mult = retransmitMult;
  }

  /** How many broadcasts wait. */
  get count(): number {
    return this.#queued.length;
  }

  /** Queues a broadcast; an older one of the same name is finished. */
  add(name: string, message: T, sizeBytes: number, onFinished?: () => void): void {
    if (this.#queued.length === 0) this.#nextId = 1;
    const older = this.#queued.findIndex((entry) => entry.name === name);
    if (older >= 0) this.#queued.splice(older, 1)[0]!.onFinished?.();
    this.#queued.push({ name, message, sizeBytes, id: this.#nextId++, transmits: 0, onFinished });
  }

  /** Takes what fits into `limitBytes`, each costing `overheadBytes` more; `out` gets it. */
  take(overheadBytes: number, limitBytes: number, nodeCount: number, out: T[]): number {
    if (this.#queued.length === 0) return 0;
    const limit = retransmitLimit(this.#mult, nodeCount);
    const candidates = [...this.#queued].sort(
      (a, b) => a.transmits - b.transmits || b.sizeBytes - a.sizeBytes || b.id - a.id,
    );
    let usedBytes = 0;
    const finished = new Set<Queued<T>>();
    for (const entry of candidates) {
      if (limitBytes - usedBytes - overheadBytes <= 0) break;
      if (entry.sizeBytes > limitBytes - usedBytes - overheadBytes) continue;
      usedBytes += overheadBytes + entry.sizeBytes;
      out.push(entry.message);
      if (entry.transmits + 1 >= limit) finished.add(entry);
      else entry.transmits++;
    }
    if (finished.size > 0) {
      this.#queued = this.#queued.filter((entry) => !finished.has(entry));
      for (const entry of finished) entry.onFinished?.();
    }
    return usedBytes;
  }
}
