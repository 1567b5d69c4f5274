/**
 * Tasks: one attempt to run one container of a service (swarmkit `api/objects.proto`: `Task`;
 * `types.proto`: `TaskStatus`, `ContainerStatus`).
 */
import type { Endpoint, PortConfig } from './endpoint.ts';
import { areEqual } from './equality.ts';
import type { Annotations, Meta } from './meta.ts';
import type { NetworkAttachment } from './network.ts';
import type { TaskSpec } from './task-spec.ts';
import { TaskState } from './task-state.ts';

/** What the executor knows about a task's container. */
export interface ContainerStatus {
  readonly containerId: string;
  readonly pid: number;
  readonly exitCode: number;
}

/** The observed state of a task. */
export interface TaskStatus {
  /** When the reporter (agent or manager) saw the state. */
  readonly timestampNs: number;
  readonly state: TaskState;
  readonly message: string;
  /** The error text; empty when there is none. */
  readonly err: string;
  readonly container: ContainerStatus | undefined;
  /** Host-mode ports that the container got. */
  readonly ports: readonly PortConfig[];
  /** The manager that wrote this status, and when; stamped by the dispatcher. */
  readonly appliedBy: string;
  readonly appliedAtNs: number;
}

/** One attempt to run one container of a service. */
export interface Task {
  readonly id: string;
  readonly meta: Meta;
  readonly spec: TaskSpec;
  /** The service's spec version from which this task was made. */
  readonly specVersion: number;
  readonly serviceId: string;
  /** 1 to N in a replicated service, 0 in a global one. */
  readonly slot: number;
  /** Empty until assigned. */
  readonly nodeId: string;
  readonly serviceAnnotations: Annotations;
  readonly status: TaskStatus;
  readonly desiredState: TaskState;
  readonly networks: readonly NetworkAttachment[];
  /** The service's endpoint as it was when the task was allocated. */
  readonly endpoint: Endpoint | undefined;
}

/** A status that a manager component writes. */
export function taskStatusOf(
  state: TaskState,
  message: string,
  nowNs: number,
  err = '',
): TaskStatus {
  return {
    timestampNs: nowNs,
    state,
    message,
    err,
    container: undefined,
    ports: [],
    appliedBy: '',
    appliedAtNs: 0,
  };
}

/** The task's name as Docker prints it: `web.2.<task id>`, or `web.<node id>.<task id>`. */
export function taskNameOf(task: Task): string {
  const place = task.slot > 0 ? String(task.slot) : task.nodeId;
  return `${task.serviceAnnotations.name}.${place}.${task.id}`;
}

/** True while a task counts as load of its node: its desired state is at most complete. */
export function isActiveTask(task: Task): boolean {
  return task.desiredState <= TaskState.complete;
}

/** True when nothing differs but status and meta (swarmkit `equality.TasksEqualStable`). */
export function areEqualStable(a: Task, b: Task): boolean {
  return (
    a.desiredState === b.desiredState &&
    a.nodeId === b.nodeId &&
    areEqual(a.spec, b.spec) &&
    areEqual(a.networks, b.networks) &&
    areEqual(a.endpoint, b.endpoint)
  );
}
