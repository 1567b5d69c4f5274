/**
 * From a compose file to the objects of a swarm, as `docker stack deploy` does it (docker/cli
 * `cli/compose/convert`).
 *
 * Services and networks get the stack's name as a prefix and as a label; networks that no service
 * uses are not made; a service's networks are in the order of their full names.
 */
import { parseIpv4Address, parsePrefix } from '../../wire/addresses.ts';
import { EndpointMode, type PortConfig, PortProtocol, PublishMode } from '../objects/endpoint.ts';
import type { Labels } from '../objects/meta.ts';
import type { IpamConfig, NetworkAttachmentConfig, NetworkSpec } from '../objects/network.ts';
import {
  FailureAction,
  type ServiceMode,
  type ServiceSpec,
  type UpdateConfig,
  UpdateOrder,
} from '../objects/service.ts';
import {
  type ResourceRequirements,
  type Resources,
  RestartCondition,
  type RestartPolicy,
  type TaskSpec,
} from '../objects/task-spec.ts';
import type {
  ComposeDeploy,
  ComposeModel,
  ComposeNetwork,
  ComposePort,
  ComposeResources,
  ComposeRestartPolicy,
  ComposeService,
  ComposeUpdateConfig,
} from './compose-model.ts';

/** The label that says which stack an object belongs to. */
export const STACK_NAMESPACE_LABEL = 'com.docker.stack.namespace';
const STACK_IMAGE_LABEL = 'com.docker.stack.image';
const DEFAULT_NETWORK = 'default';
/** Networks of every node, on which there are no names (`NetworkMode.IsUserDefined`). */
const PREDEFINED_NETWORKS = ['bridge', 'host', 'none', 'default'];

/** What a stack consists of. */
export interface StackObjects {
  readonly networks: readonly NetworkSpec[];
  readonly services: readonly ServiceSpec[];
}

/** The name of a stack's object. */
function scopedName(stack: string, name: string): string {
  return `${stack}_${name}`;
}

/** The networks and services of a stack; services name their networks by name. */
export function convertStack(stack: string, model: ComposeModel): StackObjects {
  const networks: NetworkSpec[] = [];
  for (const key of usedNetworksOf(model)) {
    const network = model.networks?.[key];
    if (network?.external !== true) networks.push(networkSpecOf(stack, key, network ?? {}));
  }
  const services: ServiceSpec[] = [];
  for (const [name, service] of Object.entries(model.services)) {
    services.push(serviceSpecOf(stack, name, service, model));
  }
  return { networks, services };
}

/** The keys of the networks that services use, in the order of the file; `default` last. */
function usedNetworksOf(model: ComposeModel): string[] {
  const used = new Set<string>();
  for (const service of Object.values(model.services)) {
    for (const key of networkKeysOf(service)) used.add(key);
  }
  const declared = Object.keys(model.networks ?? {});
  const order = declared.includes(DEFAULT_NETWORK) ? declared : [...declared, DEFAULT_NETWORK];
  return order.filter((key) => used.has(key));
}

function networkKeysOf(service: ComposeService): string[] {
  const keys = Object.keys(service.networks ?? {});
  return keys.length === 0 ? [DEFAULT_NETWORK] : keys;
}

function networkNameOf(stack: string, key: string, network: ComposeNetwork | undefined): string {
  if (network?.name !== undefined) return network.name;
  return network?.external === true ? key : scopedName(stack, key);
}

function networkSpecOf(stack: string, key: string, network: ComposeNetwork): NetworkSpec {
  const configs: IpamConfig[] = [];
  for (const { subnet, gateway, ipRange } of network.ipam ?? []) {
    const prefix = parsePrefix(subnet);
    if (prefix === undefined) continue;
    configs.push({
      subnet: prefix,
      gateway: gateway === undefined ? undefined : parseIpv4Address(gateway),
      range: ipRange === undefined ? undefined : parsePrefix(ipRange),
    });
  }
  return {
    annotations: {
      name: networkNameOf(stack, key, network),
      labels: { ...network.labels, [STACK_NAMESPACE_LABEL]: stack },
    },
    driverConfig: { name: network.driver ?? 'overlay', options: network.driverOptions ?? {} },
    ipam: configs.length === 0 ? undefined : { driver: { name: 'default', options: {} }, configs },
    internal: network.internal ?? false,
    attachable: network.attachable ?? false,
    ingress: false,
  };
}

function serviceSpecOf(
  stack: string,
  name: string,
  service: ComposeService,
  model: ComposeModel,
): ServiceSpec {
  const deploy = service.deploy ?? {};
  const namespace: Labels = { [STACK_NAMESPACE_LABEL]: stack };
  return {
    annotations: {
      name: scopedName(stack, name),
      labels: { ...deploy.labels, [STACK_IMAGE_LABEL]: service.image, ...namespace },
    },
    task: taskSpecOf(stack, name, service, model),
    mode: modeOf(deploy),
    update: updateOf(deploy.updateConfig),
    rollback: updateOf(deploy.rollbackConfig),
    endpoint: {
      mode: deploy.endpointMode === 'dnsrr' ? EndpointMode.dnsrr : EndpointMode.vip,
      ports: (service.ports ?? []).map(portOf),
    },
  };
}

function taskSpecOf(
  stack: string,
  name: string,
  service: ComposeService,
  model: ComposeModel,
): TaskSpec {
  const deploy = service.deploy ?? {};
  const networks: NetworkAttachmentConfig[] = networkKeysOf(service).map((key) => {
    const target = networkNameOf(stack, key, model.networks?.[key]);
    const { aliases = [] } = service.networks?.[key] ?? {};
    return { target, aliases: PREDEFINED_NETWORKS.includes(target) ? aliases : [...aliases, name] };
  });
  networks.sort((a, b) => (a.target < b.target ? -1 : 1));
  return {
    container: {
      image: service.image,
      labels: { ...service.labels, [STACK_NAMESPACE_LABEL]: stack },
      command: service.entrypoint,
      args: service.command,
      hostname: service.hostname,
      env: service.environment,
      stopSignal: service.stopSignal,
      stopGracePeriodNs: service.stopGracePeriodNs,
      healthcheck: service.healthcheck,
      hosts: service.extraHosts?.map(hostsLineOf),
      dnsServers: service.dns,
      dnsSearch: service.dnsSearch,
      dnsOptions: service.dnsOptions,
      sysctls: service.sysctls,
      exposedPorts: service.expose,
      workload: service.workload,
    },
    resources: resourcesOf(deploy),
    restart: restartOf(deploy.restartPolicy),
    placement: {
      constraints: deploy.constraints,
      preferences: deploy.preferences,
      platforms: deploy.platforms,
      maxReplicas: deploy.maxReplicasPerNode,
    },
    networks,
  };
}

/** `name:address` of a compose file as the `/etc/hosts` line that swarmkit stores. */
function hostsLineOf(entry: string): string {
  const colon = entry.indexOf(':');
  return colon < 0 ? entry : `${entry.slice(colon + 1)} ${entry.slice(0, colon)}`;
}

function modeOf(deploy: ComposeDeploy): ServiceMode {
  if (deploy.mode === 'global') return { kind: 'global' };
  return { kind: 'replicated', replicas: deploy.replicas ?? 1 };
}

function portOf(port: ComposePort): PortConfig {
  return {
    name: '',
    protocol: PortProtocol[port.protocol ?? 'tcp'],
    targetPort: port.target,
    publishedPort: port.published ?? 0,
    publishMode: PublishMode[port.mode ?? 'ingress'],
  };
}

function resourcesOf(deploy: ComposeDeploy): ResourceRequirements | undefined {
  if (deploy.limits === undefined && deploy.reservations === undefined) return undefined;
  return { limits: amountOf(deploy.limits), reservations: amountOf(deploy.reservations) };
}

function amountOf(resources: ComposeResources | undefined): Resources | undefined {
  if (resources === undefined) return undefined;
  return {
    nanoCpus: Math.round((resources.cpus ?? 0) * 1e9),
    memoryBytes: resources.memoryBytes ?? 0,
  };
}

function restartOf(policy: ComposeRestartPolicy | undefined): RestartPolicy | undefined {
  if (policy === undefined) return undefined;
  const { condition, delayNs, maxAttempts, windowNs } = policy;
  return {
    condition: condition === undefined ? undefined : RESTART_CONDITIONS[condition],
    delayNs,
    maxAttempts,
    windowNs,
  };
}

const RESTART_CONDITIONS = {
  none: RestartCondition.none,
  'on-failure': RestartCondition.onFailure,
  any: RestartCondition.any,
} as const;

function updateOf(config: ComposeUpdateConfig | undefined): UpdateConfig | undefined {
  if (config === undefined) return undefined;
  const { delayNs, failureAction, maxFailureRatio, monitorNs, order, parallelism } = config;
  return {
    parallelism,
    delayNs,
    failureAction: failureAction === undefined ? undefined : FailureAction[failureAction],
    monitorNs,
    maxFailureRatio,
    order: order === 'start-first' ? UpdateOrder.startFirst : UpdateOrder.stopFirst,
  };
}
