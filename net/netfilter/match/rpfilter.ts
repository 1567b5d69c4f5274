/**
 * The `rpfilter` match: would an answer leave by the device that the packet came in by?
 * Mirrors `extensions/libxt_rpfilter.c` and `net/ipv4/netfilter/ipt_rpfilter.c`.
 */
import { isMulticastAddress } from '../../../wire/addresses.ts';
import { isIpv6Address } from '../../../wire/ip-address.ts';
import { isIpv6Multicast, isLinkLocal } from '../../../wire/ipv6/scope.ts';
import type { Match, MatchKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';

const OPTIONS = ['--loose', '--validmark', '--accept-local', '--invert'] as const;

class RpfilterMatch implements Match {
  readonly #given = new Set<string>();

  option(name: string): string | undefined {
    this.#given.add(name);
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    return this.#isValid(inspection) !== this.#given.has('--invert');
  }

  #isValid({ namespace, inDevice, source, destination, packet }: Inspection): boolean {
    if (inDevice === undefined || inDevice.kind === 'loopback') return true;
    // 0.0.0.0 asks for an address, to all or to a group
    if (source === 0 && (isMulticastAddress(destination) || destination === 0xffff_ffff))
      return true;
    const mark = this.#given.has('--validmark') ? packet.mark : 0;
    if (isIpv6Address(source) && (isLinkLocal(source) || isIpv6Multicast(source))) return true;
    const route = namespace.routeLookup({ destination: source, mark });
    if (route === undefined) return false;
    if (route.type === 'local') return this.#given.has('--accept-local');
    if (route.type !== 'unicast') return false;
    return this.#given.has('--loose') || route.device === inDevice;
  }

  save(): string {
    return this.#text(' --');
  }

  list(): string {
    return ` rpfilter${this.#text(' ')}`;
  }

  #text(before: string): string {
    return OPTIONS.filter((option) => this.#given.has(option))
      .map((option) => before + option.slice(2))
      .join('');
  }
}

/** `-m rpfilter`. */
export const rpfilterMatch: MatchKind = {
  name: 'rpfilter',
  options: OPTIONS,
  plain: OPTIONS,
  tables: ['raw', 'mangle'],
  hooks: [Hook.prerouting],
  create: () => new RpfilterMatch(),
};
