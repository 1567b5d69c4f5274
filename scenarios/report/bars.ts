/**
 * Histograms in a terminal: a bar for each of some equal ranges, with an eighth of a character's
 * precision, or in ASCII.
 */

/** How large a histogram is and how it writes its values. */
export interface BarOptions {
  /** Of the whole line; bars take what labels leave. */
  readonly widthColumns: number;
  readonly format: (value: number) => string;
  /** Without characters beyond ASCII. */
  readonly isAscii?: boolean;
}

const BAR_COLUMNS_MIN = 10;
const RANGES_MAX = 12;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
/** Widths of ranges, times a power of ten. */
const ROUND_WIDTHS = [1, 2, 5, 10] as const;

/**
 * How many of the values are in each range of a round width, a line each; empty when there are
 * none. A value on a border counts to the range that it begins.
 */
export function plotHistogram(values: readonly number[], options: BarOptions): string {
  if (values.length === 0) return '';
  const min = Math.min(...values);
  const width = rangeWidth(Math.max(...values) - min);
  const first = Math.floor(min / width);
  const counts: number[] = [];
  for (const value of values) {
    const range = Math.floor(value / width) - first;
    counts[range] = (counts[range] ?? 0) + 1;
  }
  const labels = Array.from(counts, (_, i) => options.format((first + i) * width));
  const most = Math.max(...counts.filter((count) => count !== undefined));
  const labelColumns = Math.max(...labels.map((label) => label.length));
  const countColumns = String(most).length;
  const room = options.widthColumns - labelColumns - countColumns - 4;
  const barColumns = Math.max(BAR_COLUMNS_MIN, room);
  return labels
    .map((label, i) => {
      const count = counts[i] ?? 0;
      const bar = barOf((count / most) * barColumns, options.isAscii === true);
      return `${label.padStart(labelColumns)}  ${String(count).padStart(countColumns)}  ${bar}`;
    })
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The least round width with which the span takes no more ranges than there may be. */
function rangeWidth(span: number): number {
  if (span <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(span / RANGES_MAX));
  const round = ROUND_WIDTHS.find((width) => span / (width * power) <= RANGES_MAX - 1);
  return (round ?? 10) * power;
}

function barOf(columns: number, isAscii: boolean): string {
  if (isAscii) return '#'.repeat(Math.round(columns));
  const eighths = Math.round(columns * 8);
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
}
