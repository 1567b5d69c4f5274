/**
 * What all orchestrators share: making tasks, judging them, and ending a service's tasks (swarmkit
 * `manager/orchestrator/task.go`, `slot.go`, `service.go`).
 */
import { DEFAULT_ENDPOINT_SPEC } from '../objects/endpoint.ts';
import { areEqual } from '../objects/equality.ts';
import { NO_META } from '../objects/meta.ts';
import { type Node, NodeAvailability, NodeState } from '../objects/node.ts';
import { isGlobalService, type Service } from '../objects/service.ts';
import { type Task, taskStatusOf } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import { nodeMatches } from '../scheduler/constraint.ts';
import type { Transaction } from '../store/transaction.ts';

/** A new task of a service: in a slot, or for a global service on a node. */
export function newTask(
  id: string,
  service: Service,
  slot: number,
  nodeId: string,
  nowNs: number,
  desiredState: TaskState = TaskState.running,
): Task {
  return {
    id,
    meta: NO_META,
    spec: service.spec.task,
    specVersion: service.specVersion,
    serviceId: service.id,
    slot,
    nodeId,
    serviceAnnotations: service.spec.annotations,
    status: taskStatusOf(TaskState.new, 'created', nowNs),
    desiredState,
    networks: [],
    endpoint: {
      spec: service.spec.endpoint ?? DEFAULT_ENDPOINT_SPEC,
      ports: [],
      virtualIps: [],
    },
  };
}

/** True for a node on which tasks must not stay: gone, down or drained. */
export function isInvalidNode(node: Node | undefined): boolean {
  return (
    node === undefined ||
    node.status.state === NodeState.down ||
    node.spec.availability === NodeAvailability.drain
  );
}

/** True when the task is not what the service's spec asks for now (`IsTaskDirty`). */
export function isTaskDirty(service: Service, task: Task, node: Node | undefined): boolean {
  if (service.specVersion === task.specVersion) return false;
  const wanted = service.spec.task;
  if (isPlacementOnly(service, task)) {
    if (node !== undefined && nodeMatches(wanted.placement?.constraints, node)) return false;
  }
  if (!areEqual(wanted, task.spec)) return true;
  if (task.endpoint === undefined) return false;
  return !areEqual(service.spec.endpoint ?? DEFAULT_ENDPOINT_SPEC, task.endpoint.spec);
}

function isPlacementOnly(service: Service, task: Task): boolean {
  const { placement } = service.spec.task;
  const adapted = { ...task.spec, placement };
  return areEqual(service.spec.task, adapted) && !areEqual(placement, task.spec.placement);
}

/** The service is gone: all its tasks are to be removed (`SetServiceTasksRemove`). */
export function removeTasksOfService(tx: Transaction, service: Service): void {
  for (const task of tx.tasksOfService(service.id)) {
    if (task.desiredState > TaskState.remove) continue;
    tx.update('task', { ...task, desiredState: TaskState.remove });
  }
}

/** What identifies a place of a service: a slot, or for a global service a node. */
export function placeKeyOf(service: Service, task: Task): string {
  return isGlobalService(service) ? `${service.id}/${task.nodeId}` : `${service.id}/${task.slot}`;
}

/** Later statuses first; the manager's time counts before the agent's (`TasksByTimestamp`). */
export function statusTimeOf(task: Task): number {
  return task.status.appliedAtNs > 0 ? task.status.appliedAtNs : task.status.timestampNs;
}
