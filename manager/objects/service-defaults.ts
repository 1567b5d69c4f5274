/**
 * Defaults of services and tasks (swarmkit `api/defaults/service.go`).
 */
import { SECOND_NS } from '../../sim/time.ts';
import { FailureAction, type UpdateConfig, UpdateOrder } from './service.ts';
import { RestartCondition, type RestartPolicy } from './task-spec.ts';

/** How long a container may take to stop before it is killed. */
export const DEFAULT_STOP_GRACE_PERIOD_NS = 10 * SECOND_NS;

/** Restart always, 5 s after the end, without limit. */
const DEFAULT_RESTART = {
  condition: RestartCondition.any,
  delayNs: 5 * SECOND_NS,
  maxAttempts: 0,
  windowNs: 0,
} as const;

/** One slot at a time, no delay, watched for 5 s, paused on the first failure. */
const DEFAULT_UPDATE = {
  parallelism: 1,
  delayNs: 0,
  failureAction: FailureAction.pause,
  monitorNs: 5 * SECOND_NS,
  maxFailureRatio: 0,
  order: UpdateOrder.stopFirst,
} as const;

/** A restart policy with nothing left open. */
export type CompleteRestartPolicy = {
  readonly [K in keyof RestartPolicy]-?: NonNullable<RestartPolicy[K]>;
};

/** An update configuration with nothing left open. */
export type CompleteUpdateConfig = {
  readonly [K in keyof UpdateConfig]-?: NonNullable<UpdateConfig[K]>;
};

/** The policy with swarmkit's defaults for what it leaves open. */
export function restartPolicyOf(policy: RestartPolicy | undefined): CompleteRestartPolicy {
  return {
    condition: policy?.condition ?? DEFAULT_RESTART.condition,
    delayNs: policy?.delayNs ?? DEFAULT_RESTART.delayNs,
    maxAttempts: policy?.maxAttempts ?? DEFAULT_RESTART.maxAttempts,
    windowNs: policy?.windowNs ?? DEFAULT_RESTART.windowNs,
  };
}

/** The update configuration with swarmkit's defaults for what it leaves open. */
export function updateConfigOf(config: UpdateConfig | undefined): CompleteUpdateConfig {
  return {
    parallelism: config?.parallelism ?? DEFAULT_UPDATE.parallelism,
    delayNs: config?.delayNs ?? DEFAULT_UPDATE.delayNs,
    failureAction: config?.failureAction ?? DEFAULT_UPDATE.failureAction,
    monitorNs: config?.monitorNs ?? DEFAULT_UPDATE.monitorNs,
    maxFailureRatio: config?.maxFailureRatio ?? DEFAULT_UPDATE.maxFailureRatio,
    order: config?.order ?? DEFAULT_UPDATE.order,
  };
}
