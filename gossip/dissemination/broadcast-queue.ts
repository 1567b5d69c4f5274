/**
 * What a member still has to spread (memberlist `queue.go` `TransmitLimitedQueue`), ordered by
 * transmissions, fewest first, then by size, largest first, then by age, newest first.
 *
 * Every broadcast has a name and replaces the one of the same name. The name is the subject, except
 * that a refutation goes by the member's own address (`state.go` `refute`): {@link OWN_ADDRESS}.
 *
 * Broadcasts that were sent equally often are a tier, in order. What is taken leaves the head of its
 * tier, and mostly comes to the end of the next one, because the newest go first: a queue of hundreds,
 * after a mass death, is neither searched nor sorted for a packet. When all fit into one, each tier
 * becomes the next one as it is.
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
  /** How often it was sent, less how often the whole queue was. */
  level: number;
}

/** The broadcasts of one member. */
export class BroadcastQueue<R extends Sized = Rumor> {
  /** By transmissions; each tier in order, see {@link isBefore}. */
  readonly #tiers: Entry<R>[][] = [];
  readonly #byName = new Map<number, Entry<R>>();
  #nextId = 1;
  #bytesMin = Number.POSITIVE_INFINITY;
  /** Of all that wait, without overheads. */
  #bytesTotal = 0;
  /** How often the whole queue was sent. */
  #sentWhole = 0;

  /** How many wait. */
  get count(): number {
    return this.#byName.size;
  }

  /** Queues a broadcast that was sent `transmits` times; one of the same name is finished. */
  add(name: number, rumor: R, onFinished?: () => void, transmits = 0): void {
    const old = this.#byName.get(name);
    if (old !== undefined) {
      const tier = this.#tiers[old.level + this.#sentWhole]!;
      tier.splice(placeIn(tier, old), 1);
      this.#forget(old);
      old.onFinished?.();
    }
    this.#bytesMin = Math.min(this.#bytesMin, rumor.sizeBytes);
    this.#bytesTotal += rumor.sizeBytes;
    const level = transmits - this.#sentWhole;
    const entry = { name, rumor, id: this.#nextId++, onFinished, level };
    this.#byName.set(name, entry);
    const tier = this.#tierOf(transmits);
    tier.splice(placeIn(tier, entry), 0, entry);
  }

  /**
   * Takes what fits into `limitBytes`, each at its size and `overheadBytes`, and appends it to
   * `taken`; returns the bytes used. What has been sent `transmitLimit` times is finished.
   */
  take(overheadBytes: number, limitBytes: number, transmitLimit: number, taken: R[]): number {
    const wholeBytes = this.#bytesTotal + overheadBytes * this.#byName.size;
    if (wholeBytes <= limitBytes) {
      this.#takeWhole(transmitLimit, taken);
      return wholeBytes;
    }
    let freeBytes = limitBytes - overheadBytes;
    const finished: Entry<R>[] = [];
    // those who come to the next tier wait until that has been gone through
    let passedOn: Entry<R>[] = [];
    for (const tier of this.#tiers) {
      const again: Entry<R>[] = [];
      let at = firstFitting(tier, 0, freeBytes);
      while (at < tier.length) {
        let end = at;
        for (; end < tier.length && tier[end]!.rumor.sizeBytes <= freeBytes; end++) {
          const entry = tier[end]!;
          freeBytes -= overheadBytes + entry.rumor.sizeBytes;
          taken.push(entry.rumor);
          if (++entry.level + this.#sentWhole < transmitLimit) again.push(entry);
          else finished.push(entry);
        }
        tier.splice(at, end - at);
        at = firstFitting(tier, at, freeBytes);
      }
      mergeInto(tier, passedOn);
      passedOn = again;
      if (passedOn.length === 0 && freeBytes < this.#bytesMin) break;
    }
    if (passedOn.length > 0) {
      mergeInto(this.#tierOf(passedOn[0]!.level + this.#sentWhole), passedOn);
    }
    this.#finish(finished);
    return limitBytes - overheadBytes - freeBytes;
  }

  /** Empties the queue without finishing anything. */
  clear(): void {
    this.#byName.clear();
    this.#restart();
  }

  /** What waits, in order, for views and tests. */
  list(): readonly { readonly name: number; readonly rumor: R; readonly transmits: number }[] {
    return this.#tiers.flatMap((tier, transmits) =>
      tier.map(({ name, rumor }) => ({ name, rumor, transmits })),
    );
  }

  #takeWhole(transmitLimit: number, taken: R[]): void {
    const tiers = this.#tiers;
    for (const tier of tiers) for (const entry of tier) taken.push(entry.rumor);
    this.#sentWhole++;
    const isLastEmpty = tiers.length > 0 && tiers[tiers.length - 1]!.length === 0;
    tiers.unshift(isLastEmpty ? tiers.pop()! : []);
    if (tiers.length > transmitLimit) this.#finish(tiers.splice(transmitLimit).flat());
  }

  /** These have been sent often enough. */
  #finish(entries: readonly Entry<R>[]): void {
    for (const entry of entries) this.#forget(entry);
    if (this.#byName.size === 0) this.#restart();
    for (const entry of entries) entry.onFinished?.();
  }

  #forget(entry: Entry<R>): void {
    this.#byName.delete(entry.name);
    this.#bytesTotal -= entry.rumor.sizeBytes;
  }

  /** Upstream's idGen begins anew when the queue runs empty. */
  #restart(): void {
    this.#tiers.length = 0;
    this.#nextId = 1;
    this.#bytesMin = Number.POSITIVE_INFINITY;
    this.#bytesTotal = 0;
    this.#sentWhole = 0;
  }

  #tierOf(transmits: number): Entry<R>[] {
    while (this.#tiers.length <= transmits) this.#tiers.push([]);
    return this.#tiers[transmits]!;
  }
}

/** Where the entry is in a tier, or would be. */
function placeIn(tier: readonly Entry<Sized>[], entry: Entry<Sized>): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(tier[middle]!, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first entry of a tier from `at` on that is not larger than `freeBytes`, or its length. */
function firstFitting(tier: readonly Entry<Sized>[], at: number, freeBytes: number): number {
  let low = at;
  let high = tier.length;
  if (low < high && tier[high - 1]!.rumor.sizeBytes > freeBytes) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tier[middle]!.rumor.sizeBytes > freeBytes) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Merges entries that are in order into a tier: a few runs, mostly one. */
function mergeInto<R extends Sized>(tier: Entry<R>[], more: readonly Entry<R>[]): void {
  for (let from = 0, end = 0; from < more.length; from = end) {
    const at = placeIn(tier, more[from]!);
    end = more.length;
    const next = tier[at];
    if (next !== undefined) while (isBefore(next, more[end - 1]!)) end--;
    tier.splice(at, 0, ...more.slice(from, end));
  }
}

/** The order within a tier. */
function isBefore(a: Entry<Sized>, b: Entry<Sized>): boolean {
  const byBytes = b.rumor.sizeBytes - a.rumor.sizeBytes;
  return byBytes < 0 || (byBytes === 0 && a.id > b.id);
}
