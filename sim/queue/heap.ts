/**
 * A 4-ary heap of slots in the order (time, then sequence), whose keys stand beside the slots, so
 * that comparing does not touch the records.
 */
import { DOUBLE_SHIFT, type EventSlots, SEQUENCE, TIME } from './slots.ts';

const INITIAL_CAPACITY = 64;

/** A priority queue of slots. */
export class EventHeap {
  #size = 0;
  #time = new Float64Array(INITIAL_CAPACITY);
  #sequence = new Float64Array(INITIAL_CAPACITY);
  #slot = new Int32Array(INITIAL_CAPACITY);
  readonly #slots: EventSlots;

  constructor(slots: EventSlots) {
    this.#slots = slots;
  }

  /** How many slots it holds, dead ones included. */
  get size(): number {
    return this.#size;
  }

  /** The instant of the first event, or Infinity. */
  get topTime(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#time[0]!;
  }

  /** The slot of the first event; the heap must not be empty. */
  get topSlot(): number {
    return this.#slot[0]!;
  }

  /** Takes a slot in, by the time and sequence in its record. */
  insert(slot: number): void {
    if (this.#size === this.#slot.length) this.#grow();
    const at = slot << DOUBLE_SHIFT;
    const { doubles } = this.#slots;
    const times = this.#time;
    const sequences = this.#sequence;
    const time = doubles[at + TIME]!;
    const sequence = doubles[at + SEQUENCE]!;
    let position = this.#size++;
    while (position > 0) {
      const parent = (position - 1) >> 2;
      const t = times[parent]!;
      if (t < time || (t === time && sequences[parent]! < sequence)) break;
      this.#move(parent, position);
      position = parent;
    }
    this.#put(position, time, sequence, slot);
  }

  /** Takes the first slot out. */
  removeTop(): void {
    const last = --this.#size;
    if (last > 0) this.#siftDown(0, this.#time[last]!, this.#sequence[last]!, this.#slot[last]!);
  }

  /** Takes every dead slot out and releases it. */
  releaseDead(): void {
    let size = 0;
    for (let i = 0; i < this.#size; i++) {
      const slot = this.#slot[i]!;
      if (this.#slots.isDead(slot)) this.#slots.releaseDead(slot);
      else this.#move(i, size++);
    }
    this.#size = size;
    for (let i = (size - 2) >> 2; i >= 0; i--) {
      this.#siftDown(i, this.#time[i]!, this.#sequence[i]!, this.#slot[i]!);
    }
  }

  #siftDown(start: number, time: number, sequence: number, slot: number): void {
    const times = this.#time;
    const sequences = this.#sequence;
    const size = this.#size;
    let position = start;
    for (;;) {
      let child = position * 4 + 1;
      if (child >= size) break;
      const end = child + 4 < size ? child + 4 : size;
      let best = child;
      let bestTime = times[child]!;
      for (child++; child < end; child++) {
        const t = times[child]!;
        if (t < bestTime || (t === bestTime && sequences[child]! < sequences[best]!)) {
          best = child;
          bestTime = t;
        }
      }
      if (time < bestTime || (time === bestTime && sequence < sequences[best]!)) break;
      this.#move(best, position);
      position = best;
    }
    this.#put(position, time, sequence, slot);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#time[from]!, this.#sequence[from]!, this.#slot[from]!);
  }

  #put(position: number, time: number, sequence: number, slot: number): void {
    this.#time[position] = time;
    this.#sequence[position] = sequence;
    this.#slot[position] = slot;
  }

  #grow(): void {
    const capacity = this.#slot.length * 2;
    const time = new Float64Array(capacity);
    time.set(this.#time);
    this.#time = time;
    const sequence = new Float64Array(capacity);
    sequence.set(this.#sequence);
    this.#sequence = sequence;
    const slot = new Int32Array(capacity);
    slot.set(this.#slot);
    this.#slot = slot;
  }
}
