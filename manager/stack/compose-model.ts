/**
 * A stack file that was read: what `docker stack deploy` knows before it turns services and networks
 * into swarmkit's specs (docker/cli `cli/compose/types`: `Config`).
 *
 * Whoever reads the YAML has interpolated, merged and checked it; every value here is already in the
 * manager's own types (spans in ns, ports as `PortConfig`), so that the conversion only has to name
 * things after the stack and add labels and aliases. Order is the order of the file. Volumes,
 * secrets and configs are accepted by the reader and leave no trace, as nothing on the network
 * depends on them.
 */
import type { EndpointMode, PortConfig } from '../objects/endpoint.ts';
import type { JsonValue, Labels } from '../objects/meta.ts';
import type { Driver, IpamOptions } from '../objects/network.ts';
import type { ServiceMode, UpdateConfig } from '../objects/service.ts';
import type {
  HealthConfig,
  Placement,
  ResourceRequirements,
  RestartPolicy,
} from '../objects/task-spec.ts';

/** A service's place on one network of the stack. */
export interface ComposeAttachment {
  /** The key under `networks`; `default` when the service names no network. */
  readonly network: string;
  /** Without the service's own name, which every task answers to. */
  readonly aliases: readonly string[];
  readonly driverOptions: Labels;
}

/** One service of a stack file. */
export interface ComposeService {
  readonly image: string;
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[] | undefined;
  readonly hostname: string | undefined;
  /** `NAME=value` entries, sorted as docker/cli sorts them. */
  readonly environment: readonly string[];
  /** Labels of the containers. */
  readonly labels: Labels;
  /** Labels of the service (`deploy.labels`). */
  readonly serviceLabels: Labels;
  readonly endpointMode: EndpointMode;
  /** Ascending by published port. */
  readonly ports: readonly PortConfig[];
  /** What `expose` and the targets of `ports` say, as `80/tcp`, without repetition. */
  readonly exposedPorts: readonly string[];
  /** In the order of the file, never empty; docker/cli sorts the specs by the full name. */
  readonly networks: readonly ComposeAttachment[];
  readonly mode: ServiceMode;
  readonly update: UpdateConfig | undefined;
  readonly rollback: UpdateConfig | undefined;
  readonly restart: RestartPolicy | undefined;
  readonly placement: Placement | undefined;
  readonly resources: ResourceRequirements | undefined;
  /** `undefined` when the file says nothing; `['NONE']` when it disables the image's check. */
  readonly healthcheck: HealthConfig | undefined;
  readonly stopGracePeriodNs: number | undefined;
  readonly stopSignal: string | undefined;
  /** `/etc/hosts` lines, address first. */
  readonly hosts: readonly string[];
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly sysctls: Labels;
  /** The simulated program; `undefined` when the image decides. */
  readonly workload: JsonValue | undefined;
}

/** One network of a stack file. */
export interface ComposeNetwork {
  /** The full name when the file gives one; otherwise the stack's name goes before the key. */
  readonly name: string | undefined;
  /** Made by somebody else; the stack only attaches to it. */
  readonly isExternal: boolean;
  /** `undefined` means overlay. */
  readonly driver: Driver | undefined;
  readonly isAttachable: boolean;
  readonly isInternal: boolean;
  readonly ipam: IpamOptions | undefined;
  readonly labels: Labels;
}

/** A stack file. */
export interface ComposeModel {
  readonly services: Readonly<Record<string, ComposeService>>;
  /** Every network that a service is attached to, and those that are only declared. */
  readonly networks: Readonly<Record<string, ComposeNetwork>>;
}
