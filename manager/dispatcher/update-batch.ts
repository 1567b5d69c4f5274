/**
 * Reports of agents on their way into the store: one transaction every 100 ms (swarmkit
 * `dispatcher.go`, `processUpdates`).
 */
import type { TaskStatusUpdate } from '../api/dispatcher-messages.ts';
import type { NodeDescription, NodeStatus } from '../objects/node.ts';
import type { TaskStatus } from '../objects/task.ts';
import type { Transaction } from '../store/transaction.ts';

interface NodeUpdate {
  readonly status: NodeStatus;
  readonly description: NodeDescription | undefined;
}

/** Node and task states that wait to be written. */
export class UpdateBatch {
  #nodes = new Map<string, NodeUpdate>();
  #tasks = new Map<string, TaskStatus>();

  /** How many items wait. */
  get size(): number {
    return this.#nodes.size + this.#tasks.size;
  }

  /** Queues a node's state; a description that waits already is kept when none is given. */
  addNode(nodeId: string, status: NodeStatus, description?: NodeDescription): void {
    const kept = description ?? this.#nodes.get(nodeId)?.description;
    this.#nodes.set(nodeId, { status, description: kept });
  }

  /** Queues a task's state; the newest one counts. */
  addTask({ taskId, status }: TaskStatusUpdate): void {
    this.#tasks.set(taskId, status);
  }

  /** Writes what waits; states that would go back are dropped. */
  write(tx: Transaction, appliedBy: string, nowNs: number): void {
    for (const [id, status] of this.#tasks) {
      const task = tx.task(id);
      if (task === undefined || task.status.state > status.state) continue;
      tx.update('task', { ...task, status: { ...status, appliedBy, appliedAtNs: nowNs } });
    }
    for (const [id, { status, description }] of this.#nodes) {
      const node = tx.node(id);
      if (node === undefined) continue;
      const address = status.address === '' ? node.status.address : status.address;
      tx.update('node', {
        ...node,
        status: { ...status, address },
        description: description ?? node.description,
      });
    }
    this.#nodes = new Map();
    this.#tasks = new Map();
  }
}
