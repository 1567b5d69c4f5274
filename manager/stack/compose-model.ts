/**
 * A compose file as the manager understands it: validated, merged and with plain numbers.
 *
 * Reading YAML, interpolation and complaints with line and column belong to the scenario language;
 * it hands over this model. Field names are those of the Compose specification in camelCase, sizes
 * are in bytes, spans in ns. Absent fields mean Docker's defaults.
 */
import type { JsonValue, Labels } from '../objects/meta.ts';
import type { HealthConfig, Platform } from '../objects/task-spec.ts';

/** A published port. */
export interface ComposePort {
  readonly target: number;
  /** Absent or 0 asks for a dynamic port. */
  readonly published?: number | undefined;
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | undefined;
  readonly mode?: 'ingress' | 'host' | undefined;
}

/** A service's place on a network. */
export interface ComposeServiceNetwork {
  readonly aliases?: readonly string[] | undefined;
}

/** CPU as a number of CPUs, memory in bytes. */
export interface ComposeResources {
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
}

/** `deploy.restart_policy`. */
export interface ComposeRestartPolicy {
  readonly condition?: 'none' | 'on-failure' | 'any' | undefined;
  readonly delayNs?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly windowNs?: number | undefined;
}

/** `deploy.update_config` and `deploy.rollback_config`. */
export interface ComposeUpdateConfig {
  readonly parallelism?: number | undefined;
  readonly delayNs?: number | undefined;
  readonly failureAction?: 'pause' | 'continue' | 'rollback' | undefined;
  readonly monitorNs?: number | undefined;
  readonly maxFailureRatio?: number | undefined;
  readonly order?: 'stop-first' | 'start-first' | undefined;
}

/** `deploy`. */
export interface ComposeDeploy {
  readonly mode?: 'replicated' | 'global' | undefined;
  readonly replicas?: number | undefined;
  readonly endpointMode?: 'vip' | 'dnsrr' | undefined;
  readonly labels?: Labels | undefined;
  readonly constraints?: readonly string[] | undefined;
  /** Spread descriptors, outermost first. */
  readonly preferences?: readonly string[] | undefined;
  readonly maxReplicasPerNode?: number | undefined;
  readonly platforms?: readonly Platform[] | undefined;
  readonly limits?: ComposeResources | undefined;
  readonly reservations?: ComposeResources | undefined;
  readonly restartPolicy?: ComposeRestartPolicy | undefined;
  readonly updateConfig?: ComposeUpdateConfig | undefined;
  readonly rollbackConfig?: ComposeUpdateConfig | undefined;
}

/** One service of a compose file. */
export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  /** `NAME=value` entries. */
  readonly environment?: readonly string[] | undefined;
  readonly hostname?: string | undefined;
  /** Container labels. */
  readonly labels?: Labels | undefined;
  /** Ports as `80/tcp`. */
  readonly expose?: readonly string[] | undefined;
  readonly ports?: readonly ComposePort[] | undefined;
  /** Networks by their key in the file; absent means `default`. */
  readonly networks?: Readonly<Record<string, ComposeServiceNetwork>> | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  /** `name:address` entries. */
  readonly extraHosts?: readonly string[] | undefined;
  readonly sysctls?: Labels | undefined;
  readonly healthcheck?: HealthConfig | undefined;
  readonly stopSignal?: string | undefined;
  readonly stopGracePeriodNs?: number | undefined;
  readonly deploy?: ComposeDeploy | undefined;
  /** The service's `x-swarmlab` section, for the host that runs its containers. */
  readonly workload?: JsonValue | undefined;
}

/** One address range of a network. */
export interface ComposeIpamConfig {
  /** `10.1.0.0/24`. */
  readonly subnet: string;
  readonly gateway?: string | undefined;
  readonly ipRange?: string | undefined;
}

/** One network of a compose file. */
export interface ComposeNetwork {
  /** Its name when that is not `<stack>_<key>`. */
  readonly name?: string | undefined;
  /** True for a network that exists already. */
  readonly external?: boolean | undefined;
  readonly driver?: string | undefined;
  readonly driverOptions?: Labels | undefined;
  readonly attachable?: boolean | undefined;
  readonly internal?: boolean | undefined;
  readonly labels?: Labels | undefined;
  readonly ipam?: readonly ComposeIpamConfig[] | undefined;
}

/** A compose file. */
export interface ComposeModel {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks?: Readonly<Record<string, ComposeNetwork>> | undefined;
}
