/**
 * The `REDIRECT` target: DNAT to this machine, by the address of the input device, or by 127.0.0.1
 * for local packets. Mirrors `extensions/libxt_NAT.c` and `net/netfilter/nf_nat_redirect.c`.
 */
import { LOOPBACK_ADDRESS } from '../../../wire/addresses.ts';
import { isIpv6Address, LOOPBACK_IPV6 } from '../../../wire/ip-address.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { primaryAddressOf, redirectAddressOf } from '../surroundings.ts';
import { NatOptions } from './nat-options.ts';

class RedirectTarget implements Target {
  readonly #options = new NatOptions('REDIRECT');

  option(name: string, value: string): string | undefined {
    return name === '--to-ports' ? this.#options.takePorts(value) : this.#options.takeFlag(name);
  }

  finish(head: RuleHead): string | undefined {
    return this.#options.finish(head);
  }

  run(inspection: Inspection): Outcome {
    const { namespace, inDevice, packet } = inspection;
    if (packet.connection === undefined) return Outcome.drop;
    const { destination } = inspection;
    const isVersion6 = isIpv6Address(destination);
    let address: number | undefined = isVersion6 ? LOOPBACK_IPV6 : LOOPBACK_ADDRESS;
    if (inspection.hook !== Hook.output) {
      if (inDevice === undefined) return Outcome.drop;
      address = isVersion6
        ? redirectAddressOf(namespace, inDevice, destination)
        : primaryAddressOf(namespace, inDevice);
    }
    if (address === undefined) return Outcome.drop;
    const { range } = this.#options;
    range.mapsAddress = true;
    range.addressMin = address;
    range.addressMax = address;
    namespace.tables.nat.setup(packet.connection, range, false);
    return Outcome.accept;
  }

  save(): string {
    const ports = this.#options.range.mapsPort ? ` --to-ports ${this.#options.portsText()}` : '';
    return ports + this.#options.flagsText('--');
  }

  list(): string {
    const ports = this.#options.range.mapsPort ? ` redir ports ${this.#options.portsText()}` : '';
    return ports + this.#options.flagsText('');
  }
}

/** `-j REDIRECT`. */
export const redirectTarget: TargetKind = {
  name: 'REDIRECT',
  options: ['--to-ports=', '--random'],
  tables: ['nat'],
  hooks: [Hook.prerouting, Hook.output],
  create: () => new RedirectTarget(),
};
