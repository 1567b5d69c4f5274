/**
 * Which nodes take part in a shared store, and each node's reap ticks.
 *
 * A countdown that a node decrements every 5 s (moby `reapState`) is kept as one integer that does
 * not change: the *budget*, the residual seconds plus 5 s for every tick that the node has already
 * made. Residual time and the instant of removal follow from it, so reaping needs no events.
 */
import { REAP_PERIOD_NS, REAP_PERIOD_SECONDS } from '../constants.ts';

/** The nodes that agree or differ, as flags by node index. */
export class Population {
  #flags = new Uint8Array(16);
  #count = 0;
  #end = 0;

  /** How many nodes take part. */
  get count(): number {
    return this.#count;
  }

  /** True when the node takes part. */
  has(node: number): boolean {
    return this.#flags[node] === 1;
  }

  /** The number after the highest node that ever took part. */
  get end(): number {
    return this.#end;
  }

  /** The nodes that take part, ascending. */
  *members(): Generator<number> {
    for (let node = 0; node < this.#end; node++) if (this.has(node)) yield node;
  }

  /** Adds a node that does not take part yet. */
  add(node: number): void {
    if (node >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(node + 1, this.#flags.length * 2));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags[node] = 1;
    this.#count++;
    if (node >= this.#end) this.#end = node + 1;
  }

  /** Removes a node that takes part. */
  remove(node: number): void {
    this.#flags[node] = 0;
    this.#count--;
  }
}

/** Every node's 5 s reap ticks, counted from the start of its daemon. */
export class ReapTicks {
  readonly #startedAtNs: number[] = [];

  /** Sets the instant from which the node's ticks are counted, in ns. */
  start(node: number, atNs: number): void {
    this.#startedAtNs[node] = atNs;
  }

  /** How many ticks the node has made, the one at `nowNs` included. */
  tickAt(node: number, nowNs: number): number {
    return Math.floor((nowNs - this.#startedAtNs[node]!) / REAP_PERIOD_NS);
  }

  /** The instant of the node's tick number `tick`, in ns. */
  instantOf(node: number, tick: number): number {
    return this.#startedAtNs[node]! + tick * REAP_PERIOD_NS;
  }

  /** The budget of a countdown of `residualSeconds` that begins now. */
  budgetOf(node: number, residualSeconds: number, nowNs: number): number {
    return residualSeconds + REAP_PERIOD_SECONDS * this.tickAt(node, nowNs);
  }

  /** What is left of a countdown, in seconds. */
  residualAt(node: number, budget: number, nowNs: number): number {
    return budget - REAP_PERIOD_SECONDS * this.tickAt(node, nowNs);
  }
}

/**
 * The tick that removes a table entry: the first that finds at most reapPeriod + 1 s left (moby
 * `reapTableEntries`, without lock waiting time).
 */
export function entryReapTick(budget: number): number {
  return Math.ceil((budget - REAP_PERIOD_SECONDS - 1) / REAP_PERIOD_SECONDS) + 1;
}

/** The tick that removes a left network: the first that finds nothing left (`reapNetworks`). */
export function networkReapTick(budget: number): number {
  return Math.ceil(budget / REAP_PERIOD_SECONDS) + 1;
}
