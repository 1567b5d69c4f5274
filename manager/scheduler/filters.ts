/**
 * Which nodes can run a task, and why the others cannot (swarmkit `manager/scheduler/filter.go`,
 * `pipeline.go`).
 */
import { NodeAvailability, NodeState } from '../objects/node.ts';
import type { Task } from '../objects/task.ts';
import type { Platform } from '../objects/task-spec.ts';
import { nodeMatches } from './constraint.ts';
import { hostPortsOf, type NodeInfo } from './node-info.ts';

interface Filter {
  /** True when the filter has anything to say about the task. */
  readonly concerns: (task: Task) => boolean;
  readonly passes: (task: Task, info: NodeInfo) => boolean;
  readonly explain: (nodeCount: number) => string;
}

const FILTERS: readonly Filter[] = [
  {
    concerns: () => true,
    passes: (_task, { node }) =>
      node.status.state === NodeState.ready && node.spec.availability === NodeAvailability.active,
    explain: (count) =>
      count === 1
        ? '1 node not available for new tasks'
        : `${count} nodes not available for new tasks`,
  },
  {
    concerns: (task) => task.spec.resources?.reservations !== undefined,
    passes: (task, info) => {
      const wanted = task.spec.resources!.reservations!;
      return (
        wanted.nanoCpus <= info.availableNanoCpus && wanted.memoryBytes <= info.availableMemoryBytes
      );
    },
    explain: (count) => `insufficient resources on ${nodesOf(count)}`,
  },
  {
    concerns: (task) => task.networks.some((attachment) => !attachment.network.isNodeLocal),
    passes: (task, { node }) => {
      const plugins = node.description?.plugins ?? [];
      if (plugins.length === 0) return true;
      return task.networks.every(({ network }) => {
        const driver = network.driverState?.name;
        return driver === undefined || network.isNodeLocal || plugins.includes(`Network/${driver}`);
      });
    },
    explain: (count) => `missing plugin on ${nodesOf(count)}`,
  },
  {
    concerns: (task) => (task.spec.placement?.constraints?.length ?? 0) > 0,
    passes: (task, { node }) => nodeMatches(task.spec.placement?.constraints, node),
    explain: (count) => `scheduling constraints not satisfied on ${nodesOf(count)}`,
  },
  {
    concerns: (task) => (task.spec.placement?.platforms?.length ?? 0) > 0,
    passes: (task, { node }) => {
      const actual = node.description?.platform;
      if (actual === undefined) return true;
      return task.spec.placement!.platforms!.some((wanted) => isPlatform(wanted, actual));
    },
    explain: (count) => `unsupported platform on ${nodesOf(count)}`,
  },
  {
    concerns: (task) => hostPortsOf(task).length > 0,
    passes: (task, info) => !hostPortsOf(task).some((port) => info.usedHostPorts.has(port)),
    explain: (count) => `host-mode port already in use on ${nodesOf(count)}`,
  },
  {
    concerns: (task) => (task.spec.placement?.maxReplicas ?? 0) > 0,
    passes: (task, info) =>
      info.activeTaskCountOf(task.serviceId) < task.spec.placement!.maxReplicas!,
    explain: () => 'max replicas per node limit exceed',
  },
];

/** The filters for one task, counting how many nodes each one turned away. */
export class FilterPipeline {
  readonly #task: Task;
  readonly #filters: readonly Filter[];
  readonly #failureCounts: number[];

  constructor(task: Task) {
    this.#task = task;
    this.#filters = FILTERS.filter((filter) => filter.concerns(task));
    this.#failureCounts = new Array(this.#filters.length).fill(0);
  }

  /** True when the task can run on the node; the first filter that says no is counted. */
  passes(info: NodeInfo): boolean {
    const failed = this.#filters.findIndex((filter) => !filter.passes(this.#task, info));
    if (failed < 0) return true;
    this.#failureCounts[failed]!++;
    return false;
  }

  /** What stood in the way, most nodes first: `2 nodes not available for new tasks; ...`. */
  explain(): string {
    return this.#filters
      .map((filter, i) => ({ filter, count: this.#failureCounts[i]! }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .map(({ filter, count }) => filter.explain(count))
      .join('; ');
  }
}

function nodesOf(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

function isPlatform(wanted: Platform, actual: Platform): boolean {
  const isOs = wanted.os === '' || wanted.os.toLowerCase() === actual.os.toLowerCase();
  const architecture = normalArchitecture(wanted.architecture);
  return isOs && (architecture === '' || architecture === normalArchitecture(actual.architecture));
}

function normalArchitecture(architecture: string): string {
  const lower = architecture.toLowerCase();
  if (lower === 'x86_64') return 'amd64';
  return lower === 'aarch64' ? 'arm64' : lower;
}
