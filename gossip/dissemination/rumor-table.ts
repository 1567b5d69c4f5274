/**
 * Rumors that many members hold, by number: a number in a typed array costs less to write than a
 * reference, which the garbage collector has to hear of.
 */
import type { Rumor } from '../message.ts';

/** See the module comment. */
export class RumorTable {
  readonly #rumors: (Rumor | undefined)[] = [];
  readonly #holders: number[] = [];
  readonly #numbers = new Map<Rumor, number>();
  readonly #free: number[] = [];
  #last = -1;

  /** The rumor with that number. */
  at(number: number): Rumor {
    return this.#rumors[number]!;
  }

  /** One holder more; returns the rumor's number. */
  hold(rumor: Rumor): number {
    let number = this.#last;
    if (number < 0 || this.#rumors[number] !== rumor) number = this.#numberOf(rumor);
    this.#last = number;
    this.#holders[number]!++;
    return number;
  }

  /** One holder less; the rumor is forgotten with the last. */
  release(number: number): void {
    if (--this.#holders[number]! > 0) return;
    this.#numbers.delete(this.#rumors[number]!);
    this.#rumors[number] = undefined;
    this.#free.push(number);
  }

  #numberOf(rumor: Rumor): number {
    const known = this.#numbers.get(rumor);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#rumors.length;
    this.#rumors[number] = rumor;
    this.#holders[number] = 0;
    this.#numbers.set(rumor, number);
    return number;
  }
}
