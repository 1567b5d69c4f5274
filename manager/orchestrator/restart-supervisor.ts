/**
 * Replaces tasks that have ended or lost their node, as the restart policy says (swarmkit
 * `manager/orchestrator/restart/restart.go`).
 *
 * Nothing of it is stored: a new leader rebuilds the history of restarts from the tasks.
 */
import type { World } from '../../sim/world.ts';
import type { IdSource } from '../objects/ids.ts';
import { NodeAvailability, NodeState } from '../objects/node.ts';
import { isGlobalService, type Service, UpdateState } from '../objects/service.ts';
import { restartPolicyOf } from '../objects/service-defaults.ts';
import type { Task } from '../objects/task.ts';
import { RestartCondition } from '../objects/task-spec.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import type { TimerGroup } from '../timer-group.ts';
import { DelayedStarts } from './delayed-start.ts';
import { newTask, placeKeyOf, statusTimeOf } from './task-factory.ts';

interface RestartHistory {
  specVersion: number;
  totalRestartCount: number;
  /** When the restarted tasks were made; kept only when the policy has a window. */
  restartsAtNs: number[];
}

/** Restarts tasks of one kind of service. */
export class RestartSupervisor {
  readonly #world: World;
  readonly #store: Store;
  readonly #ids: IdSource;
  readonly delayedStarts: DelayedStarts;
  readonly #history = new Map<string, Map<string, RestartHistory>>();

  constructor(world: World, store: Store, timers: TimerGroup, ids: IdSource) {
    this.#world = world;
    this.#store = store;
    this.#ids = ids;
    this.delayedStarts = new DelayedStarts(store, timers);
  }

  /** Reacts to a commit: old tasks that stop, nodes that go down. */
  onCommit(events: readonly StoreEvent[]): void {
    this.delayedStarts.onCommit(events);
  }

  /**
   * Ends a task and, if the policy says so, makes its successor, which starts after the restart
   * delay. Must be called at most once per task; a task that still waits for its own start is
   * restarted after that.
   */
  restart(tx: Transaction, service: Service, task: Task): void {
    if (this.delayedStarts.isWaiting(task.id)) {
      this.delayedStarts.onceStarted(task.id, () => this.#restartLater(task.id));
      return;
    }
    if (task.desiredState > TaskState.complete) return;
    tx.update('task', { ...task, desiredState: TaskState.shutdown });
    if (!this.shouldRestart(task, service)) return;
    const isGlobal = isGlobalService(service);
    const successor = newTask(
      this.#ids.next(),
      service,
      isGlobal ? 0 : task.slot,
      isGlobal ? task.nodeId : '',
      this.#world.nowNs,
      TaskState.ready,
    );
    tx.create('task', successor);
    this.recordRestart(service, successor, this.#world.nowNs);
    const node = tx.node(task.nodeId);
    const isDrained = node?.spec.availability === NodeAvailability.drain;
    const delayNs = isDrained ? 0 : restartPolicyOf(task.spec.restart).delayNs;
    const isOver = node?.status.state === NodeState.down || task.status.state > TaskState.running;
    this.delayedStarts.delay(successor.id, isOver ? undefined : task, delayNs);
  }

  /** True when the task's policy asks for a successor. */
  shouldRestart(task: Task, service: Service): boolean {
    const policy = restartPolicyOf(task.spec.restart);
    if (policy.condition === RestartCondition.none) return false;
    if (
      policy.condition === RestartCondition.onFailure &&
      task.status.state === TaskState.complete
    ) {
      return false;
    }
    if (policy.maxAttempts === 0) return true;
    const history = this.#history.get(service.id)?.get(placeKeyOf(service, task));
    if (history === undefined || history.specVersion !== task.specVersion) return true;
    if (policy.windowNs === 0) return history.totalRestartCount < policy.maxAttempts;
    const sinceNs = statusTimeOf(task) - policy.windowNs;
    history.restartsAtNs = history.restartsAtNs.filter((atNs) => atNs >= sinceNs);
    const count = history.restartsAtNs.filter((atNs) => atNs <= statusTimeOf(task)).length;
    return count < policy.maxAttempts;
  }

  /** The tasks of a slot that an update may touch; empty for a dead slot. */
  updatableTasksOf(slot: readonly Task[], service: Service): Task[] {
    const wanted = slot.filter((task) => task.desiredState <= TaskState.running);
    if (wanted.length > 0 || slot.length === 0) return wanted;
    if (service.updateStatus?.state === UpdateState.rollbackStarted) return [];
    let newest = slot[0]!;
    for (const task of slot) if (statusTimeOf(task) > statusTimeOf(newest)) newest = task;
    return this.shouldRestart(newest, service) ? [] : [newest];
  }

  /** Counts a restart of a place; history starts anew with a new spec version. */
  recordRestart(service: Service, successor: Task, atNs: number): void {
    const policy = restartPolicyOf(successor.spec.restart);
    if (policy.maxAttempts === 0) return;
    const key = placeKeyOf(service, successor);
    let places = this.#history.get(service.id);
    if (places === undefined) {
      places = new Map();
      this.#history.set(service.id, places);
    }
    let history = places.get(key);
    if (history === undefined || history.specVersion !== successor.specVersion) {
      history = {
        specVersion: successor.specVersion,
        totalRestartCount: 0,
        restartsAtNs: [],
      };
      places.set(key, history);
    }
    history.totalRestartCount++;
    if (policy.windowNs > 0) history.restartsAtNs.push(atNs);
  }

  /** Forgets a service that is gone. */
  clearHistory(serviceId: string): void {
    this.#history.delete(serviceId);
  }

  #restartLater(taskId: string): void {
    this.#store.update((tx) => {
      const task = tx.task(taskId);
      const service = task === undefined ? undefined : tx.service(task.serviceId);
      if (task === undefined || service === undefined) return;
      if (task.desiredState <= TaskState.running) this.restart(tx, service, task);
    });
  }
}
