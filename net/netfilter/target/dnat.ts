/**
 * The `DNAT` target: binds the connection to a new destination.
 *
 * Without a port in the range the port is kept.
 * Mirrors `extensions/libxt_NAT.c` and `net/netfilter/xt_nat.c`.
 */
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { NatOptions } from './nat-options.ts';

class DnatTarget implements Target {
  readonly #options = new NatOptions('DNAT', '--to-destination');

  option(name: string, value: string): string | undefined {
    return name === '--to-destination'
      ? this.#options.takeEndpoint(value)
      : this.#options.takeFlag(name);
  }

  finish(head: RuleHead): string | undefined {
    return this.#options.finish(head);
  }

  run(inspection: Inspection): Outcome {
    const { connection } = inspection.packet;
    if (connection === undefined) return Outcome.drop;
    inspection.namespace.tables.nat.setup(connection, this.#options.range, false);
    return Outcome.accept;
  }

  save(): string {
    return ` --to-destination ${this.#options.endpointText()}${this.#options.flagsText('--')}`;
  }

  list(): string {
    return ` to:${this.#options.endpointText()}${this.#options.flagsText('')}`;
  }
}

/** `-j DNAT`. */
export const dnatTarget: TargetKind = {
  name: 'DNAT',
  options: ['--to-destination=', '--random', '--persistent'],
  tables: ['nat'],
  hooks: [Hook.prerouting, Hook.output],
  create: () => new DnatTarget(),
};
