/**
 * The `iprange` match: source and destination between two addresses each.
 * Mirrors `extensions/libxt_iprange.c` (revision 1).
 */
import {
  compareIps,
  formatIp,
  type IpAddress,
  isIpv6Address,
  parseIp,
} from '../../../../wire/ip-address.ts';
import type { Match, MatchKind, ParseEnvironment } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';

interface AddressRange {
  readonly min: IpAddress;
  readonly max: IpAddress;
  readonly isNegated: boolean;
}

function contains({ min, max, isNegated }: AddressRange, address: IpAddress): boolean {
  const isIn = compareIps(address, min) >= 0 && compareIps(address, max) <= 0;
  return isIn !== isNegated;
}

class IprangeMatch implements Match {
  readonly #isIpv6: boolean;
  #source: AddressRange | undefined = undefined;
  #destination: AddressRange | undefined = undefined;

  constructor({ family }: ParseEnvironment) {
    this.#isIpv6 = family === 'ipv6';
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    const isSource = name === '--src-range';
    const [first = '', second = first] = text.split('-');
    const min = this.#parse(first);
    if (min === undefined) return `iprange: Bad value for "${name}" option: "${first}"`;
    const max = this.#parse(second);
    if (max === undefined) return `iprange: Bad value for "${name}" option: "${second}"`;
    if (isSource) this.#source = { min, max, isNegated };
    else this.#destination = { min, max, isNegated };
    return undefined;
  }

  #parse(text: string): IpAddress | undefined {
    const address = parseIp(text);
    const isOwn = address !== undefined && isIpv6Address(address) === this.#isIpv6;
    return isOwn ? address : undefined;
  }

  finish(): string | undefined {
    if (this.#source !== undefined || this.#destination !== undefined) return undefined;
    return "iprange match: You must specify `--src-range' or `--dst-range'";
  }

  matches({ source, destination }: Inspection): boolean {
    if (this.#source !== undefined && !contains(this.#source, source)) return false;
    return this.#destination === undefined || contains(this.#destination, destination);
  }

  save(): string {
    return saveText('--src-range', this.#source) + saveText('--dst-range', this.#destination);
  }

  list(): string {
    return listText('source', this.#source) + listText('destination', this.#destination);
  }
}

function saveText(option: string, range: AddressRange | undefined): string {
  return range === undefined ? '' : `${range.isNegated ? ' !' : ''} ${option} ${rangeText(range)}`;
}

function listText(side: string, range: AddressRange | undefined): string {
  if (range === undefined) return '';
  return ` ${side} IP range${range.isNegated ? ' !' : ''} ${rangeText(range)}`;
}

function rangeText({ min, max }: AddressRange): string {
  return `${formatIp(min)}-${formatIp(max)}`;
}

/** `-m iprange`. */
export const iprangeMatch: MatchKind = {
  name: 'iprange',
  options: ['--src-range=', '--dst-range='],
  create: (environment) => new IprangeMatch(environment),
};
