/**
 * The stack file format that `docker stack deploy` takes, as zod schemas (docker/cli
 * `cli/compose/schema/data/config_schema_v3.13.json` and `cli/compose/types`), and the options that
 * it ignores, deprecates or forbids.
 */
import { z } from 'zod';
import { parseIpv4Address, parsePrefix } from '../../wire/addresses.ts';
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

/** Options that upstream warns of (docker/cli `DeprecatedProperties`); `expose` is not among them. */
export const DEPRECATED_OPTIONS: Readonly<Record<string, string>> = {
  container_name: 'Setting the container name is not supported.',
};

/** Options that upstream refuses, with what to do instead (docker/cli `ForbiddenProperties`). */
export const FORBIDDEN_OPTIONS: Readonly<Record<string, string>> = {
  extends: 'support for `extends` is not implemented',
  volume_driver: 'define a volume under the top-level `volumes` and give it a driver there',
  volumes_from: 'define a volume under the top-level `volumes` and refer to it from each service',
  cpu_quota: 'set resource limits using deploy.resources',
  cpu_shares: 'set resource limits using deploy.resources',
  cpuset: 'set resource limits using deploy.resources',
  mem_limit: 'set resource limits using deploy.resources',
  memswap_limit: 'set resource limits using deploy.resources',
};

/** Accepted without a meaning on the network. */
export const anything = z.unknown().optional();

const WITHOUT_EFFECT = [
  'cap_add',
  'cap_drop',
  'configs',
  'credential_spec',
  'env_file',
  'init',
  'isolation',
  'logging',
  'oom_score_adj',
  'platform',
  'pull_policy',
  'read_only',
  'secrets',
  'stdin_open',
  'tmpfs',
  'tty',
  'ulimits',
  'user',
  'volumes',
  'working_dir',
] as const;

/** Keys that are accepted, whatever stands behind them. */
export function anythingUnder<K extends string>(keys: readonly K[]): Record<K, typeof anything> {
  return Object.fromEntries(keys.map((key) => [key, anything])) as Record<K, typeof anything>;
}

const updateConfig = z.strictObject({
  parallelism: integer(0).optional(),
  delay: span.optional(),
  failure_action: z.enum(['pause', 'continue', 'rollback']).optional(),
  monitor: span.optional(),
  max_failure_ratio: decimal.optional(),
  order: z.enum(['stop-first', 'start-first']).optional(),
});

const amounts = z.strictObject({
  cpus: decimal.optional(),
  memory: memory.optional(),
  pids: integer(0).optional(),
  devices: anything,
  generic_resources: anything,
});

const deploy = z.strictObject({
  mode: z.enum(['replicated', 'global', 'replicated-job', 'global-job']).optional(),
  replicas: integer(0).optional(),
  endpoint_mode: z.enum(['vip', 'dnsrr']).optional(),
  labels: labels.optional(),
  placement: z
    .strictObject({
      constraints: texts.optional(),
      preferences: z.array(z.strictObject({ spread: text })).optional(),
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

const healthcheck = z.strictObject({
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
export const stackServiceSchema = z.strictObject({
  ...anythingUnder(WITHOUT_EFFECT),
  ...anythingUnder(UNSUPPORTED_OPTIONS),
  ...anythingUnder(Object.keys(DEPRECATED_OPTIONS)),
  ...anythingUnder(Object.keys(FORBIDDEN_OPTIONS)),
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
  (input) => parsePrefix(input) !== undefined,
  'expected a subnet, such as 10.5.0.0/24',
);

const address = text.refine(
  (input) => parseIpv4Address(input) !== undefined,
  'expected an address, such as 10.5.0.1',
);

const external = z.union([flag, z.strictObject({ name: text.optional() })], {
  error: 'expected true or false',
});

const network = z.strictObject({
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
          z.strictObject({
            subnet,
            gateway: address.optional(),
            ip_range: subnet.optional(),
            aux_addresses: anything,
          }),
        )
        .optional(),
    })
    .optional(),
  enable_ipv4: anything,
  enable_ipv6: anything,
});

const declarations = z.record(z.string(), z.unknown()).nullable().optional();

/** A whole stack file, variables replaced and foreign `x-` keys taken away. */
export const stackFileSchema = z.strictObject({
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
