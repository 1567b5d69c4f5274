/**
 * Services and the state of their updates (swarmkit `api/objects.proto` and `specs.proto`:
 * `Service`, `ServiceSpec`, `UpdateConfig`; `types.proto`: `UpdateStatus`).
 */
import type { Endpoint, EndpointSpec } from './endpoint.ts';
import type { Annotations, Meta } from './meta.ts';
import type { TaskSpec } from './task-spec.ts';

/** What an update does when a task of it fails, with swarmkit's numbers. */
export const FailureAction = { pause: 0, continue: 1, rollback: 2 } as const;
/** One of {@link FailureAction}. */
export type FailureAction = (typeof FailureAction)[keyof typeof FailureAction];

/** Whether the old task stops before the new one starts, with swarmkit's numbers. */
export const UpdateOrder = { stopFirst: 0, startFirst: 1 } as const;
/** One of {@link UpdateOrder}. */
export type UpdateOrder = (typeof UpdateOrder)[keyof typeof UpdateOrder];

/** How tasks are replaced when the spec changes; absent fields mean swarmkit's defaults. */
export interface UpdateConfig {
  /** How many slots at once; 0 means all. */
  readonly parallelism?: number | undefined;
  readonly delayNs?: number | undefined;
  readonly failureAction?: FailureAction | undefined;
  readonly monitorNs?: number | undefined;
  readonly maxFailureRatio?: number | undefined;
  readonly order?: UpdateOrder | undefined;
}

/** How many tasks a service has. */
export type ServiceMode =
  | { readonly kind: 'replicated'; readonly replicas: number }
  | { readonly kind: 'global' };

/** What an operator asks of a service. */
export interface ServiceSpec {
  readonly annotations: Annotations;
  readonly task: TaskSpec;
  readonly mode: ServiceMode;
  readonly update?: UpdateConfig | undefined;
  readonly rollback?: UpdateConfig | undefined;
  readonly endpoint?: EndpointSpec | undefined;
}

/** How far an update has come, with swarmkit's numbers. */
export const UpdateState = {
  unknown: 0,
  updating: 1,
  paused: 2,
  completed: 3,
  rollbackStarted: 4,
  rollbackPaused: 5,
  rollbackCompleted: 6,
} as const;
/** One of {@link UpdateState}. */
export type UpdateState = (typeof UpdateState)[keyof typeof UpdateState];

/** The state of a service's update. */
export interface UpdateStatus {
  readonly state: UpdateState;
  readonly startedAtNs: number;
  readonly completedAtNs: number | undefined;
  readonly message: string;
}

/** A service of the cluster. */
export interface Service {
  readonly id: string;
  readonly meta: Meta;
  readonly spec: ServiceSpec;
  /** Changes whenever the task spec does; tasks carry the version that they were made from. */
  readonly specVersion: number;
  readonly previousSpec: ServiceSpec | undefined;
  readonly previousSpecVersion: number;
  /** `undefined` until allocated. */
  readonly endpoint: Endpoint | undefined;
  readonly updateStatus: UpdateStatus | undefined;
}

/** True for a service with one task per node. */
export function isGlobalService(service: Service): boolean {
  return service.spec.mode.kind === 'global';
}

/** The replicas of a replicated service; 0 for a global one. */
export function replicasOf(service: Service): number {
  return service.spec.mode.kind === 'replicated' ? service.spec.mode.replicas : 0;
}
