/**
 * Rolling updates: replaces the tasks of a service whose spec has changed (swarmkit
 * `manager/orchestrator/update/updater.go`).
 *
 * `parallelism` workers take dirty slots in order; each replaces one, waits until the new task
 * runs, and rests for the delay. Failures of new tasks within the monitored span pause the update
 * or roll it back. The state of the update is in the service, so a new leader goes on with it.
 */
import { SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import { areEqual } from '../objects/equality.ts';
import type { IdSource } from '../objects/ids.ts';
import {
  FailureAction,
  isGlobalService,
  type Service,
  UpdateOrder,
  UpdateState,
  type UpdateStatus,
} from '../objects/service.ts';
import { type CompleteUpdateConfig, updateConfigOf } from '../objects/service-defaults.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';
import type { RestartSupervisor } from './restart-supervisor.ts';
import { isTaskDirty, newTask } from './task-factory.ts';

/** What updates need. */
export interface UpdaterParts {
  readonly world: World;
  readonly store: Store;
  readonly timers: TimerGroup;
  readonly ids: IdSource;
  readonly restarts: RestartSupervisor;
}

/** The updates of all services of one kind. */
export class UpdateSupervisor {
  readonly #parts: UpdaterParts;
  readonly #updates = new Map<string, ServiceUpdate>();

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
  }

  /** Brings slots up to date; an update towards another spec is cancelled. */
  update(service: Service, slots: readonly (readonly Task[])[]): void {
    const running = this.#updates.get(service.id);
    if (running !== undefined) {
      if (areEqual(running.service.spec, service.spec)) return;
      running.cancel();
      this.#updates.delete(service.id);
    }
    const update = new ServiceUpdate(this.#parts, service, () => {
      if (this.#updates.get(service.id) === update) this.#updates.delete(service.id);
    });
    this.#updates.set(service.id, update);
    update.run(slots);
  }

  /** The service is gone. */
  cancel(serviceId: string): void {
    this.#updates.get(serviceId)?.cancel();
    this.#updates.delete(serviceId);
  }

  /** Reacts to a commit: new tasks that run or fail. */
  onCommit(events: readonly StoreEvent[]): void {
    if (this.#updates.size === 0) return;
    for (const event of events) {
      if (event.table !== 'task' || event.action === 'create') continue;
      this.#updates.get(event.object.serviceId)?.onTask(event.object, event.action === 'remove');
    }
  }
}

/** A worker that waits for a new task to run. */
interface WaitingWorker {
  readonly done: (task: Task) => void;
}

/** One update of one service. */
class ServiceUpdate {
  readonly service: Service;
  readonly #parts: UpdaterParts;
  readonly #onEnd: () => void;
  readonly #config: CompleteUpdateConfig;
  readonly #isRollback: boolean;
  #dirtySlots: (readonly Task[])[] = [];
  #nextSlot = 0;
  #activeWorkerCount = 0;
  #isStopped = false;
  #isEnded = false;
  #failureCount = 0;
  #monitorTimer: Timer | undefined;
  readonly #failedTasks = new Set<string>();
  /** Tasks that this update made: when they were seen running, or 0 when not yet. */
  readonly #startedAtNs = new Map<string, number>();
  readonly #waiting = new Map<string, WaitingWorker>();

  constructor(parts: UpdaterParts, service: Service, onEnd: () => void) {
    this.#parts = parts;
    this.service = service;
    this.#onEnd = onEnd;
    this.#isRollback = service.updateStatus?.state === UpdateState.rollbackStarted;
    this.#config = updateConfigOf(this.#isRollback ? service.spec.rollback : service.spec.update);
  }

  run(slots: readonly (readonly Task[])[]): void {
    const state = this.service.updateStatus?.state;
    if (state === UpdateState.paused || state === UpdateState.rollbackPaused) {
      this.#end();
      return;
    }
    this.#dirtySlots = slots.filter((slot) => this.#isSlotDirty(slot));
    if (this.#dirtySlots.length === 0) {
      const isUnderWay = state === UpdateState.updating || this.#isRollback;
      if (isUnderWay) this.#complete();
      else this.#end();
      return;
    }
    if (this.service.updateStatus === undefined) this.#markStarted();
    this.#pump();
  }

  cancel(): void {
    this.#isStopped = true;
    this.#end();
  }

  onTask(task: Task, isGone: boolean): void {
    if (this.#isEnded) return;
    if (!isGone && task.status.state > TaskState.running) this.#onFailure(task);
    const waiting = this.#waiting.get(task.id);
    if (waiting === undefined || !(isGone || task.status.state >= TaskState.running)) return;
    this.#waiting.delete(task.id);
    if (!isGone) this.#startedAtNs.set(task.id, this.#parts.world.nowNs);
    waiting.done(task);
  }

  #isSlotDirty(slot: readonly Task[]): boolean {
    return slot.length > 1 || (slot.length === 1 && this.#isDirty(slot[0]!));
  }

  #isDirty(task: Task): boolean {
    return isTaskDirty(this.service, task, this.#parts.store.view.node(task.nodeId));
  }

  get #parallelism(): number {
    const { parallelism } = this.#config;
    return parallelism === 0 ? this.#dirtySlots.length : parallelism;
  }

  #pump(): void {
    while (
      !this.#isStopped &&
      this.#activeWorkerCount < this.#parallelism &&
      this.#nextSlot < this.#dirtySlots.length
    ) {
      const slot = this.#dirtySlots[this.#nextSlot++]!;
      this.#activeWorkerCount++;
      this.#work(slot, () => this.#afterSlot());
    }
    if (this.#activeWorkerCount > 0 || this.#isEnded) return;
    if (this.#isStopped) this.#end();
    else if (this.#monitorTimer === undefined) {
      this.#monitorTimer = this.#parts.timers.after(this.#monitorNs, () => this.#complete());
    }
  }

  #afterSlot(): void {
    const release = () => {
      this.#activeWorkerCount--;
      this.#pump();
    };
    if (this.#config.delayNs === 0) release();
    else this.#parts.timers.after(this.#config.delayNs, release);
  }

  get #monitorNs(): number {
    const { delayNs, monitorNs } = this.#config;
    return delayNs >= monitorNs ? delayNs + SECOND_NS : monitorNs;
  }

  #work(slot: readonly Task[], done: () => void): void {
    const clean = slot.filter((task) => !this.#isDirty(task));
    const existing =
      clean.find((task) => task.desiredState === TaskState.running) ??
      clean.find((task) => task.desiredState < TaskState.running);
    if (existing === undefined) this.#replace(slot, done);
    else this.#useExisting(slot, existing, done);
  }

  #useExisting(slot: readonly Task[], existing: Task, done: () => void): void {
    const others = slot.filter((task) => task !== existing);
    const { delayedStarts } = this.#parts.restarts;
    let removed: Task | undefined;
    this.#parts.store.update(
      (tx) => {
        removed = this.#removeOld(tx, others);
      },
      () => {
        if (existing.desiredState === TaskState.running) done();
        else delayedStarts.delay(existing.id, removed, 0, done);
      },
    );
  }

  #replace(slot: readonly Task[], done: () => void): void {
    const { ids, restarts, store, world } = this.#parts;
    const old = slot[0]!;
    const nodeId = isGlobalService(this.service) ? old.nodeId : '';
    const id = ids.next();
    const next = newTask(id, this.service, old.slot, nodeId, world.nowNs, TaskState.ready);
    const isStartFirst = this.#config.order === UpdateOrder.startFirst;
    this.#startedAtNs.set(id, 0);
    this.#waiting.set(id, {
      done: (task) => {
        if (isStartFirst && task.status.state === TaskState.running) {
          store.update((tx) => void this.#removeOld(tx, slot), done);
        } else {
          done();
        }
      },
    });
    let removed: Task | undefined;
    let isGone = false;
    store.update(
      (tx) => {
        if (this.#isEnded || tx.service(this.service.id) === undefined) {
          isGone = true;
          return;
        }
        tx.create('task', next);
        if (!isStartFirst) removed = this.#removeOld(tx, slot);
      },
      () => {
        if (!isGone) restarts.delayedStarts.delay(id, removed, 0);
      },
    );
  }

  #removeOld(tx: Transaction, tasks: readonly Task[]): Task | undefined {
    let removed: Task | undefined;
    for (const { id } of tasks) {
      const task = tx.task(id);
      if (task === undefined || task.desiredState > TaskState.running) continue;
      tx.update('task', { ...task, desiredState: TaskState.shutdown });
      removed = task;
    }
    return removed;
  }

  #onFailure(task: Task): void {
    const { failureAction, maxFailureRatio } = this.#config;
    const startedAtNs = this.#startedAtNs.get(task.id);
    if (failureAction === FailureAction.continue || startedAtNs === undefined) return;
    if (this.#isStopped || this.#failedTasks.has(task.id)) return;
    const ranNs = this.#parts.world.nowNs - startedAtNs;
    if (startedAtNs > 0 && ranNs > this.#monitorNs) return;
    this.#failedTasks.add(task.id);
    this.#failureCount++;
    if (this.#failureCount / this.#dirtySlots.length <= maxFailureRatio) return;
    this.#isStopped = true;
    this.#parts.timers.cancel(this.#monitorTimer);
    const cause = `due to failure or early termination of task ${task.id}`;
    if (this.#isRollback) this.#pause(`rollback paused ${cause}`);
    else if (failureAction === FailureAction.pause) this.#pause(`update paused ${cause}`);
    else this.#rollBack(`update rolled back ${cause}`);
    this.#pump();
  }

  #markStarted(): void {
    const { world } = this.#parts;
    this.#writeStatus((service) => {
      if (service.updateStatus !== undefined) return undefined;
      const updateStatus: UpdateStatus = {
        state: UpdateState.updating,
        startedAtNs: world.nowNs,
        completedAtNs: undefined,
        message: 'update in progress',
      };
      return { ...service, updateStatus };
    });
  }

  #pause(message: string): void {
    this.#writeStatus((service) => {
      const { updateStatus } = service;
      if (updateStatus === undefined) return undefined;
      const isRollback = updateStatus.state === UpdateState.rollbackStarted;
      const state = isRollback ? UpdateState.rollbackPaused : UpdateState.paused;
      return { ...service, updateStatus: { ...updateStatus, state, message } };
    });
  }

  #rollBack(message: string): void {
    this.#writeStatus((service) => {
      const { updateStatus, previousSpec } = service;
      if (updateStatus === undefined || previousSpec === undefined) return undefined;
      return {
        ...service,
        spec: previousSpec,
        specVersion: service.previousSpecVersion,
        previousSpec: undefined,
        previousSpecVersion: 0,
        updateStatus: { ...updateStatus, state: UpdateState.rollbackStarted, message },
      };
    });
  }

  #complete(): void {
    const { world } = this.#parts;
    this.#end();
    this.#writeStatus((service) => {
      const { updateStatus } = service;
      if (updateStatus === undefined) return undefined;
      const isRollback = updateStatus.state === UpdateState.rollbackStarted;
      return {
        ...service,
        updateStatus: {
          ...updateStatus,
          state: isRollback ? UpdateState.rollbackCompleted : UpdateState.completed,
          message: isRollback ? 'rollback completed' : 'update completed',
          completedAtNs: world.nowNs,
        },
      };
    });
  }

  #writeStatus(change: (service: Service) => Service | undefined): void {
    this.#parts.store.update((tx) => {
      const service = tx.service(this.service.id);
      const changed = service === undefined ? undefined : change(service);
      if (changed !== undefined) tx.update('service', changed);
    });
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#waiting.clear();
    this.#parts.timers.cancel(this.#monitorTimer);
    this.#onEnd();
  }
}
