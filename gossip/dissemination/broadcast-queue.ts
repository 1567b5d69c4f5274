/**
 * What a member still has to spread (memberlist `queue.go` `TransmitLimitedQueue`), ordered by
 * transmissions, fewest first, then by size, largest first, then by age, newest first.
 *
 * Every broadcast has a name and replaces the one of the same name. The name is the subject, except
 * that a refutation goes by the member's own address (`state.go` `refute`): {@link OWN_ADDRESS}.
 *
 * One sorted array: queues are short but for mass joins and mass deaths, and a walk over it stops as
 * soon as nothing more can fit. What was taken and stays is merged in again, since it is in order, too.
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
  readonly #byName = new Map<number, Entry<R>>();
  #nextId = 1;
  #bytesMin = Number.POSITIVE_INFINITY;

  /** How many wait. */
  get count(): number {
    return this.#entries.length;
  }

  /** Queues a broadcast that was sent `transmits` times; one of the same name is finished. */
  add(name: number, rumor: R, onFinished?: () => void, transmits = 0): void {
    const old = this.#byName.get(name);
    if (old !== undefined) {
      this.#entries.splice(this.#placeOf(old), 1);
      this.#byName.delete(name);
      old.onFinished?.();
    }
    this.#bytesMin = Math.min(this.#bytesMin, rumor.sizeBytes);
    const entry = { name, rumor, id: this.#nextId++, onFinished, transmits };
    this.#byName.set(name, entry);
    this.#entries.splice(this.#placeOf(entry), 0, entry);
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
      if (++entry.transmits < transmitLimit) again.push(entry);
      else {
        this.#byName.delete(entry.name);
        if (entry.onFinished !== undefined) finished.push(entry.onFinished);
      }
    }
    if (keptCount < i) {
      for (; i < entries.length; i++) entries[keptCount++] = entries[i]!;
      entries.length = keptCount;
      mergeInto(entries, again);
    }
    if (entries.length === 0) this.#restart();
    for (const finish of finished) finish();
    return usedBytes;
  }

  /** Empties the queue without finishing anything. */
  clear(): void {
    this.#entries = [];
    this.#byName.clear();
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

  /** Where the entry is, or would be. */
  #placeOf(entry: Entry<R>): number {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(entries[middle]!, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Merges entries that were sent once more, in the order of being taken, into the others. */
function mergeInto(entries: Entry<Sized>[], again: Entry<Sized>[]): void {
  // not in order yet where they had been sent differently often
  again.sort((a, b) => (isBefore(a, b) ? -1 : 1));
  let left = entries.length - 1;
  let taken = again.length - 1;
  entries.length += again.length;
  for (let at = entries.length - 1; taken >= 0; at--) {
    const isLater = left >= 0 && isBefore(again[taken]!, entries[left]!);
    entries[at] = isLater ? entries[left--]! : again[taken--]!;
  }
}

function isBefore(a: Entry<Sized>, b: Entry<Sized>): boolean {
  if (a.transmits !== b.transmits) return a.transmits < b.transmits;
  if (a.rumor.sizeBytes !== b.rumor.sizeBytes) return a.rumor.sizeBytes > b.rumor.sizeBytes;
  return a.id > b.id;
}
