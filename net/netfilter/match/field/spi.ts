/**
 * The `esp` and `ah` matches: the security parameters index of an IPsec header.
 * Mirrors `extensions/libxt_esp.c` and `libipt_ah.c`.
 */
import { readU32 } from '../../../../wire/bytes.ts';
import type { MatchKind } from '../../extension.ts';
import { badInteger } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { fieldMatchKind } from './field-match.ts';

interface SpiRange {
  readonly min: number;
  readonly max: number;
}

function spiMatchKind(name: 'esp' | 'ah', protocol: number, offsetBytes: number): MatchKind {
  const rangeText = ({ min, max }: SpiRange) => (min === max ? String(min) : `${min}:${max}`);
  return fieldMatchKind<SpiRange>({
    name,
    options: [`--${name}spi`],
    parse: (text, option) => {
      const [first = '', second = first] = text.split(':');
      const [min, max] = [parseUnsigned32(first), parseUnsigned32(second)];
      return min === undefined || max === undefined ? badInteger(name, option) : { min, max };
    },
    holds: (inspection, { min, max }) => {
      if (!inspection.hasTransport(offsetBytes + 4)) return undefined;
      const spi = readU32(inspection.bytes, inspection.transportAt + offsetBytes);
      return spi >= min && spi <= max;
    },
    save: (range, not) => ` ${not}--${name}spi ${rangeText(range)}`,
    list: (range, isNegated) => {
      const word = range.min === range.max ? 'spi' : 'spis';
      return ` ${name} ${word}:${isNegated ? '!' : ''}${rangeText(range)}`;
    },
    isAllowed: (head) => head.protocol === protocol && !head.isProtocolNegated,
  });
}

/** `-m esp`. */
export const espMatch = spiMatchKind('esp', 50, 0);
/** `-m ah`. */
export const ahMatch: MatchKind = { ...spiMatchKind('ah', 51, 4), family: 'ipv4' };
