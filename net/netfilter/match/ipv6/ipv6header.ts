/**
 * The `ipv6header` match: which extension headers a packet has.
 * Mirrors `extensions/libip6t_ipv6header.c` and `net/ipv6/netfilter/ip6t_ipv6header.c`.
 */
import { NextHeader } from '../../../../wire/ipv6/header.ts';
import type { Match, MatchKind } from '../../extension.ts';
import { extensionHeadersOf, IPV6_EXTENSION } from '../../header/extension-header.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';
import { parseProtocol } from '../../protocols.ts';

/** Names, numbers and bits of the headers that `ipv6header` knows, in the order in which it prints them. */
const HEADERS: readonly (readonly [string, string, number, number])[] = [
  ['hop-by-hop', 'hop', IPV6_EXTENSION.hopByHop, 0x80],
  ['ipv6-opts', 'dst', IPV6_EXTENSION.destination, 0x40],
  ['ipv6-route', 'route', IPV6_EXTENSION.routing, 0x20],
  ['ipv6-frag', 'frag', IPV6_EXTENSION.fragment, 0x10],
  ['ah', 'auth', IPV6_EXTENSION.authentication, 0x08],
  ['esp', 'esp', IPV6_EXTENSION.encryption, 0x04],
  ['ipv6-nonxt', 'none', IPV6_EXTENSION.none, 0x02],
  ['protocol', 'prot', 255, 0x01],
];

/** `ipv6header`: which headers there are, all of them or, softly, these among others. */
class Ipv6headerMatch implements Match {
  #bits: number | undefined = undefined;
  #isNegated = false;
  #isSoft = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--soft') {
      this.#isSoft = true;
      return undefined;
    }
    let bits = 0;
    for (const word of text.split(',')) {
      const known = HEADERS.find(([long, short, number]) => {
        return (
          long === word || short === word || (number !== 255 && parseProtocol(word) === number)
        );
      });
      if (known === undefined) return `unknown header \`${word}' specified`;
      bits |= known[3];
    }
    this.#bits = bits;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#bits === undefined ? mustBeSpecified('ipv6header', '--header') : undefined;
  }

  matches(inspection: Inspection): boolean {
    let present = 0;
    for (const { type } of extensionHeadersOf(inspection)) {
      present |= HEADERS.find(([, , number]) => number === type)?.[3] ?? 0;
    }
    const ends = IPV6_EXTENSION.encryption === inspection.protocol;
    if (!ends && inspection.protocol !== NextHeader.none) present |= 1;
    const wanted = this.#bits!;
    const fits = this.#isSoft ? (present & wanted) === wanted : present === wanted;
    return fits !== this.#isNegated;
  }

  save(): string {
    const names = HEADERS.filter(([, , , bit]) => this.#bits! & bit).map(([name]) => name);
    const text = `${this.#isNegated ? ' !' : ''} --header ${names.join(',')}`;
    return this.#isSoft ? `${text} --soft` : text;
  }

  list(isNumeric: boolean): string {
    const names = HEADERS.filter(([, , , bit]) => this.#bits! & bit).map(([name]) => name);
    const hex = `0x${this.#bits!.toString(16).toUpperCase().padStart(2, '0')}`;
    const flags = isNumeric ? hex : names.join(',');
    return ` ipv6header flags:${this.#isNegated ? '!' : ''}${flags}${this.#isSoft ? ' soft' : ''}`;
  }
}

/** `-m ipv6header`. */
export const ipv6headerMatch: MatchKind = {
  name: 'ipv6header',
  family: 'ipv6',
  options: ['--header=', '--soft'],
  plain: ['--soft'],
  create: () => new Ipv6headerMatch(),
};
