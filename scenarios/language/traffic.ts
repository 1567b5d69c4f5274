/**
 * `traffic`: who asks whom, how often, over which connections. Either at a `rate` (open loop) or by
 * `users` (closed loop); a connection for each request, kept ones, or sessions of many requests.
 */
import { z } from 'zod';
import { SECOND_NS } from '../../sim/time.ts';
import { didYouMean } from './issue.ts';
import { nodes } from './node-names.ts';
import { quantity, rate, size, span, spanDistribution } from './quantities.ts';

/** How requests of an open loop are spread over time. */
export type Arrivals =
  | { readonly kind: 'poisson' }
  | { readonly kind: 'constant' }
  | { readonly kind: 'bursts'; readonly size: number };

const arrivals = quantity<Arrivals>(
  (text) => {
    if (text === 'poisson' || text === 'constant') return { kind: text };
    const match = /^bursts\((\d+)\)$/.exec(text);
    if (match === null) {
      const hint = didYouMean(text, ['poisson', 'constant', 'bursts(20)']);
      return { error: `there are no arrivals '${text}'`, hint };
    }
    const count = Number(match[1]);
    return count > 0
      ? { kind: 'bursts', size: count }
      : { error: 'a burst has one request or more' };
  },
  'poisson, constant or bursts of so many',
  'bursts(20)',
);

const positiveSpan = span.refine((spanNs) => spanNs > 0, 'this takes some time');

const keepAlive = z
  .strictObject({
    connections: z.int().min(1).default(8).meta({
      description: 'how many idle connections each client keeps to an address',
    }),
    idle: positiveSpan.default(90 * SECOND_NS).meta({
      description: 'after so long without a request the client closes one',
    }),
    requests: z.int().min(1).optional().meta({
      description: 'after so many requests the client closes one; default: never',
    }),
  })
  .meta({ description: 'connections are used again, as HTTP libraries and pools do' });

const session = z
  .strictObject({
    every: positiveSpan.meta({ description: 'from one message to the next, such as 100ms' }),
    lasts: positiveSpan.meta({ description: 'how long a session is kept, such as 10m' }),
  })
  .meta({ description: 'one connection for many messages: streams, WebSockets, database clients' });

/** How a target calls the balancer in front of the nodes. */
export const FRONT_HOST = 'front';

const front = z
  .strictObject({
    nodes: nodes.meta({ description: 'whom it balances to' }),
    every: positiveSpan.default(2 * SECOND_NS).meta({ description: 'how often it checks' }),
    timeout: positiveSpan.default(SECOND_NS).meta({ description: 'how long a check may take' }),
    fall: z.int().min(1).default(3).meta({ description: 'failed checks until a node is out' }),
    rise: z.int().min(1).default(2).meta({ description: 'good checks until it is in again' }),
  })
  .meta({ description: 'a load balancer outside, which is called front in the target' });

/** One entry of the `traffic` section. */
export const traffic = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]*$/i, 'a name has letters, digits, - and _')
      .meta({ description: 'what reports and expectations call it' }),
    from: z.string().default('outside').meta({
      description: 'outside, a node, or a service whose tasks send',
    }),
    to: z.string().meta({
      description: 'http://manager-1:5000/, tcp://redis:6379, udp://, sctp://, dns://tasks.vote',
    }),
    rate: rate.optional().meta({
      description: 'requests per second, whether or not answers come',
    }),
    arrivals: arrivals.default({ kind: 'poisson' }),
    users: z.int().min(1).optional().meta({
      description: 'so many users instead of a rate, each with one request at a time',
    }),
    think: spanDistribution.default({ kind: 'exponential', meanNs: SECOND_NS }).meta({
      description: 'how long a user waits after an answer: 1s, exponential(500ms)',
    }),
    timeout: span.default(2 * SECOND_NS),
    start: span.optional().meta({ description: 'default: when the stack is up' }),
    stop: span.optional().meta({ description: 'default: at the end' }),
    request: size.optional().meta({
      description: 'bytes of a request; over HTTP of its body, which is then sent by POST',
    }),
    'keep-alive': keepAlive.optional(),
    session: session.optional(),
    'half-close': z.boolean().default(false).meta({
      description: 'clients end their sending side with the request (TCP)',
    }),
    'dns-cache': span.default(0).meta({
      description: 'how long clients use an address, whatever its TTL; default: not at all',
    }),
    front: front.optional(),
  })
  .meta({ description: 'clients, each request a connection of its own unless kept alive' });

/** One client population. */
export type Traffic = z.output<typeof traffic>;
/** Which connections clients keep. */
export type KeepAlive = z.output<typeof keepAlive>;
/** A balancer in front of the nodes. */
export type Front = z.output<typeof front>;
