/**
 * When a container counts as started: at once, or with a health check at the first success of the
 * check (`daemon/health.go`: the first probe one interval after the start, or every start interval
 * within the start period).
 */

import type { HealthConfig } from '../../manager/objects/task-spec.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { HealthBehaviour } from './program.ts';

/** Docker's default interval between checks. */
const DEFAULT_HEALTH_INTERVAL_NS = 30 * SECOND_NS;
/** The interval within the start period. */
const DEFAULT_START_INTERVAL_NS = 5 * SECOND_NS;

/** From the start of the container until it counts as started; `undefined` when it never does. */
export function healthAfterNs(
  config: HealthConfig | undefined,
  { healthyAfterNs }: HealthBehaviour,
): number | undefined {
  if (!isChecked(config)) return 0;
  return healthyAfterNs === undefined ? undefined : firstProbeAfterNs(config, healthyAfterNs);
}

/** Docker's default number of failing checks in a row. */
const DEFAULT_HEALTH_RETRIES = 3;

/**
 * From the start of the container until its health check gives it up: the program fails from
 * some instant on, and so many checks in a row notice. `undefined` when that never happens.
 */
export function unhealthyAfterNs(
  config: HealthConfig | undefined,
  behaviour: HealthBehaviour,
): number | undefined {
  if (!isChecked(config)) return undefined;
  const { healthyAfterNs } = behaviour;
  const neverHealthyNs = healthyAfterNs === undefined ? (config.startPeriodNs ?? 0) : undefined;
  const failsAfterNs = neverHealthyNs ?? behaviour.failsAfterNs;
  if (failsAfterNs === undefined) return undefined;
  const retries = positive(config.retries, DEFAULT_HEALTH_RETRIES);
  const intervalNs = positive(config.intervalNs, DEFAULT_HEALTH_INTERVAL_NS);
  return firstProbeAfterNs(config, failsAfterNs) + (retries - 1) * intervalNs;
}

/** True when there is a check at all. */
export function isChecked(config: HealthConfig | undefined): config is HealthConfig {
  return config !== undefined && config.test.length > 0 && config.test[0] !== 'NONE';
}

/** The first probe at or after an instant, from the start of the container. */
function firstProbeAfterNs(config: HealthConfig, atNs: number): number {
  const intervalNs = positive(config.intervalNs, DEFAULT_HEALTH_INTERVAL_NS);
  const startPeriodNs = config.startPeriodNs ?? 0;
  const startIntervalNs = positive(config.startIntervalNs, DEFAULT_START_INTERVAL_NS);
  let probeNs = 0;
  do {
    probeNs += probeNs < startPeriodNs ? startIntervalNs : intervalNs;
  } while (probeNs < atNs);
  return probeNs;
}

function positive(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}
