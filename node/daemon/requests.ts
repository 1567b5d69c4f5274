/**
 * What people ask dockerd for: a network, a container, a container's place on a network. The fields
 * are those of the Engine API's create bodies that touch the network, under readable names.
 */
import type { HealthConfig } from '../../manager/objects/task-spec.ts';
import type { Ipv4Address, Mac } from '../../wire/addresses.ts';
import type { IpAddress, IpPrefix } from '../../wire/ip-address.ts';
import type { ProgramSpec } from '../workload/program.ts';
import type { RestartPolicy } from './restart-policy.ts';

/** Transport protocols that ports are published for. */
export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** One subnet of a network's `IPAM.Config`, as the user gave it. */
export interface IpamConfig {
  readonly subnet?: IpPrefix;
  /** Only addresses of this part are handed out by themselves. */
  readonly range?: IpPrefix;
  readonly gateway?: IpAddress;
  /** Addresses that nobody gets, by name. */
  readonly auxiliary?: ReadonlyMap<string, IpAddress>;
}

/** `docker network create`. */
export interface NetworkRequest {
  readonly name: string;
  readonly driver: string;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly ipam: readonly IpamConfig[];
  /** `--scope swarm`, as overlays are by themselves: the managers' business. */
  readonly isOfSwarm?: boolean;
  /** `--ipv6` */
  readonly isIpv6?: boolean;
  /** `--config-only`: it is there for others to be made of. */
  readonly isConfigOnly?: boolean;
  /** `--config-from`: the network whose configuration it gets. */
  readonly configFrom?: string | undefined;
  /** Who manages its addresses; `default` unless given. */
  readonly ipamDriver?: string;
  /** `--ipam-opt` */
  readonly ipamOptions?: ReadonlyMap<string, string>;
}

/** A port inside a container. */
export interface ContainerPort {
  readonly port: number;
  readonly protocol: PortProtocol;
}

/** One `-p`: where a container's port can be reached from outside. */
export interface PortBinding extends ContainerPort {
  /** Empty for every address of the host. */
  readonly hostAddress: string;
  /** First and last host port to choose from; both 0 for any free one. */
  readonly hostPorts: readonly [first: number, last: number];
}

/** A container's place on a network (`EndpointSettings`). */
export interface EndpointRequest {
  readonly address?: Ipv4Address;
  /** `--ip6` */
  readonly address6?: IpAddress;
  readonly mac?: Mac;
  readonly aliases: readonly string[];
  /** `container:alias`, for the linking container's own look-ups on a user network. */
  readonly links: readonly string[];
  /** `gw-priority` (28 and later). */
  readonly gatewayPriority: number;
  /** `driver-opt` */
  readonly driverOptions?: ReadonlyMap<string, string>;
}

/** Options of a place on a network: its interface's name, and sysctls of it (`netlabel/labels.go`). */
export const EndpointOption = {
  interfaceName: 'com.docker.network.endpoint.ifname',
  sysctls: 'com.docker.network.endpoint.sysctls',
} as const;

/** A place on a network without wishes. */
export const PLAIN_ENDPOINT: EndpointRequest = { aliases: [], links: [], gatewayPriority: 0 };

/** Instead of an address in `extraHosts`: the host's own, as containers see it. */
export const HOST_GATEWAY = 'host-gateway';

/** `docker create`. */
export interface ContainerRequest {
  /** Empty lets dockerd make one up. */
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  /** Empty for the first twelve digits of the id. */
  readonly hostname: string;
  readonly domainName: string;
  /** `default`, `bridge`, `host`, `none`, `container:<name>` or the name of a network. */
  readonly networkMode: string;
  /** Places on networks by name; the network mode's own first. */
  readonly endpoints: ReadonlyMap<string, EndpointRequest>;
  readonly bindings: readonly PortBinding[];
  readonly exposed: readonly ContainerPort[];
  readonly publishesAll: boolean;
  /** `container:alias` on the default bridge. */
  readonly links: readonly string[];
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly environment: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly sysctls: ReadonlyMap<string, string>;
  /** `--mac-address`. */
  readonly mac?: Mac;
  readonly isAutoRemoved: boolean;
  readonly restartPolicy: RestartPolicy;
  readonly healthcheck?: HealthConfig | undefined;
  /** How long it may take to end before it is killed; 10 s unless given. */
  readonly stopGraceNs?: number | undefined;
  /** What its process does, where somebody says so; otherwise its image is asked. */
  readonly program?: ProgramSpec;
}

/** `80/tcp`. */
export function portText({ port, protocol }: ContainerPort): string {
  return `${port}/${protocol}`;
}
