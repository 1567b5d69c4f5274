/**
 * What every simulated thing is given: the queue with its clock, chance, and the observations.
 * One `World` is one run.
 */
import { Chance } from './chance.ts';
import { EventQueue } from './event-queue.ts';
import { type ObservationKind, Observations } from './observations.ts';

/** One run's time, order, chance and record. */
export class World {
  readonly queue = new EventQueue();
  readonly chance: Chance;
  readonly observations = new Observations();

  constructor(seed: string) {
    this.chance = new Chance(seed);
  }

  /** The virtual instant, in ns. */
  get nowNs(): number {
    return this.queue.nowNs;
  }

  /** Records an observation at the present instant. */
  observe(kind: ObservationKind, node: number, a = 0, b = 0, text = ''): void {
    this.observations.observe(this.queue.nowNs, kind, node, a, b, text);
  }
}
