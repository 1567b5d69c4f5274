/**
 * The `NETMAP` target: moves an address into another network and keeps its place there.
 * Mirrors `extensions/libipt_NETMAP.c` and `net/netfilter/xt_NETMAP.c`.
 */
import { formatIpv4Address } from '../../../wire/addresses.ts';
import { rewritesSource } from '../../conntrack/nat.ts';
import { nullRange } from '../../conntrack/nat-select.ts';
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { type MaskedAddress, mustBeSpecified, parseMaskedAddress } from '../options.ts';

class NetmapTarget implements Target {
  #network: MaskedAddress | undefined = undefined;

  option(_name: string, text: string): string | undefined {
    const network = parseMaskedAddress(text);
    if (typeof network === 'string') return `NETMAP: Bad value for "--to" option: "${text}"`;
    this.#network = network;
    return undefined;
  }

  finish(): string | undefined {
    return this.#network === undefined ? mustBeSpecified('NETMAP', '--to') : undefined;
  }

  run({ packet, namespace, hook, source, destination }: Inspection): Outcome {
    if (packet.connection === undefined) return Outcome.drop;
    const isSource = rewritesSource(hook);
    const { address, mask } = this.#network!;
    const mapped = (((isSource ? source : destination) & ~mask) | address) >>> 0;
    const range = { ...nullRange(), addressMin: mapped, addressMax: mapped };
    namespace.tables.nat.setup(packet.connection, range, isSource);
    return Outcome.accept;
  }

  save(): string {
    return ` --to ${this.#text()}`;
  }

  list(): string {
    return ` to:${this.#text()}`;
  }

  #text(): string {
    const { address, mask } = this.#network!;
    const bits = 32 - Math.log2((~mask >>> 0) + 1);
    const end = Number.isInteger(bits) ? String(bits) : formatIpv4Address(mask);
    return `${formatIpv4Address(address)}/${end}`;
  }
}

/** `-j NETMAP`. */
export const netmapTarget: TargetKind = {
  name: 'NETMAP',
  family: 'ipv4',
  options: ['--to='],
  tables: ['nat'],
  hooks: [Hook.prerouting, Hook.output, Hook.postrouting, Hook.input],
  create: () => new NetmapTarget(),
};
