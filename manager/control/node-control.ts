/**
 * Admitting, changing and removing nodes (swarmkit `manager/controlapi/node.go`, `ca/server.go`).
 */
import type { Labels } from '../objects/meta.ts';
import {
  type Node,
  NodeAvailability,
  NodeRole,
  type NodeSpec,
  NodeState,
} from '../objects/node.ts';
import { TaskState } from '../objects/task-state.ts';
import type { Transaction } from '../store/transaction.ts';
import { newNode } from './node-admission.ts';
import { accepted, type Reply, type Result, refused } from './result.ts';
import { type ControlParts, write } from './service-control.ts';

/** What a joining machine brings. */
export interface Admission {
  /** The id that the node directory made for it. */
  readonly nodeId: string;
  readonly role: NodeRole;
  readonly availability?: NodeAvailability | undefined;
  readonly labels?: Labels | undefined;
}

/** Creates the node object of a joining machine; it becomes ready when its agent registers. */
export function admitNode(parts: ControlParts, admission: Admission, reply: Reply<Node>): void {
  const { nodeId, role, availability = NodeAvailability.active, labels = {} } = admission;
  const node = newNode(nodeId, role, availability, labels);
  write(parts, (tx) => accepted(tx.create('node', node)), reply);
}

/** Changes a node's spec; the parts that `change` leaves out stay. */
export function updateNode(
  parts: ControlParts,
  id: string,
  version: number | undefined,
  change: Partial<NodeSpec>,
  reply: Reply<Node>,
): void {
  write(
    parts,
    (tx) => {
      const node = tx.node(id);
      if (node === undefined) return refused('NotFound', `node ${id} not found`);
      if (version !== undefined && version !== node.meta.version) {
        return refused('Unknown', 'update out of sequence');
      }
      const isDemotion = node.spec.role === NodeRole.manager && change.role === NodeRole.worker;
      const managers = [...tx.nodes()].filter(({ role }) => role === NodeRole.manager);
      if (isDemotion && managers.length === 1 && managers[0]!.id === id) {
        return refused('FailedPrecondition', 'attempting to demote the last manager of the swarm');
      }
      return accepted(tx.update('node', { ...node, spec: { ...node.spec, ...change } }));
    },
    reply,
  );
}

/** Removes a node that is down (or any worker, with `isForced`); its tasks are orphaned. */
export function removeNode(
  parts: ControlParts,
  id: string,
  isForced: boolean,
  reply: Reply<Node>,
): void {
  write(parts, (tx) => removed(tx, id, isForced, parts.world.nowNs), reply);
}

function removed(tx: Transaction, id: string, isForced: boolean, nowNs: number): Result<Node> {
  const node = tx.node(id);
  if (node === undefined) return refused('NotFound', `node ${id} not found`);
  if (node.role === NodeRole.manager) {
    const message =
      `node ${id} is a cluster manager and is a member of the raft cluster. ` +
      'It must be demoted to worker before removal';
    return refused('FailedPrecondition', message);
  }
  if (!isForced && node.status.state === NodeState.ready) {
    return refused('FailedPrecondition', `node ${id} is not down and can't be removed`);
  }
  for (const task of tx.tasksOfNode(id)) {
    if (task.status.state >= TaskState.complete) continue;
    const status = {
      ...task.status,
      state: TaskState.orphaned,
      message: 'Task belonged to a node that has been deleted',
      timestampNs: nowNs,
    };
    tx.update('task', { ...task, status });
  }
  tx.remove('node', node);
  return accepted(node);
}
