/**
 * What one node was told to run: the difference to the store becomes the next message (swarmkit
 * `manager/dispatcher/assignments.go`).
 */
import type { AssignmentChange } from '../api/dispatcher-messages.ts';
import { areEqualStable, type Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';

/** The assignments of one node's stream. */
export class AssignmentSet {
  readonly #tasks = new Map<string, Task>();
  #changes = new Map<string, AssignmentChange>();

  /** Takes a task's new value; true when the agent must hear of it. */
  addOrUpdate(task: Task): boolean {
    if (task.status.state < TaskState.assigned) return false;
    const old = this.#tasks.get(task.id);
    this.#tasks.set(task.id, task);
    const isUnchanged = old !== undefined && areEqualStable(old, task);
    if (isUnchanged && task.status.state > TaskState.assigned) return false;
    this.#changes.set(task.id, { action: 'update', task });
    return true;
  }

  /** Takes a task out that is no longer in the store; true when the agent must hear of it. */
  remove(taskId: string): boolean {
    if (!this.#tasks.delete(taskId)) return false;
    this.#changes.set(taskId, { action: 'remove', taskId });
    return true;
  }

  /** The changes since the last call. */
  takeChanges(): AssignmentChange[] {
    const changes = [...this.#changes.values()];
    this.#changes = new Map();
    return changes;
  }
}
