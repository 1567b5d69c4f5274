/**
 * All tasks of one node (swarmkit `agent/worker.go`, `agent/storage.go`).
 *
 * Tasks and their statuses survive a crash of the process (upstream: a bolt database), so that they
 * are taken up where they were.
 */
import type { World } from '../../sim/world.ts';
import type { AssignmentChange } from '../api/dispatcher-messages.ts';
import type { Executor } from '../api/executor.ts';
import type { Task } from '../objects/task.ts';
import type { TimerGroup } from '../timer-group.ts';
import { type StatusReport, TaskManager } from './task-manager.ts';

/** What a node remembers of its tasks when its process is gone. */
export type StoredTasks = Map<string, Task>;

/** The tasks of one node while its process runs. */
export class Worker {
  readonly #world: World;
  readonly #timers: TimerGroup;
  readonly #executor: Executor;
  readonly #stored: StoredTasks;
  readonly #report: StatusReport;
  readonly #managers = new Map<string, TaskManager>();

  constructor(
    world: World,
    timers: TimerGroup,
    executor: Executor,
    stored: StoredTasks,
    report: StatusReport,
  ) {
    this.#world = world;
    this.#timers = timers;
    this.#executor = executor;
    this.#stored = stored;
    this.#report = report;
  }

  /** Takes up the tasks that the node remembers. */
  onStart(): void {
    for (const task of [...this.#stored.values()]) this.#startTask(task);
  }

  /** The newest known value of every task. */
  tasks(): Task[] {
    return [...this.#stored.values()];
  }

  /** Takes assignments; with a complete list, tasks that are not on it go. */
  assign(changes: readonly AssignmentChange[], isComplete: boolean): void {
    const listed = new Set<string>();
    for (const change of changes) {
      if (change.action === 'remove') {
        this.#remove(change.taskId);
        continue;
      }
      listed.add(change.task.id);
      this.#update(change.task);
    }
    if (!isComplete) return;
    for (const id of [...this.#stored.keys()]) if (!listed.has(id)) this.#remove(id);
  }

  #update(task: Task): void {
    const manager = this.#managers.get(task.id);
    if (manager === undefined) {
      this.#startTask(task);
      return;
    }
    this.#stored.set(task.id, { ...task, status: manager.task.status });
    manager.update(task);
  }

  #startTask(task: Task): void {
    const controller = this.#executor.controllerOf(task);
    this.#stored.set(task.id, task);
    const manager = new TaskManager(this.#world, this.#timers, controller, task, (changed) => {
      if (!this.#stored.has(changed.id)) return;
      this.#stored.set(changed.id, changed);
      this.#report(changed);
    });
    this.#managers.set(task.id, manager);
    manager.start();
  }

  #remove(taskId: string): void {
    this.#stored.delete(taskId);
    const manager = this.#managers.get(taskId);
    this.#managers.delete(taskId);
    manager?.close();
  }
}
