/**
 * A set of numbers as runs of consecutive ones: messages that came one after another and have been
 * sent equally often since are one run, however many they are.
 */

/** Disjoint runs, ascending; no two of them touch. */
export class Runs {
  /** Start and end (exclusive) of each. */
  #bounds: number[] = [];

  /** True when there is no number. */
  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  /** Where the highest run begins. */
  get start(): number {
    return this.#bounds[this.#bounds.length - 2]!;
  }

  /** The number after the highest one. */
  get end(): number {
    return this.#bounds[this.#bounds.length - 1]!;
  }

  /** Removes the numbers of the highest run from `from` on. */
  take(from: number): void {
    const bounds = this.#bounds;
    if (from === bounds[bounds.length - 2]) bounds.length -= 2;
    else bounds[bounds.length - 1] = from;
  }

  /** Adds the numbers from `start` to before `end`, none of which is there. */
  add(start: number, end: number): void {
    const bounds = this.#bounds;
    let at = bounds.length;
    if (at > 0 && end <= bounds[0]!) at = 0;
    else while (at > 0 && bounds[at - 2]! > start) at -= 2;
    const joinsBelow = at > 0 && bounds[at - 1] === start;
    const joinsAbove = at < bounds.length && bounds[at] === end;
    if (joinsBelow && joinsAbove) bounds.splice(at - 1, 2);
    else if (joinsBelow) bounds[at - 1] = end;
    else if (joinsAbove) bounds[at] = start;
    else if (at === bounds.length) bounds.push(start, end);
    else bounds.splice(at, 0, start, end);
  }
}
