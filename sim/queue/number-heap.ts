/**
 * A priority queue of numbers: a binary heap in an array, for the few ticks that are awaited in a rest
 * (rest.ts).
 */

/** The numbers, the smallest first. */
export class NumberHeap {
  readonly #numbers: number[] = [];

  /** The smallest number, or Infinity. */
  get top(): number {
    return this.#numbers[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Takes a number in. */
  add(number: number): void {
    const numbers = this.#numbers;
    let at = numbers.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (numbers[parent]! <= number) break;
      numbers[at] = numbers[parent]!;
      at = parent;
    }
    numbers[at] = number;
  }

  /** Takes the smallest number out; there must be one. */
  removeTop(): void {
    const numbers = this.#numbers;
    const last = numbers.pop()!;
    const { length } = numbers;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && numbers[child + 1]! < numbers[child]!) child++;
      if (numbers[child]! >= last) break;
      numbers[at] = numbers[child]!;
      at = child;
    }
    numbers[at] = last;
  }
}
