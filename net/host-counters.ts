/**
 * What the namespaces of one host share because they share a kernel: its release, the softirq backlog, the
 * log, the neighbour table's size (its thresholds are per kernel), and the global ICMP budget.
 */
import type { World } from '../sim/world.ts';
import type { BeliefWatch } from './belief-watch.ts';
import { Backlog } from './device/backlog.ts';
import { KernelLog } from './kernel-log.ts';
import { DEFAULT_KERNEL, type KernelTraits } from './kernel-release.ts';
import type { NeighbourCount } from './neighbour/neighbours.ts';

/** One kernel's shared state. */
export class HostCounters {
  readonly kernel: KernelTraits;
  readonly backlog: Backlog;
  readonly log: KernelLog;
  /** The sizes of the two neighbour tables. */
  readonly arpCount: NeighbourCount = { count: 0, flushedAtNs: 0 };
  readonly ndiscCount: NeighbourCount = { count: 0, flushedAtNs: 0 };
  /** `icmp_global`: tokens left, in messages, and when they were last refilled. */
  icmpTokens = 50;
  icmpRefilledAtNs = 0;
  /** Somebody who compares what the host acts on with how things are. */
  beliefs: BeliefWatch | undefined;

  constructor(world: World, kernel: KernelTraits = DEFAULT_KERNEL) {
    this.kernel = kernel;
    this.backlog = new Backlog(world.queue);
    this.log = new KernelLog(world);
  }
}
