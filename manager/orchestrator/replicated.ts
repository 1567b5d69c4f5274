/**
 * Replicated services: slots 1 to N, each with one wanted task (swarmkit
 * `manager/orchestrator/replicated`).
 */
import type { World } from '../../sim/world.ts';
import type { IdSource } from '../objects/ids.ts';
import type { Node } from '../objects/node.ts';
import { replicasOf, type Service } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import type { RestartSupervisor } from './restart-supervisor.ts';
import { isInvalidNode, newTask, removeTasksOfService } from './task-factory.ts';
import { checkTasks } from './task-init.ts';
import type { UpdateSupervisor } from './updater.ts';

type Slots = Map<number, Task[]>;

/** Keeps replicated services at their number of replicas; lives as long as one leadership. */
export class ReplicatedOrchestrator {
  readonly #world: World;
  readonly #store: Store;
  readonly #ids: IdSource;
  readonly #restarts: RestartSupervisor;
  readonly #updates: UpdateSupervisor;
  #servicesToReconcile = new Set<string>();
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
    const { view } = this.#store;
    checkTasks(this.#world, this.#store, this.#restarts, isReplicated, (task) => {
      if (task.desiredState > TaskState.running) return;
      if (this.#mustRestart(task)) this.#tasksToRestart.add(task.id);
    });
    for (const service of view.services()) {
      if (isReplicated(service)) this.#servicesToReconcile.add(service.id);
    }
    this.#tick();
  }

  /** Reacts to a commit: tasks first, then services. */
  onCommit(events: readonly StoreEvent[]): void {
    for (const event of events) this.#handle(event);
    this.#tick();
  }

  #handle(event: StoreEvent): void {
    switch (event.table) {
      case 'service':
        this.#handleService(event.object, event.action === 'remove');
        break;
      case 'node':
        if (event.action === 'remove') this.#restartTasksOfNode(event.object.id);
        else this.#handleNode(event.object);
        break;
      case 'task':
        if (event.action !== 'remove') this.#handleTask(event.object);
        else {
          this.#restarts.delayedStarts.cancel(event.object.id);
          if (event.object.desiredState <= TaskState.running) {
            this.#servicesToReconcile.add(event.object.serviceId);
          }
        }
        break;
    }
  }

  #handleService(service: Service, isGone: boolean): void {
    if (!isReplicated(service)) return;
    if (!isGone) {
      this.#servicesToReconcile.add(service.id);
      return;
    }
    this.#servicesToReconcile.delete(service.id);
    this.#restarts.clearHistory(service.id);
    this.#updates.cancel(service.id);
    this.#store.update((tx) => removeTasksOfService(tx, service));
  }

  #handleNode(node: Node): void {
    if (isInvalidNode(node)) this.#restartTasksOfNode(node.id);
  }

  #restartTasksOfNode(nodeId: string): void {
    for (const task of this.#store.view.tasksOfNode(nodeId)) {
      if (task.desiredState > TaskState.running) continue;
      const service = this.#store.view.service(task.serviceId);
      if (service !== undefined && isReplicated(service)) this.#tasksToRestart.add(task.id);
    }
  }

  #handleTask(task: Task): void {
    if (task.desiredState > TaskState.running || !this.#mustRestart(task)) return;
    const service = this.#store.view.service(task.serviceId);
    if (service !== undefined && isReplicated(service)) this.#tasksToRestart.add(task.id);
  }

  #mustRestart(task: Task): boolean {
    if (task.status.state > TaskState.running) return true;
    return task.nodeId !== '' && isInvalidNode(this.#store.view.node(task.nodeId));
  }

  #tick(): void {
    if (this.#tasksToRestart.size > 0) {
      const tasks = this.#tasksToRestart;
      this.#tasksToRestart = new Set();
      this.#store.update((tx) => {
        for (const id of tasks) this.#restartTask(tx, id);
      });
    }
    if (this.#servicesToReconcile.size > 0) {
      const services = this.#servicesToReconcile;
      this.#servicesToReconcile = new Set();
      for (const id of services) this.#store.update((tx) => this.#reconcile(tx, id));
    }
  }

  #restartTask(tx: Transaction, id: string): void {
    const task = tx.task(id);
    if (task === undefined || task.desiredState > TaskState.running) return;
    const service = tx.service(task.serviceId);
    if (service === undefined || !isReplicated(service)) return;
    this.#restarts.restart(tx, service, task);
  }

  #reconcile(tx: Transaction, serviceId: string): void {
    const service = tx.service(serviceId);
    if (service === undefined || !isReplicated(service)) return;
    const { running, dead } = this.#slotsOf(tx, service);
    const wantedCount = replicasOf(service);
    const slots = [...running.values()];
    if (wantedCount >= slots.length) {
      this.#updates.update(service, slots);
      this.#addTasks(tx, service, running, dead, wantedCount - slots.length);
      deleteTasks(tx, dead);
      return;
    }
    const ordered = orderForScaleDown(slots);
    this.#updates.update(service, ordered.slice(0, wantedCount));
    deleteTasks(tx, dead);
    for (const slot of ordered.slice(wantedCount)) {
      for (const task of slot) {
        const stored = tx.task(task.id);
        if (stored === undefined || stored.desiredState >= TaskState.remove) continue;
        tx.update('task', { ...stored, desiredState: TaskState.remove });
      }
    }
  }

  #slotsOf(tx: Transaction, service: Service): { running: Slots; dead: Slots } {
    const all: Slots = new Map();
    for (const task of tx.tasksOfService(service.id)) {
      const slot = all.get(task.slot);
      if (slot === undefined) all.set(task.slot, [task]);
      else slot.push(task);
    }
    const running: Slots = new Map();
    const dead: Slots = new Map();
    for (const [number, slot] of all) {
      const updatable = this.#restarts.updatableTasksOf(slot, service);
      if (updatable.length > 0) running.set(number, updatable);
      else dead.set(number, slot);
    }
    return { running, dead };
  }

  #addTasks(tx: Transaction, service: Service, running: Slots, dead: Slots, count: number): void {
    let slot = 0;
    for (let i = 0; i < count; i++) {
      do slot++;
      while (running.has(slot));
      dead.delete(slot);
      tx.create('task', newTask(this.#ids.next(), service, slot, '', this.#world.nowNs));
    }
  }
}

function isReplicated(service: Service): boolean {
  return service.spec.mode.kind === 'replicated';
}

function deleteTasks(tx: Transaction, slots: Slots): void {
  for (const slot of slots.values()) {
    for (const task of slot) if (tx.task(task.id) !== undefined) tx.remove('task', task);
  }
}

/**
 * The slots in the order in which they are kept when there are too many: running ones first, low
 * numbers first, and evened out over the nodes (`slotsByRunningState`, `slotsByIndex`).
 */
export function orderForScaleDown(slots: readonly Task[][]): Task[][] {
  const isRunning = (slot: readonly Task[]) =>
    slot.some((task) => task.status.state === TaskState.running);
  const byState = [...slots].sort((a, b) => {
    const difference = Number(isRunning(b)) - Number(isRunning(a));
    return difference !== 0 ? difference : a[0]!.slot - b[0]!.slot;
  });
  const countByNode = new Map<string, number>();
  const indexed = byState.map((slot) => {
    const nodeId = slot[0]!.nodeId;
    if (slot.length !== 1 || nodeId === '') return { slot, index: Number.POSITIVE_INFINITY };
    const index = (countByNode.get(nodeId) ?? 0) + 1;
    countByNode.set(nodeId, index);
    return { slot, index };
  });
  indexed.sort((a, b) => (a.index === b.index ? 0 : a.index - b.index));
  return indexed.map(({ slot }) => slot);
}
