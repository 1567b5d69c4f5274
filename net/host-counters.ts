/**
 * What the namespaces of one host share because they share a kernel: the softirq backlog, the
 * neighbour table's size (its thresholds are per kernel), and the global ICMP budget.
 */
import type { World } from '../sim/world.ts';
import type { BeliefWatch } from './belief-watch.ts';
import { Backlog } from './device/backlog.ts';

/** One kernel's shared state. */
export class HostCounters {
  readonly backlog: Backlog;
  /** Neighbour entries of all namespaces that garbage collection may take (`gc_entries`). */
  neighbourCount = 0;
  /** When entries were last collected, in ns. */
  neighboursFlushedAtNs = 0;
  /** `icmp_global`: tokens left, in messages, and when they were last refilled. */
  icmpTokens = 50;
  icmpRefilledAtNs = 0;
  /** Somebody who compares what the host acts on with how things are. */
  beliefs: BeliefWatch | undefined;

  constructor(world: World) {
    this.backlog = new Backlog(world.queue);
  }
}
