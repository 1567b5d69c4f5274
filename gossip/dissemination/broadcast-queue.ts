/**
 * What a member still has to spread (memberlist `queue.go` `TransmitLimitedQueue`), ordered by
 * transmissions, fewest first, then by size, largest first, then by age, newest first.
 *
 * Every broadcast has a name and replaces the one of the same name. The name is the subject, except
 * that a refutation goes by the member's own address (`state.go` `refute`): {@link OWN_ADDRESS}.
 *
 * One sorted array: queues are short but for mass joins, and a walk over it stops as soon as nothing
 * more can fit.
 */
import type { Rumor } from '../message.ts';

/** The name of refutations. */
export const OWN_ADDRESS = -1;

/** What a queue holds; only its size matters to it. */
interface Sized {
  readonly sizeBytes: number;
}

interface Entry<R extends Sized> {
  readonly name: number;
  readonly rumor: R;
  readonly id: number;
  readonly onFinished: (() => void) | undefined;
  transmits: number;
}

/** The broadcasts of one member. */
export class BroadcastQueue<R extends Sized = Rumor> {
  /** Sorted; see {@link isBefore}. */
  #entries: Entry<R>[] = [];
  #nextId = 1;
  #bytesMin = Number.POSITIVE_INFINITY;

  /** How many wait. */
  get count(): number {
    return this.#entries.length;
  }

  /** Queues a broadcast that was sent `transmits` times; one of the same name is finished. */
  add(name: number, rumor: R, onFinished?: () => void, transmits = 0): void {
    const entries = this.#entries;
    const old = entries.findIndex((entry) => entry.name === name);
    if (old >= 0) {
      const finished = entries[old]!.onFinished;
      entries.splice(old, 1);
      finished?.();
    }
    this.#bytesMin = Math.min(this.#bytesMin, rumor.sizeBytes);
    this.#insert({ name, rumor, id: this.#nextId++, onFinished, transmits });
  }

  /**
   * Takes what fits into `limitBytes`, each at its size and `overheadBytes`, and appends it to
   * `taken`; returns the bytes used. What has been sent `transmitLimit` times is finished.
   */
  take(overheadBytes: number, limitBytes: number, transmitLimit: number, taken: R[]): number {
    const entries = this.#entries;
    if (entries.length === 0) return 0;
    let usedBytes = 0;
    let keptCount = 0;
    const again: Entry<R>[] = [];
    const finished: (() => void)[] = [];
    let i = 0;
    for (; i < entries.length; i++) {
      const freeBytes = limitBytes - usedBytes - overheadBytes;
      if (freeBytes < this.#bytesMin) break;
      const entry = entries[i]!;
      if (entry.rumor.sizeBytes > freeBytes) {
        entries[keptCount++] = entry;
        continue;
      }
      usedBytes += overheadBytes + entry.rumor.sizeBytes;
      taken.push(entry.rumor);
      if (entry.transmits + 1 < transmitLimit) again.push(entry);
      else if (entry.onFinished !== undefined) finished.push(entry.onFinished);
    }
    if (keptCount < i) {
      for (; i < entries.length; i++) entries[keptCount++] = entries[i]!;
      entries.length = keptCount;
    }
    for (const entry of again) {
      entry.transmits++;
      this.#insert(entry);
    }
    if (entries.length === 0) this.#restart();
    for (const finish of finished) finish();
    return usedBytes;
  }

  /** Empties the queue without finishing anything. */
  clear(): void {
    this.#entries = [];
    this.#restart();
  }

  /** What waits, in order, for views and tests. */
  list(): readonly { readonly name: number; readonly rumor: R; readonly transmits: number }[] {
    return this.#entries;
  }

  /** Upstream's idGen begins anew when the queue runs empty. */
  #restart(): void {
    this.#nextId = 1;
    this.#bytesMin = Number.POSITIVE_INFINITY;
  }

  #insert(entry: Entry<R>): void {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(entries[middle]!, entry)) low = middle + 1;
      else high = middle;
    }
    if (low === entries.length) entries.push(entry);
    else entries.splice(low, 0, entry);
  }
}

function isBefore(a: Entry<Sized>, b: Entry<Sized>): boolean {
  if (a.transmits !== b.transmits) return a.transmits < b.transmits;
  if (a.rumor.sizeBytes !== b.rumor.sizeBytes) return a.rumor.sizeBytes > b.rumor.sizeBytes;
  return a.id > b.id;
}
