/**
 * A compose file as far as it differs from the stack files of `docker stack deploy`: options of single
 * hosts, ports with host addresses, conditions of dependencies, profiles. `extends` and `include` are
 * gone when it is read, and the Compose specification's schema (`format/`) has let it pass.
 */
import { z } from 'zod';
import { CONDITIONS } from '../../node/daemon/compose/project.ts';
import { stackFileSchema, stackServiceSchema } from './stack-file.ts';
import { decimal, flag, integer, labels, text, textOrTexts, texts } from './values.ts';

const condition = z.enum(CONDITIONS, {
  error: `services.depends_on.condition must be one of ${CONDITIONS.join(', ')}`,
});

const dependency = z.object({
  condition,
  required: flag.optional(),
  restart: flag.optional(),
});

const attachment = z
  .strictObject({
    aliases: texts.optional(),
    ipv4_address: text.optional(),
    ipv6_address: text.optional(),
    mac_address: text.optional(),
    interface_name: text.optional(),
    priority: decimal.optional(),
    gw_priority: decimal.optional(),
    driver_opts: labels.optional(),
  })
  .nullable();

/** A port's long form. */
const longPortSchema = z.object({
  target: integer(1, 65_535),
  published: text.optional(),
  protocol: text.optional(),
  host_ip: text.optional(),
  mode: z.enum(['host', 'ingress']).optional(),
  name: text.optional(),
  app_protocol: text.optional(),
});

const service = stackServiceSchema.extend({
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
});

/** A compose file that was read. */
export type ComposeFile = z.output<typeof composeFileSchema>;
/** One service of it. */
export type ComposeFileService = z.output<typeof service>;
