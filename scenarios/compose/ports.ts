/**
 * Ports of stack files: the short form `[ip:][published:]target[/protocol]` with ranges, as
 * docker/go-connections reads it (`nat/nat.go`, `nat/parse.go`), and the long form.
 */
import { z } from 'zod';
import type { ComposePort } from '../../manager/stack/compose-model.ts';
import { integer } from './values.ts';

const HINT = 'such as "5000:80" or "5000-5002:80-82/udp"';

/** A port with nothing left open; published 0 asks for a dynamic one. */
export type StackPort = { readonly [K in keyof ComposePort]-?: NonNullable<ComposePort[K]> };

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

function rangeOf(text: string): PortRange | string {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return `invalid port '${text}'`;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (first < 1 || last > 65_535) return `the port ${text} is not between 1 and 65535`;
  if (last < first) return `the port range ${text} ends before it begins`;
  return { first, last };
}

/** Parses one short form into one port per member of its range; an error text when it is none. */
export function parsePort(input: string): StackPort[] | string {
  const [addresses, protocolText = 'tcp', extra] = input.split('/');
  const protocol = PROTOCOLS.find((name) => name === protocolText);
  if (protocol === undefined || extra !== undefined) {
    return `invalid protocol '${protocolText}' in port '${input}'; it is tcp, udp or sctp`;
  }
  const parts = addresses!.split(':');
  if (parts.length > 3) return `'${input}' is not a port`;
  const target = rangeOf(parts.at(-1)!);
  if (typeof target === 'string') return target;
  const publishedText = parts.length < 2 ? '' : parts.at(-2)!;
  const published = publishedText === '' ? undefined : rangeOf(publishedText);
  if (typeof published === 'string') return published;
  const count = target.last - target.first + 1;
  const publishedCount = published === undefined ? count : published.last - published.first + 1;
  if (publishedCount !== count) {
    return `'${input}' publishes ${publishedCount} ports to ${count}; the ranges must be equally long`;
  }
  return Array.from({ length: count }, (_, i) => ({
    target: target.first + i,
    published: published === undefined ? 0 : published.first + i,
    protocol,
    mode: 'ingress',
  }));
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
  .strictObject({
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
