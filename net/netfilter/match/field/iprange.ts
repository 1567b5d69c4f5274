/**
 * The `iprange` match: source and destination between two addresses each.
 * Mirrors `extensions/libxt_iprange.c` (revision 1).
 */
import { formatIpv4Address, parseIpv4Address } from '../../../../wire/addresses.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { onlyOnce } from '../../options.ts';

interface AddressRange {
  readonly min: number;
  readonly max: number;
  readonly isNegated: boolean;
}

function contains({ min, max, isNegated }: AddressRange, address: number): boolean {
  return (address >= min && address <= max) !== isNegated;
}

class IprangeMatch implements Match {
  #source: AddressRange | undefined = undefined;
  #destination: AddressRange | undefined = undefined;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    const isSource = name === '--src-range';
    if ((isSource ? this.#source : this.#destination) !== undefined) {
      return onlyOnce('iprange', name);
    }
    const [first = '', second = first] = text.split('-');
    const min = parseIpv4Address(first);
    if (min === undefined) return `iprange: Bad value for "${name}" option: "${first}"`;
    const max = parseIpv4Address(second);
    if (max === undefined) return `iprange: Bad value for "${name}" option: "${second}"`;
    if (isSource) this.#source = { min, max, isNegated };
    else this.#destination = { min, max, isNegated };
    return undefined;
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
  return `${formatIpv4Address(min)}-${formatIpv4Address(max)}`;
}

/** `-m iprange`. */
export const iprangeMatch: MatchKind = {
  name: 'iprange',
  family: 'ipv4',
  options: ['--src-range=', '--dst-range='],
  create: () => new IprangeMatch(),
};
