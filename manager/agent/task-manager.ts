/**
 * Drives one task through its states on its node (swarmkit `agent/task.go`, `agent/exec`'s `Do`).
 *
 * One operation of the controller runs at a time. A changed task cancels it; what was cancelled
 * or failed temporarily is tried again after 1 s, which is also how long it takes until a running
 * task's shutdown begins. ACCEPTED and READY are resting places: the task leaves them only when its
 * desired state is beyond.
 */
import { assert } from '../../sim/assert.ts';
import type { World } from '../../sim/world.ts';
import type { ControllerDone, ControllerError, TaskController } from '../api/executor.ts';
import { areEqualStable, type Task, type TaskStatus } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';
import { TASK_RETRY_NS } from './constants.ts';

/** Hears every change of the task's status. */
export type StatusReport = (task: Task) => void;

/** One task on its node. */
export class TaskManager {
  readonly #world: World;
  readonly #timers: TimerGroup;
  readonly #controller: TaskController;
  readonly #report: StatusReport;
  #task: Task;
  /** The operation under way, or 0; a callback of another one is stale. */
  #operation = 0;
  #operationCounter = 0;
  #isUpdated = false;
  #isClosed = false;
  #retryTimer: Timer | undefined;

  constructor(
    world: World,
    timers: TimerGroup,
    controller: TaskController,
    task: Task,
    report: StatusReport,
  ) {
    this.#world = world;
    this.#timers = timers;
    this.#controller = controller;
    this.#task = task;
    this.#report = report;
  }

  /** The task with the status that is known here. */
  get task(): Task {
    return this.#task;
  }

  /** Begins. */
  start(): void {
    this.#run();
  }

  /** Takes a new definition; the status known here stays. */
  update(task: Task): void {
    if (areEqualStable(task, this.#task) || task.desiredState < this.#task.desiredState) return;
    this.#task = { ...task, status: this.#task.status };
    this.#isUpdated = true;
    if (this.#operation === 0) {
      this.#run();
      return;
    }
    this.#cancelOperation();
    this.#retry();
  }

  /** The task is no longer assigned: stops what is under way and removes the container. */
  close(): void {
    this.#isClosed = true;
    this.#timers.cancel(this.#retryTimer);
    if (this.#operation !== 0) this.#cancelOperation();
    this.#controller.remove(() => {});
  }

  #cancelOperation(): void {
    this.#operation = 0;
    this.#controller.cancel();
  }

  #retry(): void {
    this.#timers.cancel(this.#retryTimer);
    this.#retryTimer = this.#timers.after(TASK_RETRY_NS, () => {
      if (this.#operation === 0) this.#run();
    });
  }

  /** Steps through states until an operation is under way or there is nothing to do. */
  #run(): void {
    if (this.#isClosed) return;
    this.#timers.cancel(this.#retryTimer);
    if (this.#isUpdated) {
      this.#isUpdated = false;
      this.#controller.update(this.#task);
    }
    while (this.#operation === 0 && !this.#isClosed && this.#step());
  }

  /** One step; true when the state changed at once and another step may follow. */
  #step(): boolean {
    const { desiredState, status } = this.#task;
    const { state } = status;
    if (desiredState >= TaskState.shutdown) {
      if (state >= TaskState.complete) return false;
      return this.#operate('shutdown', TaskState.shutdown, 'shutdown');
    }
    if (state > desiredState) return false;
    switch (state) {
      case TaskState.preparing:
        return this.#operate('prepare', TaskState.ready, 'prepared');
      case TaskState.starting:
        return this.#operate('start', TaskState.running, 'started');
      case TaskState.running:
        return this.#operate('wait', TaskState.complete, 'finished');
    }
    if (state >= desiredState) return false;
    switch (state) {
      case TaskState.new:
      case TaskState.pending:
      case TaskState.assigned:
        return this.#become(TaskState.accepted, 'accepted');
      case TaskState.accepted:
        return this.#become(TaskState.preparing, 'preparing');
      case TaskState.ready:
        return this.#become(TaskState.starting, 'starting');
      default:
        return false;
    }
  }

  /** Starts an operation; true when it ended at once and succeeded or failed for good. */
  #operate(
    name: 'prepare' | 'start' | 'wait' | 'shutdown',
    next: TaskState,
    message: string,
  ): boolean {
    const operation = ++this.#operationCounter;
    this.#operation = operation;
    let isInside = true;
    let isAgain = false;
    const done: ControllerDone = (error) => {
      if (this.#operation !== operation || this.#isClosed) return;
      this.#operation = 0;
      isAgain = this.#finish(error, next, message);
      if (isAgain && !isInside) this.#run();
    };
    this.#controller[name](done);
    isInside = false;
    return isAgain;
  }

  #finish(error: ControllerError | undefined, next: TaskState, message: string): boolean {
    if (error === undefined) return this.#become(next, message);
    if (error.isTemporary) {
      this.#retry();
      return false;
    }
    const { status } = this.#task;
    const hasStarted = status.state >= TaskState.starting;
    const state = hasStarted ? TaskState.failed : TaskState.rejected;
    return this.#become(state, status.message, error.message);
  }

  #become(state: TaskState, message: string, err = ''): boolean {
    assert(state > this.#task.status.state, 'task state went back');
    const isActive = state >= TaskState.starting;
    const status: TaskStatus = {
      ...this.#task.status,
      timestampNs: this.#world.nowNs,
      state,
      message,
      err,
      container: isActive ? this.#controller.containerStatus() : undefined,
    };
    this.#task = { ...this.#task, status };
    this.#report(this.#task);
    return true;
  }
}
