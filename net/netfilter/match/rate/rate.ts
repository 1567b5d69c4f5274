/**
 * Rates as `limit` and `hashlimit` take and print them: packets per second, minute, hour or day, kept
 * as the period of one packet in units of 1/10000 s. Mirrors `parse_rate` and `print_rate` of
 * `extensions/libxt_limit.c`.
 */

/** How many units of a period make a second. */
export const SCALE = 10_000;
const UNITS: readonly (readonly [string, number])[] = [
  ['day', SCALE * 86_400],
  ['hour', SCALE * 3_600],
  ['min', SCALE * 60],
  ['sec', SCALE],
];
const UNIT_NAMES: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3_600],
  ['day', 86_400],
];

/** The period of one packet in 1/10000 s, or iptables' error text. */
export function parseRate(text: string): number | string {
  const [countText = '', unitText] = text.split('/');
  let unitSeconds = 1;
  if (unitText !== undefined) {
    const unit = UNIT_NAMES.find(([name]) => unitText !== '' && name.startsWith(unitText));
    if (unit === undefined) return `bad rate "${text}"'`;
    unitSeconds = unit[1];
  }
  const count = Number.parseInt(countText, 10);
  if (!(count > 0)) return `bad rate "${text}"'`;
  const period = Math.floor((SCALE * unitSeconds) / count);
  return count / unitSeconds > SCALE || period === 0 ? `Rate too fast "${text}"` : period;
}

/** `3/hour`, `10/sec`: a period as iptables prints it. */
export function rateText(period: number): string {
  let index = 1;
  for (; index < 4; index++) {
    const scale = UNITS[index]![1];
    if (period > scale || Math.floor(scale / period) < scale % period) break;
  }
  const [name, scale] = UNITS[index - 1]!;
  return `${Math.floor(scale / period)}/${name}`;
}
