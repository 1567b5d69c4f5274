/**
 * Global services: one task on every node that matches (swarmkit `manager/orchestrator/global`).
 *
 * The node is chosen here and the scheduler only checks it. A node that is down or drained loses
 * its task without replacement and gets a new one, without delay, when it is back; a paused node
 * keeps what it has and gets nothing new.
 */
import type { World } from '../../sim/world.ts';
import type { IdSource } from '../objects/ids.ts';
import { type Node, NodeAvailability } from '../objects/node.ts';
import { isGlobalService, type Service } from '../objects/service.ts';
import { restartPolicyOf } from '../objects/service-defaults.ts';
import type { Task } from '../objects/task.ts';
import { RestartCondition } from '../objects/task-spec.ts';
import { TaskState } from '../objects/task-state.ts';
import { nodeMatches } from '../scheduler/constraint.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import type { RestartSupervisor } from './restart-supervisor.ts';
import { isInvalidNode, isTaskDirty, newTask, removeTasksOfService } from './task-factory.ts';
import { checkTasks } from './task-init.ts';
import type { UpdateSupervisor } from './updater.ts';

/** Keeps one task of each global service on each node; lives as long as one leadership. */
export class GlobalOrchestrator {
  readonly #world: World;
  readonly #store: Store;
  readonly #ids: IdSource;
  readonly #restarts: RestartSupervisor;
  readonly #updates: UpdateSupervisor;
  #tasksToRestart = new Set<string>();

  constructor(
    world: World,
    store: Store,
    ids: IdSource,
    restarts: RestartSupervisor,
    updates: UpdateSupervisor,
  ) {
    this.#world = world;
    this.#store = store;
    this.#ids = ids;
    this.#restarts = restarts;
    this.#updates = updates;
  }

  /** Takes up the tasks that exist and reconciles every service. */
  onStart(): void {
    checkTasks(this.#world, this.#store, this.#restarts, isGlobalService, (task) => {
      if (mustRestart(task)) this.#tasksToRestart.add(task.id);
    });
    for (const service of this.#store.view.services()) {
      if (isGlobalService(service)) this.#reconcileService(service.id);
    }
    this.#tick();
  }

  /** Reacts to a commit. */
  onCommit(events: readonly StoreEvent[]): void {
    for (const event of events) this.#handle(event);
    this.#tick();
  }

  #handle(event: StoreEvent): void {
    const isGone = event.action === 'remove';
    if (event.table === 'service' && isGlobalService(event.object)) {
      if (isGone) this.#removeService(event.object);
      else this.#reconcileService(event.object.id);
    } else if (event.table === 'node') {
      if (isGone) this.#deleteTasksOfNode(event.object.id);
      else this.#reconcileNode(event.object.id);
    } else if (event.table === 'task') {
      if (isGone) this.#restarts.delayedStarts.cancel(event.object.id);
      else if (event.action === 'update' && mustRestart(event.object)) {
        const service = this.#store.view.service(event.object.serviceId);
        if (service !== undefined && isGlobalService(service)) {
          this.#tasksToRestart.add(event.object.id);
        }
      }
    }
  }

  #removeService(service: Service): void {
    this.#restarts.clearHistory(service.id);
    this.#updates.cancel(service.id);
    this.#store.update((tx) => removeTasksOfService(tx, service));
  }

  #deleteTasksOfNode(nodeId: string): void {
    this.#store.update((tx) => {
      for (const task of tx.tasksOfNode(nodeId)) {
        const service = tx.service(task.serviceId);
        if (service !== undefined && isGlobalService(service)) tx.remove('task', task);
      }
    });
  }

  #reconcileNode(nodeId: string): void {
    if (!this.#hasGlobalServices()) return;
    this.#store.update((tx) => {
      const node = tx.node(nodeId);
      if (node === undefined || node.spec.availability === NodeAvailability.pause) return;
      for (const service of [...tx.services()]) {
        if (!isGlobalService(service)) continue;
        const tasks = tx.tasksOfNode(nodeId).filter((task) => task.serviceId === service.id);
        if (isInvalidNode(node)) shutDown(tx, tasks);
        else this.#reconcileServiceOnNode(tx, service, node, tasks);
      }
    });
  }

  #hasGlobalServices(): boolean {
    for (const service of this.#store.view.services()) if (isGlobalService(service)) return true;
    return false;
  }

  #reconcileServiceOnNode(tx: Transaction, service: Service, node: Node, tasks: Task[]): void {
    if (!nodeMatches(service.spec.task.placement?.constraints, node)) return;
    const wanted = tasks.filter((task) => task.desiredState <= TaskState.running);
    if (wanted.length === 0) {
      if (!tasks.some(isCompleted)) this.#addTask(tx, service, node.id);
      return;
    }
    const dirty = wanted.filter((task) => isTaskDirty(service, task, node));
    if (dirty.length === 0 || service.updateStatus !== undefined) return;
    shutDown(tx, dirty);
    if (dirty.length === wanted.length) this.#addTask(tx, service, node.id);
  }

  #reconcileService(serviceId: string): void {
    this.#store.update((tx) => {
      const service = tx.service(serviceId);
      if (service === undefined) return;
      const tasksByNode = new Map<string, Task[]>();
      for (const task of tx.tasksOfService(serviceId)) {
        const tasks = tasksByNode.get(task.nodeId);
        if (tasks === undefined) tasksByNode.set(task.nodeId, [task]);
        else tasks.push(task);
      }
      const slots: Task[][] = [];
      for (const node of [...tx.nodes()]) {
        if (isInvalidNode(node)) continue;
        const all = tasksByNode.get(node.id) ?? [];
        tasksByNode.delete(node.id);
        const tasks = this.#restarts.updatableTasksOf(all, service);
        if (!nodeMatches(service.spec.task.placement?.constraints, node)) shutDown(tx, tasks);
        else if (node.spec.availability === NodeAvailability.pause) continue;
        else if (tasks.length === 0) this.#addTask(tx, service, node.id);
        else slots.push(tasks);
      }
      for (const tasks of tasksByNode.values()) shutDown(tx, tasks);
      if (slots.length > 0) this.#updates.update(service, slots);
    });
  }

  #addTask(tx: Transaction, service: Service, nodeId: string): void {
    tx.create('task', newTask(this.#ids.next(), service, 0, nodeId, this.#world.nowNs));
  }

  #tick(): void {
    if (this.#tasksToRestart.size === 0) return;
    const tasks = this.#tasksToRestart;
    this.#tasksToRestart = new Set();
    this.#store.update((tx) => {
      for (const id of tasks) this.#restartTask(tx, id);
    });
  }

  #restartTask(tx: Transaction, id: string): void {
    const task = tx.task(id);
    if (task === undefined || task.desiredState > TaskState.running) return;
    const service = tx.service(task.serviceId);
    const node = tx.node(task.nodeId);
    if (service === undefined || !isGlobalService(service)) return;
    if (node === undefined || isInvalidNode(node)) return;
    const isKept =
      node.spec.availability !== NodeAvailability.pause &&
      nodeMatches(service.spec.task.placement?.constraints, node);
    if (isKept) this.#restarts.restart(tx, service, task);
    else shutDown(tx, [task]);
  }
}

function mustRestart(task: Task): boolean {
  return task.desiredState <= TaskState.running && task.status.state > TaskState.running;
}

/** True when the task has ended and its policy does not want another one. */
function isCompleted(task: Task): boolean {
  const { condition } = restartPolicyOf(task.spec.restart);
  if (condition === RestartCondition.none) return task.status.state > TaskState.running;
  return condition === RestartCondition.onFailure && task.status.state === TaskState.complete;
}

function shutDown(tx: Transaction, tasks: readonly Task[]): void {
  for (const task of tasks) {
    if (task.desiredState >= TaskState.shutdown) continue;
    tx.update('task', { ...task, desiredState: TaskState.shutdown });
  }
}
