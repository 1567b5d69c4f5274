/**
 * `x-swarmlab`: what a service's program does on the network, written beside the service in its stack
 * file, where every other tool ignores it. Whatever it leaves open comes from the image.
 *
 * ```yaml
 * x-swarmlab:
 *   startup: 300ms..900ms
 *   listen:
 *     - { port: 80, protocol: http, response: 2kB, service-time: 1ms..5ms, calls: ["tcp://redis:6379"] }
 *   calls:
 *     - { to: "tcp://db:5432", every: 1s, request: 64B, timeout: 2s }
 *   healthy-after: 5s
 *   fails-after: 60s
 *   exit: { after: 90s, code: 1 }
 *   ignores-stop-signal: true
 * ```
 */
import { z } from 'zod';
import { programOfImage } from '../../node/workload/images.ts';
import {
  DEFAULT_CALL_TIMEOUT_NS,
  DEFAULT_KEEP_ALIVE_NS,
  DEFAULT_RESPONSE_BYTES,
  DEFAULT_SERVICE_TIME,
  type ProgramSpec,
  parseCallTarget,
} from '../../node/workload/program.ts';
import { size, span, spanRange } from '../language/quantities.ts';

/** The size of a call's request when nobody says otherwise. */
const DEFAULT_REQUEST_BYTES = 64;

const target = z
  .string({ error: 'expected a target, such as tcp://redis:6379' })
  .transform((input, context) => {
    const parsed = parseCallTarget(input);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: `'${input}' is not a target` });
    return z.NEVER;
  })
  .meta({ description: 'whom to call, such as tcp://redis:6379 or http://api:80/path' });

const spanOrNever = z.union([z.literal('never'), span]);

const listener = z
  .strictObject({
    port: z.int().min(1).max(65_535).meta({ description: 'where it listens, from 1 to 65535' }),
    protocol: z.enum(['http', 'tcp', 'udp', 'sctp']).default('tcp'),
    response: size
      .default(DEFAULT_RESPONSE_BYTES)
      .meta({ description: 'bytes of an answer, such as 2kB' }),
    'keep-alive': span
      .default(DEFAULT_KEEP_ALIVE_NS)
      .meta({ description: 'how long an idle HTTP connection is kept, such as 75s' }),
    'service-time': spanRange
      .default(DEFAULT_SERVICE_TIME)
      .meta({ description: 'from the request to the answer, such as 1ms..5ms' }),
    calls: z
      .array(target)
      .default([])
      .meta({ description: 'whom every request makes the program ask first, one after the other' }),
  })
  .meta({ description: 'a listening port' });

const periodicCall = z
  .strictObject({
    to: target,
    every: span
      .refine((everyNs) => everyNs > 0, 'a call every 0s would never let time go on')
      .meta({ description: 'from one call to the next, such as 500ms' }),
    request: size
      .default(DEFAULT_REQUEST_BYTES)
      .meta({ description: 'bytes of a request, such as 64B' }),
    timeout: span
      .default(DEFAULT_CALL_TIMEOUT_NS)
      .meta({ description: 'how long to wait for the answer, such as 2s' }),
  })
  .meta({ description: 'a call that the program makes again and again' });

/** The section as people write it. */
export const workloadSchema = z
  .strictObject({
    listen: z.array(listener).optional().meta({
      description: 'what it listens on; default: what the image is known for',
    }),
    calls: z.array(periodicCall).default([]).meta({ description: 'whom it calls by itself' }),
    startup: spanRange
      .optional()
      .meta({ description: 'from the start of the container until it listens' }),
    'healthy-after': spanOrNever
      .default(0)
      .meta({ description: 'when its health check begins to succeed, from the start, or never' }),
    'fails-after': span
      .optional()
      .meta({ description: 'when its health check begins to fail, from the start' }),
    exit: z
      .strictObject({ after: span, code: z.int().min(0).max(255).default(1) })
      .optional()
      .meta({ description: 'when it ends by itself, and with which status' }),
    'ignores-stop-signal': z
      .boolean()
      .default(false)
      .meta({ description: 'true when only SIGKILL ends it' }),
  })
  .meta({ title: 'x-swarmlab', description: 'what a simulated program does on the network' });

/** A section that was read. */
export type Workload = z.output<typeof workloadSchema>;

/** The program that a section describes; `image` and `ports` (`80/tcp`) fill what it leaves open. */
export function programOf(
  workload: Workload,
  image: string,
  ports: readonly string[],
): ProgramSpec {
  const ofImage = programOfImage(image, ports);
  const healthyAfter = workload['healthy-after'];
  return {
    startup: workload.startup ?? ofImage.startup,
    listeners:
      workload.listen?.map((entry) => ({
        port: entry.port,
        protocol: entry.protocol,
        serviceTime: entry['service-time'],
        responseBytes: entry.response,
        keepAliveNs: entry['keep-alive'],
        calls: entry.calls,
      })) ?? ofImage.listeners,
    calls: workload.calls.map((call) => ({
      to: call.to,
      everyNs: call.every,
      requestBytes: call.request,
      timeoutNs: call.timeout,
    })),
    health: {
      healthyAfterNs: healthyAfter === 'never' ? undefined : healthyAfter,
      failsAfterNs: workload['fails-after'],
    },
    exit:
      workload.exit === undefined
        ? undefined
        : { afterNs: workload.exit.after, code: workload.exit.code },
    ignoresStopSignal: workload['ignores-stop-signal'],
  };
}
