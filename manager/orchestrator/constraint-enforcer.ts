/**
 * Rejects tasks whose node no longer meets their constraints or has room for them (swarmkit
 * `manager/orchestrator/constraintenforcer`).
 */
import type { World } from '../../sim/world.ts';
import { type Node, NodeAvailability } from '../objects/node.ts';
import { TaskState } from '../objects/task-state.ts';
import { nodeMatches } from '../scheduler/constraint.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { StoreReader } from '../store/tables.ts';

/** Watches nodes change; lives as long as one leadership. */
export class ConstraintEnforcer {
  readonly #world: World;
  readonly #store: Store;

  constructor(world: World, store: Store) {
    this.#world = world;
    this.#store = store;
  }

  /** Checks every node. */
  onStart(): void {
    for (const node of [...this.#store.view.nodes()]) this.#check(node);
  }

  /** Reacts to a commit. */
  onCommit(events: readonly StoreEvent[]): void {
    for (const event of events) {
      if (event.table === 'node' && event.action === 'update') this.#check(event.object);
    }
  }

  #check(node: Node): void {
    if (node.spec.availability !== NodeAvailability.active) return;
    const rejected = noncompliantTasksOf(node, this.#store.view);
    if (rejected.length === 0) return;
    this.#store.update((tx) => {
      for (const id of rejected) {
        const task = tx.task(id);
        if (task === undefined || task.desiredState > TaskState.complete) continue;
        const status = {
          ...task.status,
          timestampNs: this.#world.nowNs,
          state: TaskState.rejected,
          message: 'task rejected by constraint enforcer',
          err: 'assigned node no longer meets constraints',
        };
        tx.update('task', { ...task, status });
      }
    });
  }
}

/** The ids of the tasks that must leave the node. */
function noncompliantTasksOf(node: Node, reader: StoreReader): string[] {
  const rejected: string[] = [];
  let nanoCpus = node.description?.resources.nanoCpus ?? 0;
  let memoryBytes = node.description?.resources.memoryBytes ?? 0;
  for (const task of reader.tasksOfNode(node.id)) {
    const { desiredState } = task;
    if (desiredState < TaskState.assigned || desiredState > TaskState.complete) continue;
    const service = reader.service(task.serviceId);
    const placement = service?.spec.task.placement ?? task.spec.placement;
    if (!nodeMatches(placement?.constraints, node)) {
      rejected.push(task.id);
      continue;
    }
    const reservations = task.spec.resources?.reservations;
    if (reservations === undefined || node.description === undefined) continue;
    if (reservations.nanoCpus > nanoCpus || reservations.memoryBytes > memoryBytes) {
      rejected.push(task.id);
      continue;
    }
    nanoCpus -= reservations.nanoCpus;
    memoryBytes -= reservations.memoryBytes;
  }
  return rejected;
}
