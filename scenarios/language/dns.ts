/**
 * `cluster.dns` in the scenario language: the outside's DNS servers and the hosts' `resolv.conf`.
 */
import { z } from 'zod';
import { LOCAL_RESOLVERS } from '../../node/dns/host-resolver.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import { ipv4, spanRange } from './quantities.ts';

const domain = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i, 'expected a name, such as example.org');

const nameServer = z
  .strictObject({
    address: ipv4.meta({ description: 'an address outside of the cluster' }),
    records: z
      .record(domain, z.union([ipv4.transform((one) => [one]), z.array(ipv4).min(1)]))
      .default({})
      .meta({ description: 'names and their addresses' }),
    otherwise: z.enum(['nxdomain', 'servfail', 'refused', 'silence']).default('nxdomain').meta({
      description: 'what it says to all other names; silence: it never answers anything',
    }),
    delay: spanRange
      .default({ minNs: MILLISECOND_NS, maxNs: 5 * MILLISECOND_NS })
      .meta({ description: 'from the query to the answer' }),
  })
  .meta({ description: 'a DNS server of the outside world' });

/** `cluster.dns`. */
export const dns = z
  .strictObject({
    servers: z.array(nameServer).default([]).meta({
      description: "nameserver lines of every host's resolv.conf, in order; default: none",
    }),
    local: z.enum(LOCAL_RESOLVERS).optional().meta({
      description: 'a DNS server on every host that its resolv.conf names instead; it asks them',
    }),
    search: z.array(domain).default([]).meta({ description: 'search domains of every host' }),
  })
  .meta({ description: 'whom the hosts ask for names that the swarm does not know' });
