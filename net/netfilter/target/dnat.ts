/**
 * The `DNAT` target: binds the connection to a new destination.
 *
 * Without a port in the range the port is kept.
 * Mirrors `extensions/libxt_NAT.c` and `net/netfilter/xt_nat.c`.
 */
import type { TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import { NatEndpointTarget } from './nat-endpoint.ts';

/** `-j DNAT`. */
export const dnatTarget: TargetKind = {
  name: 'DNAT',
  options: ['--to-destination=', '--random', '--persistent'],
  tables: ['nat'],
  hooks: [Hook.prerouting, Hook.output],
  create: ({ family }) => new NatEndpointTarget('DNAT', family),
};
