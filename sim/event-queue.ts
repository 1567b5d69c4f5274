/**
 * The event queue: what happens next, in a total order of (time, then order of scheduling).
 *
 * An event is a slot in columns (typed arrays); nothing is allocated per event. Typed events carry
 * a kind and three integers and go to the handler that registered the kind: for what happens
 * millions of times. Callback events carry a function: for what is rare. A handle names a slot and
 * its generation, so cancelling an event that has fired or was cancelled is harmless.
 *
 * The pending slots are ordered by a 4-ary heap of slot numbers whose keys stand beside them.
 */
import { assert } from './assert.ts';

/** Names a scheduled event; an integer, never 0. */
export type EventHandle = number;

/** The handle that names no event. */
export const NO_EVENT: EventHandle = 0;

/** Handles a typed event; `a`, `b`, `c` are the integers that were scheduled (32-bit signed). */
export type EventHandler = (a: number, b: number, c: number, nowNs: number) => void;

const CALLBACK_KIND = 0;
const INITIAL_CAPACITY = 1024;
const GENERATION_COUNT = 0x20_0000;
const SLOT_LIMIT = 0x8000_0000;

/** A priority queue of events and the virtual clock that it drives. */
export class EventQueue {
  #nowNs = 0;
  #sequence = 0;
  #firedCount = 0;
  #size = 0;
  #capacity = INITIAL_CAPACITY;
  #freeHead = -1;
  #slotCount = 0;
  /** Heap: key time, key sequence and slot, by position. */
  #heapTime = new Float64Array(INITIAL_CAPACITY);
  #heapSequence = new Float64Array(INITIAL_CAPACITY);
  #heapSlot = new Int32Array(INITIAL_CAPACITY);
  /** Slots: position in the heap (or next free slot), payload and generation. */
  #position = new Int32Array(INITIAL_CAPACITY);
  #generation = new Int32Array(INITIAL_CAPACITY);
  #kind = new Int32Array(INITIAL_CAPACITY);
  #a = new Int32Array(INITIAL_CAPACITY);
  #b = new Int32Array(INITIAL_CAPACITY);
  #c = new Int32Array(INITIAL_CAPACITY);
  #callbacks: (((nowNs: number) => void) | undefined)[] = [];
  readonly #handlers: (EventHandler | undefined)[] = [undefined];

  /** The virtual instant, in ns. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** How many events wait. */
  get pendingCount(): number {
    return this.#size;
  }

  /** How many events have fired. */
  get firedCount(): number {
    return this.#firedCount;
  }

  /** The instant of the next event, or Infinity. */
  get nextAtNs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#heapTime[0]!;
  }

  /** Registers the handler of a new kind of typed event and returns the kind. */
  registerKind(handler: EventHandler): number {
    this.#handlers.push(handler);
    return this.#handlers.length - 1;
  }

  /** Schedules a typed event; `atNs` is an integer that is not in the past. */
  schedule(atNs: number, kind: number, a = 0, b = 0, c = 0): EventHandle {
    const slot = this.#takeSlot(atNs);
    this.#kind[slot] = kind;
    this.#a[slot] = a;
    this.#b[slot] = b;
    this.#c[slot] = c;
    return this.#push(atNs, slot);
  }

  /** Schedules a callback; `atNs` is an integer that is not in the past. */
  scheduleCallback(atNs: number, callback: (nowNs: number) => void): EventHandle {
    const slot = this.#takeSlot(atNs);
    this.#kind[slot] = CALLBACK_KIND;
    this.#callbacks[slot] = callback;
    return this.#push(atNs, slot);
  }

  /** Takes an event out; false when it has already fired or been cancelled. */
  cancel(handle: EventHandle): boolean {
    if (handle === NO_EVENT) return false;
    const slot = handle % SLOT_LIMIT;
    if (this.#generation[slot] !== Math.floor(handle / SLOT_LIMIT)) return false;
    const position = this.#position[slot]!;
    this.#releaseSlot(slot);
    this.#removeAt(position);
    return true;
  }

  /** True while the event waits. */
  isPending(handle: EventHandle): boolean {
    if (handle === NO_EVENT) return false;
    return this.#generation[handle % SLOT_LIMIT] === Math.floor(handle / SLOT_LIMIT);
  }

  /** Fires the next event; false when none waits. */
  step(): boolean {
    if (this.#size === 0) return false;
    const slot = this.#heapSlot[0]!;
    this.#nowNs = this.#heapTime[0]!;
    const kind = this.#kind[slot]!;
    this.#firedCount++;
    if (kind === CALLBACK_KIND) {
      const callback = this.#callbacks[slot]!;
      this.#releaseSlot(slot);
      this.#removeAt(0);
      callback(this.#nowNs);
      return true;
    }
    const a = this.#a[slot]!;
    const b = this.#b[slot]!;
    const c = this.#c[slot]!;
    this.#releaseSlot(slot);
    this.#removeAt(0);
    this.#handlers[kind]!(a, b, c, this.#nowNs);
    return true;
  }

  /** Fires every event up to and including `untilNs`; the clock then stands there. */
  runUntil(untilNs: number): void {
    while (this.#size > 0 && this.#heapTime[0]! <= untilNs) this.step();
    if (untilNs > this.#nowNs) this.#nowNs = untilNs;
  }

  #takeSlot(atNs: number): number {
    assert(atNs >= this.#nowNs, `event scheduled ${this.#nowNs - atNs} ns in the past`);
    if (this.#freeHead >= 0) {
      const slot = this.#freeHead;
      this.#freeHead = this.#position[slot]!;
      return slot;
    }
    if (this.#slotCount === this.#capacity) this.#grow();
    const slot = this.#slotCount++;
    this.#generation[slot] = 1;
    return slot;
  }

  #releaseSlot(slot: number): void {
    this.#callbacks[slot] = undefined;
    const next = this.#generation[slot]! + 1;
    this.#generation[slot] = next === GENERATION_COUNT ? 1 : next;
    const position = this.#position[slot]!;
    this.#position[slot] = this.#freeHead;
    this.#freeHead = slot;
    this.#heapSlot[position] = slot;
  }

  #push(atNs: number, slot: number): EventHandle {
    this.#siftUp(this.#size++, atNs, this.#sequence++, slot);
    return this.#generation[slot]! * SLOT_LIMIT + slot;
  }

  #removeAt(position: number): void {
    const last = --this.#size;
    if (position === last) return;
    const time = this.#heapTime[last]!;
    const sequence = this.#heapSequence[last]!;
    const slot = this.#heapSlot[last]!;
    const parent = (position - 1) >> 2;
    if (position > 0 && this.#isBefore(time, sequence, parent)) {
      this.#siftUp(position, time, sequence, slot);
    } else {
      this.#siftDown(position, time, sequence, slot);
    }
  }

  #isBefore(time: number, sequence: number, position: number): boolean {
    const other = this.#heapTime[position]!;
    return time < other || (time === other && sequence < this.#heapSequence[position]!);
  }

  #siftUp(start: number, time: number, sequence: number, slot: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 2;
      if (!this.#isBefore(time, sequence, parent)) break;
      this.#move(parent, position);
      position = parent;
    }
    this.#place(position, time, sequence, slot);
  }

  #siftDown(start: number, time: number, sequence: number, slot: number): void {
    const heapTime = this.#heapTime;
    const heapSequence = this.#heapSequence;
    const size = this.#size;
    let position = start;
    for (;;) {
      let child = position * 4 + 1;
      if (child >= size) break;
      const end = Math.min(child + 4, size);
      let best = child;
      for (child++; child < end; child++) {
        const t = heapTime[child]!;
        const bestTime = heapTime[best]!;
        if (t < bestTime || (t === bestTime && heapSequence[child]! < heapSequence[best]!)) {
          best = child;
        }
      }
      if (this.#isBefore(time, sequence, best)) break;
      this.#move(best, position);
      position = best;
    }
    this.#place(position, time, sequence, slot);
  }

  #move(from: number, to: number): void {
    this.#place(to, this.#heapTime[from]!, this.#heapSequence[from]!, this.#heapSlot[from]!);
  }

  #place(position: number, time: number, sequence: number, slot: number): void {
    this.#heapTime[position] = time;
    this.#heapSequence[position] = sequence;
    this.#heapSlot[position] = slot;
    this.#position[slot] = position;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#heapTime = grownFloat(this.#heapTime, this.#capacity);
    this.#heapSequence = grownFloat(this.#heapSequence, this.#capacity);
    this.#heapSlot = grownInt(this.#heapSlot, this.#capacity);
    this.#position = grownInt(this.#position, this.#capacity);
    this.#generation = grownInt(this.#generation, this.#capacity);
    this.#kind = grownInt(this.#kind, this.#capacity);
    this.#a = grownInt(this.#a, this.#capacity);
    this.#b = grownInt(this.#b, this.#capacity);
    this.#c = grownInt(this.#c, this.#capacity);
  }
}

function grownFloat(old: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(old);
  return grown;
}

function grownInt(old: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(old);
  return grown;
}
