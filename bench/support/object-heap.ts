/**
 * The queue that one writes first: a binary heap of event objects. It is the reference that the
 * benchmark's ratios are taken against, and nothing that swarmlab uses.
 */

interface Entry {
  readonly atNs: number;
  readonly sequence: number;
  readonly fire: (nowNs: number) => void;
}

/** A priority queue in the order (time, then order of scheduling). */
export class ObjectHeap {
  readonly #entries: Entry[] = [];
  #sequence = 0;

  /** Schedules a callback. */
  schedule(atNs: number, fire: (nowNs: number) => void): void {
    const entries = this.#entries;
    const entry = { atNs, sequence: this.#sequence++, fire };
    let i = entries.length;
    entries.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[i] = entries[parent]!;
      i = parent;
    }
    entries[i] = entry;
  }

  /** Fires the next event; false when none waits. */
  step(): boolean {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined) return false;
    const count = entries.length;
    let i = 0;
    while (count > 0) {
      let child = i * 2 + 1;
      if (child >= count) break;
      if (child + 1 < count && isBefore(entries[child + 1]!, entries[child]!)) child++;
      if (isBefore(last, entries[child]!)) break;
      entries[i] = entries[child]!;
      i = child;
    }
    if (count > 0) entries[i] = last;
    first.fire(first.atNs);
    return true;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.sequence < b.sequence);
}
