/**
 * The `NETMAP` target: moves an address into another network and keeps its place there.
 * Mirrors `extensions/libipt_NETMAP.c` and `net/netfilter/xt_NETMAP.c`.
 */
import {
  formatIp,
  formatIpPrefix,
  type IpAddress,
  ipToInteger,
  ipv6OfInteger,
} from '../../../wire/ip-address.ts';
import { rewritesSource } from '../../conntrack/nat.ts';
import { nullRange } from '../../conntrack/nat-select.ts';
import { Outcome, type ParseEnvironment, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified, parseIpv6Prefix, parseMaskedAddress } from '../options.ts';

/** Where an address goes, and how the network is printed. */
interface Network {
  readonly text: string;
  map(address: IpAddress): IpAddress;
}

function ipv4Network(value: string): Network | undefined {
  const network = parseMaskedAddress(value);
  if (typeof network === 'string') return undefined;
  const { address, mask } = network;
  const bits = 32 - Math.log2((~mask >>> 0) + 1);
  const end = Number.isInteger(bits) ? String(bits) : formatIp(mask);
  return { text: `${formatIp(address)}/${end}`, map: (own) => ((own & ~mask) | address) >>> 0 };
}

function ipv6Network(value: string): Network | undefined {
  const prefix = parseIpv6Prefix(value);
  if (typeof prefix === 'string') return undefined;
  const [network, bits] = [ipToInteger(prefix.address), BigInt(128 - prefix.lengthBits)];
  const hostMask = (1n << bits) - 1n;
  const map = (own: IpAddress) => ipv6OfInteger(network | (ipToInteger(own) & hostMask));
  return { text: formatIpPrefix(prefix), map };
}

class NetmapTarget implements Target {
  readonly #isIpv6: boolean;
  #network: Network | undefined = undefined;

  constructor({ family }: ParseEnvironment) {
    this.#isIpv6 = family === 'ipv6';
  }

  option(_name: string, text: string): string | undefined {
    this.#network = this.#isIpv6 ? ipv6Network(text) : ipv4Network(text);
    if (this.#network !== undefined) return undefined;
    return `NETMAP: Bad value for "--to" option: "${text}"`;
  }

  finish(): string | undefined {
    return this.#network === undefined ? mustBeSpecified('NETMAP', '--to') : undefined;
  }

  run({ packet, namespace, hook, source, destination }: Inspection): Outcome {
    if (packet.connection === undefined) return Outcome.drop;
    const isSource = rewritesSource(hook);
    const mapped = this.#network!.map(isSource ? source : destination);
    const range = { ...nullRange(), addressMin: mapped, addressMax: mapped };
    namespace.tables.nat.setup(packet.connection, range, isSource);
    return Outcome.accept;
  }

  save(): string {
    return ` --to ${this.#network!.text}`;
  }

  list(): string {
    return ` to:${this.#network!.text}`;
  }
}

/** `-j NETMAP`. */
export const netmapTarget: TargetKind = {
  name: 'NETMAP',
  options: ['--to='],
  tables: ['nat'],
  hooks: [Hook.prerouting, Hook.output, Hook.postrouting, Hook.input],
  create: (environment) => new NetmapTarget(environment),
};
