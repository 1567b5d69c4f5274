/**
 * The `MASQUERADE` target: SNAT to the address that the output device has just now.
 * Mirrors `extensions/libxt_MASQUERADE.c` and `net/netfilter/nf_nat_masquerade.c`.
 */
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { selectSourceAddress } from '../surroundings.ts';
import { NatOptions } from './nat-options.ts';

class MasqueradeTarget implements Target {
  readonly #options = new NatOptions('MASQUERADE');

  option(name: string, value: string): string | undefined {
    return name === '--to-ports' ? this.#options.takePorts(value) : this.#options.takeFlag(name);
  }

  finish(head: RuleHead): string | undefined {
    return this.#options.finish(head);
  }

  run(inspection: Inspection): Outcome {
    const { namespace, outDevice, packet, destination } = inspection;
    const { connection } = packet;
    if (connection === undefined || outDevice === undefined) return Outcome.drop;
    if (connection.original.source === 0) return Outcome.accept;
    const address = selectSourceAddress(namespace, outDevice, destination, packet.mark);
    if (address === undefined) return Outcome.drop;
    const { range } = this.#options;
    range.mapsAddress = true;
    range.addressMin = address;
    range.addressMax = address;
    connection.masqueradeDevice = outDevice;
    namespace.tables.nat.setup(connection, range, true);
    return Outcome.accept;
  }

  save(): string {
    const ports = this.#options.range.mapsPort ? ` --to-ports ${this.#options.portsText()}` : '';
    return ports + this.#options.flagsText('--');
  }

  list(): string {
    const ports = this.#options.range.mapsPort ? ` masq ports: ${this.#options.portsText()}` : '';
    return ports + this.#options.flagsText('');
  }
}

/** `-j MASQUERADE`. */
export const masqueradeTarget: TargetKind = {
  name: 'MASQUERADE',
  options: ['--to-ports=', '--random', '--random-fully'],
  tables: ['nat'],
  hooks: [Hook.postrouting],
  create: () => new MasqueradeTarget(),
};
