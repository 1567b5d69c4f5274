/**
 * The `--trace` file: every observation of a run as a line of text.
 */
import type { Cluster } from '../cluster/cluster.ts';
import { Trace } from '../sim/trace.ts';

/** Records a run's observations. */
export class TraceFile {
  #trace: Trace | undefined;
  #names: readonly string[] = [];

  /** Starts recording. */
  attach(cluster: Cluster): void {
    this.#trace = Trace.watch(cluster.world.observations);
    this.#names = cluster.machines.map((machine) => machine.name);
  }

  /** The whole trace. */
  get text(): string {
    return this.#trace?.format(this.#names) ?? '';
  }
}
