/**
 * What the scheduler knows of a node: its tasks, what they reserve, and what failed on it lately
 * (swarmkit `manager/scheduler/nodeinfo.go`).
 */
import { MINUTE_NS } from '../../sim/time.ts';
import { formatPortProtocol, PublishMode } from '../objects/endpoint.ts';
import type { Node } from '../objects/node.ts';
import { isActiveTask, type Task } from '../objects/task.ts';

/** So many failures within the monitored span make a node less liked for that service. */
export const MAX_FAILURES = 5;
const MONITOR_FAILURES_NS = 5 * MINUTE_NS;

/** One node with its load. */
export class NodeInfo {
  node: Node;
  readonly tasks = new Map<string, Task>();
  activeTaskCount = 0;
  availableNanoCpus = 0;
  availableMemoryBytes = 0;
  readonly usedHostPorts = new Set<string>();
  readonly #activeByService = new Map<string, number>();
  readonly #failuresAtNs = new Map<string, number[]>();

  constructor(node: Node) {
    this.node = node;
    this.availableNanoCpus = node.description?.resources.nanoCpus ?? 0;
    this.availableMemoryBytes = node.description?.resources.memoryBytes ?? 0;
  }

  /** Takes a new value of the node object; reservations stay subtracted. */
  replaceNode(node: Node): void {
    const before = this.node.description?.resources;
    const after = node.description?.resources;
    this.availableNanoCpus += (after?.nanoCpus ?? 0) - (before?.nanoCpus ?? 0);
    this.availableMemoryBytes += (after?.memoryBytes ?? 0) - (before?.memoryBytes ?? 0);
    this.node = node;
  }

  /** How many active tasks of a service are here. */
  activeTaskCountOf(serviceId: string): number {
    return this.#activeByService.get(serviceId) ?? 0;
  }

  /** Counts a task, or a new value of one that is counted already. */
  addTask(task: Task): void {
    const old = this.tasks.get(task.id);
    if (old !== undefined) this.#count(old, -1);
    else this.#reserve(task, -1);
    this.tasks.set(task.id, task);
    this.#count(task, 1);
  }

  /** Takes a task out; harmless when it is not here. */
  removeTask(task: Task): void {
    const old = this.tasks.get(task.id);
    if (old === undefined) return;
    this.tasks.delete(task.id);
    this.#count(old, -1);
    this.#reserve(old, 1);
  }

  /** Remembers that a task of this service version failed here. */
  taskFailed(task: Task, nowNs: number): void {
    const key = failureKeyOf(task);
    const recent = this.#recent(key, nowNs);
    recent.push(nowNs);
    this.#failuresAtNs.set(key, recent);
  }

  /** How many tasks of this service version failed here within the last 5 minutes. */
  recentFailureCountOf(task: Task, nowNs: number): number {
    if (this.#failuresAtNs.size === 0) return 0;
    return this.#recent(failureKeyOf(task), nowNs).length;
  }

  #recent(key: string, nowNs: number): number[] {
    const failures = this.#failuresAtNs.get(key) ?? [];
    return failures.filter((atNs) => nowNs - atNs <= MONITOR_FAILURES_NS);
  }

  #count(task: Task, difference: number): void {
    if (!isActiveTask(task)) return;
    this.activeTaskCount += difference;
    const count = this.activeTaskCountOf(task.serviceId) + difference;
    if (count === 0) this.#activeByService.delete(task.serviceId);
    else this.#activeByService.set(task.serviceId, count);
  }

  #reserve(task: Task, sign: number): void {
    const reservations = task.spec.resources?.reservations;
    this.availableNanoCpus += sign * (reservations?.nanoCpus ?? 0);
    this.availableMemoryBytes += sign * (reservations?.memoryBytes ?? 0);
    for (const port of hostPortsOf(task)) {
      if (sign < 0) this.usedHostPorts.add(port);
      else this.usedHostPorts.delete(port);
    }
  }
}

/** The host-mode ports of a task as `tcp/8080`. */
export function hostPortsOf(task: Task): string[] {
  const ports: string[] = [];
  for (const port of task.endpoint?.ports ?? []) {
    if (port.publishMode !== PublishMode.host || port.publishedPort === 0) continue;
    ports.push(`${formatPortProtocol(port.protocol)}/${port.publishedPort}`);
  }
  return ports;
}

function failureKeyOf(task: Task): string {
  return `${task.serviceId}/${task.specVersion}`;
}
