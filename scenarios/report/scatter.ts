/**
 * Points in a terminal, a character each, behind axes with labels. Later points cover earlier ones.
 */

/** A point and how it is drawn. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  /** One character. */
  readonly text: string;
}

/** How large the plot is and how it writes its numbers. */
export interface ScatterOptions {
  /** Of the whole plot, labels included; at least 30 are used. */
  readonly widthColumns: number;
  readonly heightRows: number;
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Without characters beyond ASCII. */
  readonly isAscii?: boolean;
}

const WIDTH_COLUMNS_MIN = 30;

/** The points; empty when there are none. A span of nothing is widened, so that one point shows. */
export function plotScatter(marks: readonly Mark[], options: ScatterOptions): string {
  if (marks.length === 0) return '';
  const [minX, maxX] = rangeOf(marks.map((mark) => mark.x));
  const [minY, maxY] = rangeOf(marks.map((mark) => mark.y));
  const { formatX, formatY, heightRows, isAscii } = options;
  const labels = [formatY(maxY), formatY(minY)];
  const margin = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(options.widthColumns, WIDTH_COLUMNS_MIN) - margin - 2;
  const cells = Array.from({ length: heightRows }, () => Array<string>(columns).fill(' '));
  for (const { x, y, text } of marks) {
    const column = Math.round(((x - minX) / (maxX - minX)) * (columns - 1));
    const row = Math.round(((maxY - y) / (maxY - minY)) * (heightRows - 1));
    cells[row]![column] = text;
  }
  const [plain, marked] = isAscii === true ? ['|', '+'] : ['│', '┤'];
  const rows = cells.map((row, i) => {
    const label = i === 0 ? labels[0]! : i === heightRows - 1 ? labels[1]! : '';
    return `${label.padStart(margin)} ${label === '' ? plain : marked}${row.join('').trimEnd()}`;
  });
  const right = formatX(maxX);
  const axis = formatX(minX).padEnd(columns - right.length) + right;
  return [...rows, ' '.repeat(margin + 2) + axis].join('\n');
}

function rangeOf(values: readonly number[]): [number, number] {
  const min = Math.min(...values);
  const max = Math.max(...values);
  return max > min ? [min, max] : [min - 0.5, max + 0.5];
}
