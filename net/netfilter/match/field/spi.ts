/**
 * The `esp` and `ah` matches: the security parameters index of an IPsec header, and in IPv6 the length
 * and the reserved field of an authentication header, which is one of the extension headers there.
 * Mirrors `extensions/libxt_esp.c`, `libipt_ah.c`, `libip6t_ah.c` and `net/ipv6/netfilter/ip6t_ah.c`.
 */
import { readU16, readU32 } from '../../../../wire/bytes.ts';
import type { Match, MatchKind } from '../../extension.ts';
import { extensionHeaderAt, IPV6_EXTENSION } from '../../header/extension-header.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange, parseRange32 } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { fieldMatchKind } from './field-match.ts';

interface SpiRange {
  readonly min: number;
  readonly max: number;
}

const ANY: SpiRange = { min: 0, max: 0xffff_ffff };

function rangeText({ min, max }: SpiRange): string {
  return min === max ? String(min) : `${min}:${max}`;
}

function isAny({ min, max }: SpiRange): boolean {
  return min === ANY.min && max === ANY.max;
}

function spiMatchKind(name: 'esp' | 'ah', protocol: number, offsetBytes: number): MatchKind {
  return fieldMatchKind<SpiRange>({
    name,
    options: [`--${name}spi`],
    bare: ANY,
    parse: (text, option) => parseRange32(name, option, text),
    holds: (inspection, { min, max }) => {
      if (!inspection.hasTransport(offsetBytes + 4)) return undefined;
      const spi = readU32(inspection.bytes, inspection.transportAt + offsetBytes);
      return spi >= min && spi <= max;
    },
    save: (range, not) => (isAny(range) ? '' : ` ${not}--${name}spi ${rangeText(range)}`),
    list: (range, isNegated) => {
      if (isAny(range) && !isNegated) return name === 'ah' ? ' ah ' : ' esp';
      const word = range.min === range.max ? 'spi' : 'spis';
      return ` ${name} ${word}:${isNegated ? '!' : ''}${rangeText(range)}`;
    },
    isAllowed: (head) => head.protocol === protocol && !head.isProtocolNegated,
  });
}

/** `-m esp`. */
export const espMatch = spiMatchKind('esp', 50, 0);
/** `-m ah` of iptables. */
export const ahMatch: MatchKind = { ...spiMatchKind('ah', 51, 4), family: 'ipv4' };

class Ah6Match implements Match {
  #range: SpiRange = ANY;
  #isNegated = false;
  #lengthBytes = 0;
  #isLengthNegated = false;
  #isReserved = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--ahres') {
      this.#isReserved = true;
      return undefined;
    }
    if (name === '--ahlen') {
      const length = parseUnsigned32(text);
      if (length === undefined) return outOfRange('ah', name, 0, 0xffff_ffff);
      this.#lengthBytes = length;
      this.#isLengthNegated = isNegated;
      return undefined;
    }
    const range = parseRange32('ah', name, text);
    if (typeof range === 'string') return range;
    this.#range = range;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    const { bytes } = inspection;
    const at = extensionHeaderAt(inspection, IPV6_EXTENSION.authentication);
    if (at < 0 || inspection.end - at < 12) return false;
    const spi = readU32(bytes, at + 4);
    const isInRange = spi >= this.#range.min && spi <= this.#range.max;
    if (isInRange === this.#isNegated) return false;
    const lengthBytes = (bytes[at + 1]! + 2) << 2;
    if (this.#lengthBytes !== 0 && (lengthBytes === this.#lengthBytes) === this.#isLengthNegated) {
      return false;
    }
    return !this.#isReserved || readU16(bytes, at + 2) === 0;
  }

  save(): string {
    let text = isAny(this.#range)
      ? ''
      : `${this.#isNegated ? ' !' : ''} --ahspi ${rangeText(this.#range)}`;
    if (this.#lengthBytes !== 0 || this.#isLengthNegated) {
      text += `${this.#isLengthNegated ? ' !' : ''} --ahlen ${this.#lengthBytes}`;
    }
    return this.#isReserved ? `${text} --ahres` : text;
  }

  list(): string {
    let text = ' ah';
    if (!isAny(this.#range) || this.#isNegated) {
      const word = this.#range.min === this.#range.max ? 'spi' : 'spis';
      text += ` ${word}:${this.#isNegated ? '!' : ''}${rangeText(this.#range)}`;
    }
    if (this.#lengthBytes !== 0 || this.#isLengthNegated) {
      text += ` length:${this.#isLengthNegated ? '!' : ''}${this.#lengthBytes}`;
    }
    return this.#isReserved ? `${text} reserved` : text;
  }
}

/** `-m ah` of ip6tables. */
export const ah6Match: MatchKind = {
  name: 'ah',
  family: 'ipv6',
  options: ['--ahspi=', '--ahlen=', '--ahres'],
  plain: ['--ahres'],
  create: () => new Ah6Match(),
};
