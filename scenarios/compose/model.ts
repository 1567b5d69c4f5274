/**
 * From a checked stack file to the manager's model of it (docker/cli `cli/compose/types`): shorter
 * names, every spelling reduced to one, programs as data.
 */
import type { JsonValue } from '../../manager/objects/meta.ts';
import type { HealthConfig } from '../../manager/objects/task-spec.ts';
import type {
  ComposeDeploy,
  ComposeModel,
  ComposeNetwork,
  ComposeResources,
  ComposeService,
  ComposeServiceNetwork,
  ComposeUpdateConfig,
} from '../../manager/stack/compose-model.ts';
import { exposedNameOf, type StackPort } from './ports.ts';
import type { StackFile, StackNetwork, StackService } from './stack-file.ts';
import { programOf } from './x-swarmlab.ts';

type Deploy = NonNullable<StackService['deploy']>;

/** The model of a stack file without mistakes. */
export function modelOf(file: StackFile): ComposeModel {
  const services: Record<string, ComposeService> = {};
  for (const [name, service] of Object.entries(file.services ?? {})) {
    services[name] = serviceOf(service!);
  }
  const networks: Record<string, ComposeNetwork> = {};
  for (const [name, network] of Object.entries(file.networks ?? {})) {
    networks[name] = networkOf(network ?? {});
  }
  return { services, networks };
}

/** The networks that a service names; none means the network `default`. */
export function attachmentsOf(service: StackService): Record<string, ComposeServiceNetwork> {
  const { networks } = service;
  if (networks === undefined) return {};
  if (Array.isArray(networks)) return Object.fromEntries(networks.map((name) => [name, {}]));
  return Object.fromEntries(
    Object.entries(networks).map(([name, settings]) => [name, { aliases: settings?.aliases }]),
  );
}

function serviceOf(service: StackService): ComposeService {
  const ports = portsOf(service);
  const exposed = [...(service.expose ?? []).flat(), ...ports.map(exposedNameOf)];
  const expose = [...new Set(exposed)];
  const image = service.image!;
  const workload = service['x-swarmlab'];
  return {
    image,
    command: service.command,
    entrypoint: service.entrypoint,
    environment: service.environment,
    hostname: service.hostname,
    labels: service.labels,
    expose,
    ports,
    networks: attachmentsOf(service),
    dns: service.dns,
    dnsSearch: service.dns_search,
    extraHosts: hostsOf(service.extra_hosts),
    sysctls: service.sysctls,
    healthcheck: healthcheckOf(service.healthcheck),
    stopSignal: service.stop_signal,
    stopGracePeriodNs: service.stop_grace_period,
    deploy: deployOf(service.deploy ?? {}),
    workload: workload === undefined ? undefined : plain(programOf(workload, image, expose)),
  };
}

/** Plain data without `undefined`, which the manager stores and compares by content. */
function plain(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** Ascending by published port, as docker/cli's `convertEndpointSpec` sorts them. */
function portsOf(service: StackService): StackPort[] {
  return (service.ports ?? []).flat().sort((a, b) => a.published - b.published);
}

function deployOf(deploy: Deploy): ComposeDeploy {
  const { placement, resources, restart_policy: restart } = deploy;
  return {
    mode: deploy.mode === 'global' ? 'global' : 'replicated',
    replicas: deploy.replicas,
    endpointMode: deploy.endpoint_mode,
    labels: deploy.labels,
    constraints: placement?.constraints,
    preferences: placement?.preferences?.map((preference) => preference.spread),
    maxReplicasPerNode: placement?.max_replicas_per_node,
    limits: resourcesOf(resources?.limits),
    reservations: resourcesOf(resources?.reservations),
    restartPolicy:
      restart === undefined
        ? undefined
        : {
            condition: restart.condition,
            delayNs: restart.delay,
            maxAttempts: restart.max_attempts,
            windowNs: restart.window,
          },
    updateConfig: updateOf(deploy.update_config),
    rollbackConfig: updateOf(deploy.rollback_config),
  };
}

/** A section without `parallelism` updates one task at a time (docker/cli `convertUpdateConfig`). */
function updateOf(config: Deploy['update_config']): ComposeUpdateConfig | undefined {
  if (config === undefined) return undefined;
  return {
    parallelism: config.parallelism ?? 1,
    delayNs: config.delay,
    failureAction: config.failure_action,
    monitorNs: config.monitor,
    maxFailureRatio: config.max_failure_ratio,
    order: config.order,
  };
}

function resourcesOf(
  amounts: NonNullable<Deploy['resources']>['limits'],
): ComposeResources | undefined {
  if (amounts === undefined) return undefined;
  return { cpus: amounts.cpus, memoryBytes: amounts.memory };
}

/** A health check with its spellings reduced to one; `undefined` without one. */
export function healthcheckOf(check: StackService['healthcheck']): HealthConfig | undefined {
  if (check === undefined) return undefined;
  if (check.disable === true) return { test: ['NONE'] };
  const test = check.test ?? [];
  return {
    test: typeof test === 'string' ? ['CMD-SHELL', test] : test,
    intervalNs: check.interval,
    timeoutNs: check.timeout,
    startPeriodNs: check.start_period,
    startIntervalNs: check.start_interval,
    retries: check.retries,
  };
}

/** `name:address` entries; the list form may say `name=address`. */
function hostsOf(hosts: StackService['extra_hosts']): string[] | undefined {
  if (hosts === undefined) return undefined;
  if (!Array.isArray(hosts)) {
    return Object.entries(hosts).map(([name, address]) => `${name}:${address}`);
  }
  return hosts.map((entry) => entry.replace('=', ':'));
}

function networkOf(network: StackNetwork): ComposeNetwork {
  const { external } = network;
  const isNamedOutside = typeof external === 'object';
  return {
    name: network.name ?? (isNamedOutside ? external.name : undefined),
    external: external === true || isNamedOutside,
    driver: network.driver,
    driverOptions: network.driver_opts,
    attachable: network.attachable,
    internal: network.internal,
    labels: network.labels,
    ipam: network.ipam?.config?.flatMap(({ subnet }) => (subnet === undefined ? [] : [{ subnet }])),
  };
}
