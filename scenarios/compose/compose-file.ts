/**
 * The compose file format that `docker compose` takes (compose-spec `schema/compose-spec.json`), as
 * far as it differs from the one of `docker stack deploy`: options of single hosts, ports with host
 * addresses, conditions of dependencies, profiles. `extends` and `include` are gone when it is read.
 */
import { z } from 'zod';
import { CONDITIONS } from '../../node/daemon/compose.ts';
import { anything, anythingUnder, stackFileSchema, stackServiceSchema } from './stack-file.ts';
import { decimal, flag, integer, labels, text, textOrTexts, texts } from './values.ts';

/** Options that have nothing to do with the network. */
const WITHOUT_EFFECT = [
  'annotations',
  'attach',
  'blkio_config',
  'cgroup',
  'cpu_count',
  'cpu_percent',
  'cpu_period',
  'cpu_rt_period',
  'cpu_rt_runtime',
  'cpus',
  'cpuset',
  'develop',
  'device_cgroup_rules',
  'gpus',
  'group_add',
  'label_file',
  'mem_limit',
  'mem_reservation',
  'mem_swappiness',
  'memswap_limit',
  'models',
  'oom_kill_disable',
  'pids_limit',
  'post_start',
  'pre_stop',
  'provider',
  'runtime',
  'storage_opt',
  'use_api_socket',
  'uts',
] as const;

const condition = z.enum(CONDITIONS, {
  error: `services.depends_on.condition must be one of ${CONDITIONS.join(', ')}`,
});

const dependency = z.strictObject({
  condition,
  required: flag.optional(),
  restart: flag.optional(),
});

const attachment = z
  .strictObject({
    aliases: texts.optional(),
    ipv4_address: text.optional(),
    ipv6_address: text.optional(),
    link_local_ips: anything,
    mac_address: text.optional(),
    interface_name: anything,
    priority: decimal.optional(),
    gw_priority: decimal.optional(),
    driver_opts: labels.optional(),
  })
  .nullable();

/** A port's long form. */
const longPortSchema = z.strictObject({
  target: integer(1, 65_535),
  published: text.optional(),
  protocol: text.optional(),
  host_ip: text.optional(),
  mode: z.enum(['host', 'ingress']).optional(),
  name: text.optional(),
  app_protocol: text.optional(),
});

const service = stackServiceSchema.extend({
  ...anythingUnder(WITHOUT_EFFECT),
  container_name: text.optional(),
  depends_on: z
    .union([texts, z.record(z.string(), dependency)], { error: 'expected a list of services' })
    .optional(),
  dns_opt: textOrTexts.optional(),
  domainname: text.optional(),
  expose: z.array(text, { error: 'expected a list of ports' }).optional(),
  links: texts.optional(),
  mac_address: text.optional(),
  network_mode: text.optional(),
  networks: z
    .union([texts, z.record(z.string(), attachment)], { error: 'expected networks' })
    .optional(),
  ports: z.array(z.union([text, longPortSchema]), { error: 'expected a list of ports' }).optional(),
  profiles: texts.optional(),
  restart: text.optional(),
  scale: integer(0).optional(),
});

/** A whole compose file, merged, variables replaced and foreign `x-` keys taken away. */
export const composeFileSchema = stackFileSchema.extend({
  services: z.record(z.string(), service.nullable()).nullable().optional(),
  models: anything,
});

/** A compose file that was read. */
export type ComposeFile = z.output<typeof composeFileSchema>;
/** One service of it. */
export type ComposeFileService = z.output<typeof service>;
