/**
 * The ticks of subjects that tick with one interval, each with a phase of its own: numbered in their
 * order, turn after turn, so that the tick `turn * size + place` is that of the subject at `place`.
 */

/** See the module comment. */
export class Turns {
  readonly intervalNs: number;
  /** Instants modulo the interval by place, ascending, ns. */
  readonly phaseNs: Float64Array;

  constructor(intervalNs: number, phaseNs: Float64Array) {
    this.intervalNs = intervalNs;
    this.phaseNs = phaseNs;
  }

  /** How many ticks a turn has. */
  get size(): number {
    return this.phaseNs.length;
  }

  /** When the tick is, ns. */
  instantOf(number: number): number {
    const turn = Math.floor(number / this.size);
    return turn * this.intervalNs + this.phaseNs[number - turn * this.size]!;
  }

  /** The first tick that is not before an instant. */
  firstFrom(atNs: number): number {
    const turn = Math.floor(atNs / this.intervalNs);
    const boundNs = atNs - turn * this.intervalNs;
    const { phaseNs } = this;
    let low = 0;
    let high = phaseNs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (phaseNs[middle]! < boundNs) low = middle + 1;
      else high = middle;
    }
    return turn * this.size + low;
  }

  /** The first tick at `place` that is not before the tick `from`. */
  firstAt(place: number, from: number): number {
    return from + modulo(place - from, this.size);
  }

  /** How many ticks at `place` there are from one tick to before another. */
  countAt(place: number, from: number, end: number): number {
    const first = this.firstAt(place, from);
    return first >= end ? 0 : Math.ceil((end - first) / this.size);
  }
}

function modulo(value: number, size: number): number {
  const rest = value % size;
  return rest < 0 ? rest + size : rest;
}
