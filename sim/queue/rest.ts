/**
 * A while in which a sweep does not walk (sweep.ts): most of its subjects rest, which means that their
 * ticks do nothing but what can be made up for later, and the others' ticks are awaited one by one.
 */
import { assert } from '../assert.ts';
import { NumberHeap } from './number-heap.ts';
import type { Turns } from './turns.ts';

/** What those who rest do when their rest is over. */
export interface Resting {
  /** Does what is due at a tick; it must be possible to pass it. */
  pass(place: number, atNs: number): boolean;
  /** Does at once what was due at the next `count` ticks. */
  skip(place: number, count: number): void;
}

/** See the module comment. */
export class Rest {
  /** Its first tick, and the first after it. */
  readonly begin: number;
  readonly end: number;
  readonly #turns: Turns;
  readonly #walkNs: number;
  readonly #resting: Resting;
  readonly #isResting: Uint8Array;
  readonly #awaited = new NumberHeap();

  /** Those who rest pass what was due in the last `walkNs` before they are roused. */
  constructor(turns: Turns, resting: Resting, begin: number, turnCount: number, walkNs: number) {
    this.#turns = turns;
    this.#walkNs = walkNs;
    this.#resting = resting;
    this.begin = begin;
    this.end = begin + turnCount * turns.size;
    this.#isResting = new Uint8Array(turns.size);
  }

  /** The next tick that is awaited; {@link Rest.end} when there is none before. */
  get next(): number {
    return Math.min(this.#awaited.top, this.end);
  }

  /** The subject at `place` rests for so many ticks, and then is awaited. */
  lay(place: number, tickCount: number): void {
    this.#isResting[place] = 1;
    const number = this.#turns.firstAt(place, this.begin) + tickCount * this.#turns.size;
    if (number < this.end) this.#awaited.add(number);
  }

  /** Awaits a tick. */
  await(number: number): void {
    this.#awaited.add(number);
  }

  /** Forgets the next tick that is awaited. */
  drop(): void {
    this.#awaited.removeTop();
  }

  /** The next tick is that of the subject at `place`: if it rests, it skips what was before. */
  wake(place: number): void {
    if (this.#isResting[place] === 0) return;
    this.#isResting[place] = 0;
    this.#skip(place, this.next);
  }

  /** Ends the rest of one subject before the tick `next`; false when it did not rest. */
  rouse(place: number, nowNs: number, next: number): boolean {
    if (this.#isResting[place] === 0) return false;
    this.#isResting[place] = 0;
    const from = this.#walkFrom(nowNs);
    this.#skip(place, from);
    const turns = this.#turns;
    for (let tick = turns.firstAt(place, from); tick < next; tick += turns.size) {
      this.#pass(place, tick);
    }
    return true;
  }

  /** Ends the rest of all before the tick `next`. */
  rouseAll(nowNs: number, next: number): void {
    const { size } = this.#turns;
    const from = this.#walkFrom(nowNs);
    for (let place = 0; place < size; place++) {
      if (this.#isResting[place] === 1) this.#skip(place, from);
    }
    for (let tick = from; tick < next; tick++) {
      if (this.#isResting[tick % size] === 1) this.#pass(tick % size, tick);
    }
  }

  #walkFrom(nowNs: number): number {
    return Math.max(this.begin, this.#turns.firstFrom(nowNs - this.#walkNs));
  }

  #skip(place: number, before: number): void {
    const count = this.#turns.countAt(place, this.begin, before);
    if (count > 0) this.#resting.skip(place, count);
  }

  #pass(place: number, tick: number): void {
    const isPassed = this.#resting.pass(place, this.#turns.instantOf(tick));
    assert(isPassed, 'a tick in a rest is more than can be passed');
  }
}
