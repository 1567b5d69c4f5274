/**
 * Where the queued message of each subject is: an open-addressed table in one typed array, because a
 * `Map` takes three times the space, and 500 nodes that join 50 networks queue 17 million messages.
 */

const FREE = 0;
/** Per place: subject + 1, size of the message in bytes, its number among those of that size. */
const STRIDE = 3;
const PLACES_MIN = 8;
const NOTHING = new Int32Array(0);

/** Subjects, from 0 on, and the places of their messages. */
export class SubjectIndex {
  #cells = NOTHING;
  /** Places less one; they are a power of two. */
  #mask = -1;
  #count = 0;

  /** The place of a subject's record, or -1; valid until the next change. */
  find(subject: number): number {
    if (this.#count === 0) return -1;
    for (let place = this.#homeOf(subject + 1); ; place = (place + 1) & this.#mask) {
      const key = this.#cells[place * STRIDE]!;
      if (key === subject + 1) return place;
      if (key === FREE) return -1;
    }
  }

  /** Bytes of the message at a place. */
  sizeBytesAt(place: number): number {
    return this.#cells[place * STRIDE + 1]!;
  }

  /** Number of the message at a place. */
  numberAt(place: number): number {
    return this.#cells[place * STRIDE + 2]!;
  }

  /** Notes where the message of a subject is that has none yet. */
  set(subject: number, sizeBytes: number, number: number): void {
    if (3 * (this.#mask + 1) <= 4 * (this.#count + 1)) this.#grow();
    this.#count++;
    this.#put(subject + 1, sizeBytes, number);
  }

  /** Forgets a subject; those that had to make way for it move up. */
  delete(subject: number): void {
    let hole = this.find(subject);
    if (hole < 0) return;
    const cells = this.#cells;
    const mask = this.#mask;
    this.#count--;
    for (
      let place = (hole + 1) & mask;
      cells[place * STRIDE] !== FREE;
      place = (place + 1) & mask
    ) {
      const home = this.#homeOf(cells[place * STRIDE]!);
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      cells.copyWithin(hole * STRIDE, place * STRIDE, (place + 1) * STRIDE);
      hole = place;
    }
    cells[hole * STRIDE] = FREE;
  }

  /** Forgets all. */
  clear(): void {
    this.#cells = NOTHING;
    this.#mask = -1;
    this.#count = 0;
  }

  /** Neighbouring subjects come together, so they are spread. */
  #homeOf(key: number): number {
    return (Math.imul(key, 0x9e37_79b1) >>> 7) & this.#mask;
  }

  #put(key: number, sizeBytes: number, number: number): void {
    let place = this.#homeOf(key);
    while (this.#cells[place * STRIDE] !== FREE) place = (place + 1) & this.#mask;
    this.#cells[place * STRIDE] = key;
    this.#cells[place * STRIDE + 1] = sizeBytes;
    this.#cells[place * STRIDE + 2] = number;
  }

  #grow(): void {
    const old = this.#cells;
    const places = Math.max(PLACES_MIN, 2 * (this.#mask + 1));
    this.#cells = new Int32Array(places * STRIDE);
    this.#mask = places - 1;
    for (let at = 0; at < old.length; at += STRIDE) {
      if (old[at] !== FREE) this.#put(old[at]!, old[at + 1]!, old[at + 2]!);
    }
  }
}
