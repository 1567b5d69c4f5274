/**
 * The `length` match: the length of the IP packet, header included, in bytes.
 * Mirrors `extensions/libxt_length.c`.
 */
import { badEnd } from '../../options.ts';
import { fieldMatchKind } from './field-match.ts';

interface LengthRange {
  readonly min: number;
  readonly max: number;
}

function parseLength(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

/** `-m length`. */
export const lengthMatch = fieldMatchKind<LengthRange>({
  name: 'length',
  options: ['--length'],
  parse: (text, option) => {
    const [first = '', second] = text.split(':');
    const ends = [first, second ?? first];
    const min = ends[0] === '' && second !== undefined ? 0 : parseLength(ends[0]!);
    const max = ends[1] === '' && second !== undefined ? 65_535 : parseLength(ends[1]!);
    if (min !== undefined && max !== undefined) return { min, max };
    return badEnd('length', option, (min === undefined ? ends[0] : ends[1])!);
  },
  holds: ({ at, end }, { min, max }) => end - at >= min && end - at <= max,
  save: (value, not) => ` ${not}--length ${rangeText(value)}`,
  list: (value, isNegated) => ` length ${isNegated ? '!' : ''}${rangeText(value)}`,
});

function rangeText({ min, max }: LengthRange): string {
  return min === max ? String(min) : `${min}:${max}`;
}
