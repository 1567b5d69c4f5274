/**
 * The `SNAT` target: binds the connection to a new source.
 *
 * The port is kept where that leaves the tuple unique.
 * Mirrors `extensions/libxt_NAT.c` and `net/netfilter/xt_nat.c`.
 */
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { NatOptions } from './nat-options.ts';

class SnatTarget implements Target {
  readonly #options = new NatOptions('SNAT', '--to-source');

  option(name: string, value: string): string | undefined {
    return name === '--to-source'
      ? this.#options.takeEndpoint(value)
      : this.#options.takeFlag(name);
  }

  finish(head: RuleHead): string | undefined {
    return this.#options.finish(head);
  }

  run(inspection: Inspection): Outcome {
    const { connection } = inspection.packet;
    if (connection === undefined) return Outcome.drop;
    inspection.namespace.tables.nat.setup(connection, this.#options.range, true);
    return Outcome.accept;
  }

  save(): string {
    return ` --to-source ${this.#options.endpointText()}${this.#options.flagsText('--')}`;
  }

  list(): string {
    return ` to:${this.#options.endpointText()}${this.#options.flagsText('')}`;
  }
}

/** `-j SNAT`. */
export const snatTarget: TargetKind = {
  name: 'SNAT',
  options: ['--to-source=', '--random', '--random-fully', '--persistent'],
  tables: ['nat'],
  hooks: [Hook.postrouting, Hook.input],
  create: () => new SnatTarget(),
};
