/**
 * What a service spec must be to be accepted (swarmkit `manager/controlapi/service.go`).
 */
import { EndpointMode, type PortConfig, PublishMode } from '../objects/endpoint.ts';
import { isIngressNetwork, type NetworkAttachmentConfig } from '../objects/network.ts';
import type { Service, ServiceSpec, UpdateConfig } from '../objects/service.ts';
import type { Resources } from '../objects/task-spec.ts';
import { parseConstraint } from '../scheduler/constraint.ts';
import type { StoreReader } from '../store/tables.ts';
import { type Refusal, refused } from './result.ts';

const DNS_NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const NAME_LENGTH_MAX = 63;
const NANO_CPUS_MIN = 1_000_000;
const MEMORY_BYTES_MIN = 4 * 1024 * 1024;

/** Why the spec is refused, or `undefined`. */
export function refusalOfServiceSpec(spec: ServiceSpec): Refusal | undefined {
  const text =
    nameFault(spec.annotations.name) ??
    taskFault(spec) ??
    updateFault(spec.update) ??
    updateFault(spec.rollback) ??
    endpointFault(spec);
  return text === undefined ? undefined : { code: 'InvalidArgument', message: text };
}

/** What is wrong with an object's name, or `undefined`. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'meta: name must be provided';
  if (name.length > NAME_LENGTH_MAX) return 'name must be 63 characters or fewer';
  return DNS_NAME.test(name) ? undefined : 'name must be valid as a DNS name component';
}

function taskFault({ task }: ServiceSpec): string | undefined {
  if (task.container.image === '') return 'ContainerSpec: image reference must be provided';
  const resources =
    resourceFault(task.resources?.limits) ?? resourceFault(task.resources?.reservations);
  if (resources !== undefined) return resources;
  if ((task.restart?.delayNs ?? 0) < 0) return 'TaskSpec: restart-delay cannot be negative';
  if ((task.restart?.windowNs ?? 0) < 0) return 'TaskSpec: restart-window cannot be negative';
  for (const expression of task.placement?.constraints ?? []) {
    const parsed = parseConstraint(expression);
    if (typeof parsed === 'string') return parsed;
  }
  return undefined;
}

function resourceFault(resources: Resources | undefined): string | undefined {
  if (resources === undefined) return undefined;
  const { nanoCpus, memoryBytes } = resources;
  if (nanoCpus !== 0 && nanoCpus < NANO_CPUS_MIN) {
    return `invalid cpu value ${nanoCpus / 1e9}: Must be at least 0.001`;
  }
  if (memoryBytes !== 0 && memoryBytes < MEMORY_BYTES_MIN) {
    return `invalid memory value ${memoryBytes}: Must be at least 4MiB`;
  }
  return undefined;
}

function updateFault(update: UpdateConfig | undefined): string | undefined {
  if ((update?.delayNs ?? 0) < 0) return 'TaskSpec: update-delay cannot be negative';
  if ((update?.monitorNs ?? 0) < 0) return 'TaskSpec: update-monitor cannot be negative';
  const ratio = update?.maxFailureRatio ?? 0;
  if (ratio < 0 || ratio > 1) {
    return 'TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1';
  }
  return undefined;
}

function endpointFault({ endpoint }: ServiceSpec): string | undefined {
  const ports = endpoint?.ports ?? [];
  const seen = new Set<string>();
  for (const port of ports) {
    if (endpoint!.mode === EndpointMode.dnsrr && port.publishMode === PublishMode.ingress) {
      return "EndpointSpec: port published with ingress mode can't be used with dnsrr mode";
    }
    if (port.publishedPort === 0) continue;
    const key = `${port.protocol}/${port.publishedPort}`;
    if (seen.has(key)) return 'EndpointSpec: duplicate published ports provided';
    seen.add(key);
  }
  return undefined;
}

/** Why a service's ports cannot be published, because of other services; or `undefined`. */
export function portConflict(
  spec: ServiceSpec,
  ownId: string,
  reader: StoreReader,
): Refusal | undefined {
  for (const wanted of spec.endpoint?.ports ?? []) {
    if (wanted.publishedPort === 0) continue;
    for (const service of reader.services()) {
      if (service.id === ownId) continue;
      const taken = portsOf(service).find((port) => isConflict(wanted, port));
      if (taken === undefined) continue;
      const { name } = service.spec.annotations;
      const isHost = taken.publishMode === PublishMode.host;
      const how = isHost ? 'a host-published port' : 'an ingress port';
      const message = `port '${wanted.publishedPort}' is already in use by service '${name}' (${service.id}) as ${how}`;
      return { code: 'InvalidArgument', message };
    }
  }
  return undefined;
}

function portsOf(service: Service): PortConfig[] {
  return [...(service.spec.endpoint?.ports ?? []), ...(service.endpoint?.ports ?? [])];
}

function isConflict(wanted: PortConfig, port: PortConfig): boolean {
  if (port.publishedPort !== wanted.publishedPort || port.protocol !== wanted.protocol)
    return false;
  return port.publishMode === PublishMode.ingress || wanted.publishMode === PublishMode.ingress;
}

/** The attachments with ids in place of names, or why a network cannot be used. */
export function resolveNetworks(
  configs: readonly NetworkAttachmentConfig[],
  reader: StoreReader,
): NetworkAttachmentConfig[] | Refusal {
  const resolved: NetworkAttachmentConfig[] = [];
  for (const config of configs) {
    const network = reader.network(config.target) ?? reader.networkByName(config.target);
    if (network === undefined) {
      return refused('NotFound', `network ${config.target} not found`).refusal;
    }
    if (isIngressNetwork(network)) {
      const { name } = network.spec.annotations;
      const message = `Service cannot be explicitly attached to the ingress network "${name}"`;
      return refused('InvalidArgument', message).refusal;
    }
    resolved.push({ ...config, target: network.id });
  }
  return resolved;
}
