/**
 * Ranges of numbers as `frag` and `rt` take and print them.
 */

/** Numbers from one to another, or all others. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly isNegated: boolean;
}

/** True when a number is of the range; any is of one that is not there. */
export function contains(range: NumberRange | undefined, value: number): boolean {
  if (range === undefined) return true;
  return (value >= range.min && value <= range.max) !== range.isNegated;
}

function isWhole({ min, max }: NumberRange): boolean {
  return min === 0 && max === 0xffff_ffff;
}

function rangeText({ min, max }: NumberRange): string {
  return min === max ? `${min}` : `${min}:${max}`;
}

/** As `ip6tables-save` prints it; nothing for every number. */
export function savedRange(option: string, range: NumberRange | undefined): string {
  if (range === undefined || isWhole(range)) return '';
  return `${range.isNegated ? ' !' : ''} --${option} ${rangeText(range)}`;
}

/** As `ip6tables -L` prints it. */
export function listedRange(name: string, range: NumberRange | undefined): string {
  if (range === undefined || (isWhole(range) && !range.isNegated)) return '';
  const plural = range.min === range.max ? '' : 's';
  return ` ${name}${plural}:${range.isNegated ? '!' : ''}${rangeText(range)}`;
}
