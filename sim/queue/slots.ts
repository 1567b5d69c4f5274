/**
 * The events that wait, one slot each: a record of 64 bytes in one buffer.
 *
 * A slot is a row and not an entry in eight columns, because with half a million events waiting
 * nearly every touch misses the cache, and so an event costs one line instead of eight. Slots are
 * reused, last released first: the next event to be scheduled finds its record in the cache.
 *
 * A cancelled event is *dead*: handles to it are stale at once, but its slot stays where it is
 * until its owner comes across it. So cancelling touches one record, and lists need no way back.
 *
 * Offsets count 32-bit words; time and sequence are float64 and count double words.
 */

/** Double: the instant, in ns. */
export const TIME = 0;
/** Double: the order of scheduling. */
export const SEQUENCE = 1;
/** Word: the kind, or {@link DEAD}. */
export const KIND = 4;
/** Word: the first integer that was scheduled, or the index of the callback. */
export const A = 5;
/** Word: the second integer. */
export const B = 6;
/** Word: the third integer. */
export const C = 7;
/** Word: the next slot of a wheel's bucket or of the free ones, or -1. */
export const NEXT = 8;
/** Word: counts how often the slot was taken, so that an old handle is recognised. */
export const GENERATION = 9;

/** The kind of an event that was cancelled. */
export const DEAD = -1;

/** log2 of the words of a record. */
export const WORD_SHIFT = 4;
/** log2 of the doubles of a record. */
export const DOUBLE_SHIFT = 3;

const RECORD_BYTES = 64;
const INITIAL_CAPACITY = 64;
const GENERATION_COUNT = 0x20_0000;

/** The records and the list of free ones. `words` and `doubles` are replaced when it grows. */
export class EventSlots {
  words: Int32Array;
  doubles: Float64Array;
  /** How many dead events still have their slot. */
  deadCount = 0;
  #capacity = INITIAL_CAPACITY;
  #count = 0;
  #freeHead = -1;

  constructor() {
    const buffer = new ArrayBuffer(INITIAL_CAPACITY * RECORD_BYTES);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** A free slot. */
  take(): number {
    const slot = this.#freeHead;
    if (slot >= 0) {
      this.#freeHead = this.words[(slot << WORD_SHIFT) + NEXT]!;
      return slot;
    }
    if (this.#count === this.#capacity) this.#grow();
    this.words[(this.#count << WORD_SHIFT) + GENERATION] = 1;
    return this.#count++;
  }

  /** Gives a slot back; handles to it are stale from now on. */
  release(slot: number): void {
    this.#age(slot);
    this.words[(slot << WORD_SHIFT) + NEXT] = this.#freeHead;
    this.#freeHead = slot;
  }

  /** True for an event that was cancelled. */
  isDead(slot: number): boolean {
    return this.words[(slot << WORD_SHIFT) + KIND] === DEAD;
  }

  /** Marks an event as cancelled; its owner releases the slot by and by. */
  becomeDead(slot: number): void {
    this.#age(slot);
    this.words[(slot << WORD_SHIFT) + KIND] = DEAD;
    this.deadCount++;
  }

  /** Gives the slot of a dead event back. */
  releaseDead(slot: number): void {
    this.release(slot);
    this.deadCount--;
  }

  #age(slot: number): void {
    const generation = this.words[(slot << WORD_SHIFT) + GENERATION]! + 1;
    this.words[(slot << WORD_SHIFT) + GENERATION] =
      generation === GENERATION_COUNT ? 1 : generation;
  }

  #grow(): void {
    this.#capacity *= 2;
    const buffer = new ArrayBuffer(this.#capacity * RECORD_BYTES);
    const words = new Int32Array(buffer);
    words.set(this.words);
    this.words = words;
    this.doubles = new Float64Array(buffer);
  }
}
