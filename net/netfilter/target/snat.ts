/**
 * The `SNAT` target: binds the connection to a new source.
 *
 * The port is kept where that leaves the tuple unique.
 * Mirrors `extensions/libxt_NAT.c` and `net/netfilter/xt_nat.c`.
 */
import type { TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import { NatEndpointTarget } from './nat-endpoint.ts';

/** `-j SNAT`. */
export const snatTarget: TargetKind = {
  name: 'SNAT',
  options: ['--to-source=', '--random', '--random-fully', '--persistent'],
  tables: ['nat'],
  hooks: [Hook.postrouting, Hook.input],
  create: ({ family }) => new NatEndpointTarget('SNAT', family),
};
