/**
 * What `DNAT` and `SNAT` do alike: bind the connection to a new endpoint, from an address and port
 * range after `--to-destination` or `--to-source`.
 *
 * Mirrors `extensions/libxt_NAT.c` and `net/netfilter/xt_nat.c`.
 */
import { Outcome, type RuleHead, type Target } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { NatOptions } from './nat-options.ts';

/** A rule's `-j DNAT` or `-j SNAT`. */
export class NatEndpointTarget implements Target {
  readonly #endpointOption: string;
  readonly #isSource: boolean;
  readonly #options: NatOptions;

  constructor(name: 'DNAT' | 'SNAT', family: 'ipv4' | 'ipv6') {
    this.#isSource = name === 'SNAT';
    this.#endpointOption = this.#isSource ? '--to-source' : '--to-destination';
    this.#options = new NatOptions(name, this.#endpointOption, family);
  }

  option(name: string, value: string): string | undefined {
    return name === this.#endpointOption
      ? this.#options.takeEndpoint(value)
      : this.#options.takeFlag(name);
  }

  finish(head: RuleHead): string | undefined {
    return this.#options.finish(head);
  }

  run(inspection: Inspection): Outcome {
    const { connection } = inspection.packet;
    if (connection === undefined) return Outcome.drop;
    inspection.namespace.tables.nat.setup(connection, this.#options.range, this.#isSource);
    return Outcome.accept;
  }

  save(): string {
    const endpoint = this.#options.endpointText();
    return ` ${this.#endpointOption} ${endpoint}${this.#options.flagsText('--')}`;
  }

  list(): string {
    return ` to:${this.#options.endpointText()}${this.#options.flagsText('')}`;
  }
}
