/**
 * Task statuses on their way to the dispatcher: the newest one per task, one call at a time
 * (swarmkit `agent/reporter.go`).
 */
import type { TaskStatusUpdate } from '../api/dispatcher-messages.ts';
import type { Task, TaskStatus } from '../objects/task.ts';

/** The queue of one agent's reports. */
export class StatusReporter {
  readonly #queue = new Map<string, TaskStatus>();
  #inFlight: TaskStatusUpdate | undefined;

  /** Queues a task's status unless a later state waits already. */
  add(task: Task): void {
    const waiting = this.#queue.get(task.id);
    if (waiting !== undefined && waiting.state > task.status.state) return;
    this.#queue.set(task.id, task.status);
  }

  /** The next report to send; `undefined` when none waits or one is on its way. */
  take(): TaskStatusUpdate | undefined {
    if (this.#inFlight !== undefined) return undefined;
    for (const [taskId, status] of this.#queue) {
      this.#queue.delete(taskId);
      this.#inFlight = { taskId, status };
      return this.#inFlight;
    }
    return undefined;
  }

  /** The report on its way arrived. */
  succeed(): void {
    this.#inFlight = undefined;
  }

  /** The report on its way may not have arrived: it is queued again, if nothing newer is. */
  fail(): void {
    const lost = this.#inFlight;
    this.#inFlight = undefined;
    if (lost !== undefined && !this.#queue.has(lost.taskId)) {
      this.#queue.set(lost.taskId, lost.status);
    }
  }

  /** Forgets what waits; a new session reports everything anew. */
  clear(): void {
    this.#queue.clear();
    this.#inFlight = undefined;
  }
}
