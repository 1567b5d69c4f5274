/**
 * Ports of stack files: the short form `[ip:][published:]target[/protocol]` with ranges, as `docker run`
 * reads it, and the long form.
 */
import { z } from 'zod';
import type { ComposePort } from '../../manager/stack/compose-model.ts';
import { parsePortSpec } from '../../node/docker/port-spec.ts';
import { integer } from './values.ts';

const HINT = 'such as "5000:80" or "5000-5002:80-82/udp"';

/** A port with nothing left open; published 0 asks for a dynamic one. */
export type StackPort = { readonly [K in keyof ComposePort]-?: NonNullable<ComposePort[K]> };

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/**
 * Parses one short form into one port per host port of its range; what the real parser says of it
 * otherwise. The routing mesh knows no host addresses (docker/cli `toServicePortConfigsSlice`).
 */
export function parsePort(input: string): StackPort[] | string {
  const bindings = parsePortSpec(input);
  if (typeof bindings === 'string') return bindings;
  return bindings.flatMap(({ port: target, protocol, hostPorts: [first, last] }) =>
    Array.from({ length: last - first + 1 }, (_, i) => {
      return { target, published: first + i, protocol, mode: 'ingress' as const };
    }),
  );
}

const shortPort = z
  .union([z.string(), z.number()])
  .transform((input, context): StackPort[] => {
    const ports = parsePort(String(input));
    if (typeof ports !== 'string') return ports;
    context.addIssue({ code: 'custom', message: ports });
    return z.NEVER;
  })
  .meta({ description: `a port, ${HINT}` });

const longPort = z
  .object({
    target: integer(1, 65_535).meta({ description: 'the port in the container' }),
    published: integer(0, 65_535).optional().meta({ description: 'the port on every node' }),
    protocol: z.enum(PROTOCOLS).default('tcp'),
    mode: z.enum(['ingress', 'host']).default('ingress'),
    name: z.string().optional(),
    app_protocol: z.string().optional(),
  })
  .transform((port): StackPort[] => [
    {
      target: port.target,
      published: port.published ?? 0,
      protocol: port.protocol,
      mode: port.mode,
    },
  ]);

/** One entry of `ports`. */
export const port = z
  .union([shortPort, longPort], { error: `expected a port, ${HINT}` })
  .meta({ description: `a port, ${HINT}` });

/** One entry of `expose`: `80`, `80/udp`, `3000-3005`. */
export const exposedPort = z
  .union([z.string(), z.number()], { error: 'expected a port, such as 80 or 53/udp' })
  .transform((input, context): string[] => {
    const ports = parsePort(String(input));
    if (typeof ports !== 'string') return ports.map(exposedNameOf);
    context.addIssue({ code: 'custom', message: ports });
    return z.NEVER;
  });

/** `80/tcp`. */
export function exposedNameOf(port: StackPort): string {
  return `${port.target}/${port.protocol}`;
}
