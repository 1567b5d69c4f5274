/**
 * A stack file as far as it says something to a network or a scheduler, as zod types that reduce every
 * spelling to one (docker/cli `cli/compose/types`). The rest of the format is the published schema's
 * (`format/`), which a file has passed before it comes here. And the options that `docker stack deploy`
 * ignores, deprecates or forbids.
 */
import { z } from 'zod';
import { parseIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { span } from '../language/quantities.ts';
import { exposedPort, port } from './ports.ts';
import {
  command,
  decimal,
  environmentEntries,
  flag,
  integer,
  labels,
  memory,
  text,
  textOrTexts,
  texts,
} from './values.ts';
import { workloadSchema } from './x-swarmlab.ts';

/** Options of services that swarm services do not have (docker/cli `UnsupportedProperties`). */
export const UNSUPPORTED_OPTIONS: readonly string[] = [
  'build',
  'cgroupns_mode',
  'cgroup_parent',
  'devices',
  'domainname',
  'external_links',
  'ipc',
  'links',
  'mac_address',
  'network_mode',
  'pid',
  'privileged',
  'restart',
  'security_opt',
  'shm_size',
  'userns_mode',
];

/** Options that upstream warns of (docker/cli `DeprecatedProperties`). */
export const DEPRECATED_OPTIONS: Readonly<Record<string, string>> = {
  container_name: 'Setting the container name is not supported.',
  expose:
    "Exposing ports is unnecessary - services on the same network can access each other's containers " +
    'on any port.',
};

const BY_DEPLOY = 'Set resource limits using deploy.resources';

/** Options that upstream refuses, with what to do instead (docker/cli `ForbiddenProperties`). */
export const FORBIDDEN_OPTIONS: Readonly<Record<string, string>> = {
  extends: 'Support for `extends` is not implemented yet.',
  volume_driver:
    'Instead of setting the volume driver on the service, define a volume using the top-level ' +
    '`volumes` option and specify the driver there.',
  volumes_from:
    'To share a volume between services, define it using the top-level `volumes` option and ' +
    'reference it from each service that shares it using the service-level `volumes` option.',
  cpu_quota: BY_DEPLOY,
  cpu_shares: BY_DEPLOY,
  cpuset: BY_DEPLOY,
  mem_limit: BY_DEPLOY,
  memswap_limit: BY_DEPLOY,
};

/** Accepted without a meaning on the network. */
const anything = z.unknown().optional();

const updateConfig = z.object({
  parallelism: integer(0).optional(),
  delay: span.optional(),
  failure_action: z.enum(['pause', 'continue', 'rollback']).optional(),
  monitor: span.optional(),
  max_failure_ratio: decimal.optional(),
  order: z.enum(['stop-first', 'start-first']).optional(),
});

const amounts = z.object({
  cpus: decimal.optional(),
  memory: memory.optional(),
  pids: integer(0).optional(),
  devices: anything,
  generic_resources: anything,
});

const deploy = z.object({
  mode: z.enum(['replicated', 'global', 'replicated-job', 'global-job']).optional(),
  replicas: integer(0).optional(),
  endpoint_mode: z.enum(['vip', 'dnsrr']).optional(),
  labels: labels.optional(),
  placement: z
    .strictObject({
      constraints: texts.optional(),
      preferences: z.array(z.object({ spread: text })).optional(),
      max_replicas_per_node: integer(0).optional(),
    })
    .optional(),
  update_config: updateConfig.optional(),
  rollback_config: updateConfig.optional(),
  restart_policy: z
    .strictObject({
      condition: z.enum(['none', 'on-failure', 'any']).optional(),
      delay: span.optional(),
      max_attempts: integer(0).optional(),
      window: span.optional(),
    })
    .optional(),
  resources: z
    .strictObject({ limits: amounts.optional(), reservations: amounts.optional() })
    .optional(),
});

const healthcheck = z.object({
  test: z.union([text, texts], { error: 'expected a command' }).optional(),
  interval: span.optional(),
  timeout: span.optional(),
  start_period: span.optional(),
  start_interval: span.optional(),
  retries: integer(0).optional(),
  disable: flag.optional(),
});

const attachment = z
  .strictObject({
    aliases: texts.optional(),
    ipv4_address: text.optional(),
    ipv6_address: text.optional(),
    priority: decimal.optional(),
    driver_opts: labels.optional(),
  })
  .nullable();

const dependencies = z.union([texts, z.record(z.string(), z.unknown())], {
  error: 'expected a list of services',
});

/** One service of a stack file. */
export const stackServiceSchema = z.object({
  volumes: anything,
  secrets: anything,
  configs: anything,
  image: text.optional(),
  command: command.optional(),
  entrypoint: command.optional(),
  hostname: text.optional(),
  environment: environmentEntries.optional(),
  labels: labels.optional(),
  ports: z.array(port, { error: 'expected a list of ports' }).optional(),
  expose: z.array(exposedPort, { error: 'expected a list of ports' }).optional(),
  networks: z
    .union([texts, z.record(z.string(), attachment)], {
      error: 'expected a list of networks, or a mapping from network to its settings',
    })
    .optional(),
  depends_on: dependencies.optional(),
  deploy: deploy.nullable().optional(),
  healthcheck: healthcheck.optional(),
  stop_grace_period: span.optional(),
  stop_signal: text.optional(),
  extra_hosts: z.union([texts, z.record(z.string(), text)]).optional(),
  dns: textOrTexts.optional(),
  dns_search: textOrTexts.optional(),
  sysctls: labels.optional(),
  'x-swarmlab': workloadSchema.optional(),
});

const subnet = text.refine(
  (input) => parseIpPrefix(input) !== undefined,
  'expected a subnet, such as 10.5.0.0/24',
);

const address = text.refine(
  (input) => parseIp(input) !== undefined,
  'expected an address, such as 10.5.0.1',
);

const external = z.union([flag, z.object({ name: text.optional() })], {
  error: 'expected true or false',
});

const network = z.object({
  name: text.optional(),
  driver: text.optional(),
  driver_opts: labels.optional(),
  attachable: flag.optional(),
  internal: flag.optional(),
  external: external.optional(),
  labels: labels.optional(),
  ipam: z
    .strictObject({
      driver: text.optional(),
      options: labels.optional(),
      config: z
        .array(
          z.object({
            subnet: subnet.optional(),
            gateway: address.optional(),
            ip_range: subnet.optional(),
            aux_addresses: z.record(z.string(), address).nullable().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  enable_ipv6: flag.optional(),
});

const declarations = z.record(z.string(), z.unknown()).nullable().optional();

/** A whole stack file, variables replaced and foreign `x-` keys taken away. */
export const stackFileSchema = z.object({
  version: z.union([z.string(), z.number()]).transform(String).optional(),
  name: text.optional(),
  services: z.record(z.string(), stackServiceSchema.nullable()).nullable().optional(),
  networks: z.record(z.string(), network.nullable()).nullable().optional(),
  volumes: declarations,
  secrets: declarations,
  configs: declarations,
});

/** A stack file that was read. */
export type StackFile = z.output<typeof stackFileSchema>;
/** One service of it. */
export type StackService = z.output<typeof stackServiceSchema>;
/** One network of it. */
export type StackNetwork = z.output<typeof network>;
