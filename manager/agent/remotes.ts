/**
 * Which manager an agent calls: weights that move with experience (swarmkit `remotes/remotes.go`).
 */
import type { WeightedPeer } from '../api/dispatcher-messages.ts';

const WEIGHT_MAX = 256;
const SMOOTHING = 0.5;
const BIAS = 0.001;

/** The managers that an agent knows, by node index. */
export class Remotes {
  readonly #weights = new Map<number, number>();

  constructor(managers: readonly number[], weight: number) {
    for (const manager of managers) this.observe(manager, weight);
  }

  /** Moves a manager's weight half of the way to `weight`. */
  observe(manager: number, weight: number): void {
    const old = this.#weights.get(manager) ?? 0;
    const clipped = clip(weight);
    const next = clip(Math.ceil(SMOOTHING * clipped + (1 - SMOOTHING) * old));
    this.#weights.set(manager, next);
  }

  /** Moves a manager's weight when it is still listed. */
  observeIfListed(manager: number, weight: number): void {
    if (this.#weights.has(manager)) this.observe(manager, weight);
  }

  /** Takes a new list; managers that are not on it are forgotten. */
  replace(peers: readonly WeightedPeer[]): void {
    const listed = new Set(peers.map((peer) => peer.nodeIndex));
    for (const manager of [...this.#weights.keys()]) {
      if (!listed.has(manager)) this.#weights.delete(manager);
    }
    for (const peer of peers) this.observe(peer.nodeIndex, peer.weight);
  }

  /** A manager by weight, where `unit` is a draw in [0, 1); `undefined` when none is known. */
  select(unit: number): number | undefined {
    let total = 0;
    for (const weight of this.#weights.values()) total += Math.max(0, weight) + BIAS;
    let rest = unit * total;
    let last: number | undefined;
    for (const [manager, weight] of this.#weights) {
      last = manager;
      rest -= Math.max(0, weight) + BIAS;
      if (rest < 0) break;
    }
    return last;
  }
}

function clip(weight: number): number {
  return Math.max(-WEIGHT_MAX, Math.min(WEIGHT_MAX, weight));
}
