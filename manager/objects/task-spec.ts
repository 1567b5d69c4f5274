/**
 * What a task should be: container, resources, restart policy, placement and networks (swarmkit
 * `api/specs.proto`: `TaskSpec`, `ContainerSpec`; `types.proto`: `RestartPolicy`, `Placement`).
 *
 * Absent fields mean swarmkit's defaults, which are in `service-defaults.ts`; a spec is stored as
 * the operator wrote it, and two specs are compared as they were written.
 */
import type { JsonValue, Labels } from './meta.ts';
import type { NetworkAttachmentConfig } from './network.ts';

/** When an ended task is replaced, with swarmkit's numbers. */
export const RestartCondition = { none: 0, onFailure: 1, any: 2 } as const;
/** One of {@link RestartCondition}. */
export type RestartCondition = (typeof RestartCondition)[keyof typeof RestartCondition];

/** How ended tasks are replaced. */
export interface RestartPolicy {
  readonly condition?: RestartCondition | undefined;
  readonly delayNs?: number | undefined;
  /** 0 means unlimited. */
  readonly maxAttempts?: number | undefined;
  /** Attempts count only within this span; 0 means for ever. */
  readonly windowNs?: number | undefined;
}

/** CPU in billionths, memory in bytes. */
export interface Resources {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

/** What a task may use at most and what is set aside for it. */
export interface ResourceRequirements {
  readonly limits?: Resources | undefined;
  readonly reservations?: Resources | undefined;
}

/** An operating system and architecture. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

/** Where tasks may run. */
export interface Placement {
  /** Expressions such as `node.role==manager`. */
  readonly constraints?: readonly string[] | undefined;
  /** Spread descriptors such as `node.labels.rack`, outermost first. */
  readonly preferences?: readonly string[] | undefined;
  readonly platforms?: readonly Platform[] | undefined;
  /** 0 means unlimited. */
  readonly maxReplicas?: number | undefined;
}

/** A container's health check; absent spans mean Docker's defaults (30 s, 30 s, 0, 3 retries). */
export interface HealthConfig {
  readonly test: readonly string[];
  readonly intervalNs?: number | undefined;
  readonly timeoutNs?: number | undefined;
  readonly startPeriodNs?: number | undefined;
  readonly startIntervalNs?: number | undefined;
  readonly retries?: number | undefined;
}

/** The container of a task. */
export interface ContainerSpec {
  readonly image: string;
  readonly labels?: Labels | undefined;
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly hostname?: string | undefined;
  /** `NAME=value` entries. */
  readonly env?: readonly string[] | undefined;
  readonly stopSignal?: string | undefined;
  readonly stopGracePeriodNs?: number | undefined;
  readonly healthcheck?: HealthConfig | undefined;
  /** `/etc/hosts` lines, address first. */
  readonly hosts?: readonly string[] | undefined;
  readonly dnsServers?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  readonly sysctls?: Labels | undefined;
  /** Ports that the image exposes (`80/tcp`), from the compose file. */
  readonly exposedPorts?: readonly string[] | undefined;
  /** The simulated program, as the `x-swarmlab` section gives it; read by the executor only. */
  readonly workload?: JsonValue | undefined;
}

/** What a task should be. */
export interface TaskSpec {
  readonly container: ContainerSpec;
  readonly resources?: ResourceRequirements | undefined;
  readonly restart?: RestartPolicy | undefined;
  readonly placement?: Placement | undefined;
  readonly networks?: readonly NetworkAttachmentConfig[] | undefined;
  readonly forceUpdate?: number | undefined;
}
