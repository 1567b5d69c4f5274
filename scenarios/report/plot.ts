/**
 * Curves in a terminal: braille characters, two dots wide and four high each, behind an axis with
 * labels; where there are none, ASCII that tells the upper half of a line from the lower. Width is a
 * parameter, colour is not needed.
 */

/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How large a plot is and how it writes its numbers. */
export interface PlotOptions {
  /** Of the whole plot, labels included; at least 30 are used. */
  readonly widthColumns: number;
  /** Of the curve, without the line of labels; an odd number gets a label in the middle. */
  readonly heightRows: number;
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Without characters beyond ASCII. */
  readonly isAscii?: boolean;
}

const WIDTH_COLUMNS_MIN = 30;
const DOTS_ACROSS = 2;
const DOTS_DOWN = 4;
/** Unicode's bit of each dot, by row and column of a cell. */
const DOT_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BLANK_CELL = 0x2800;
/** The bits of a cell's upper two rows of dots. */
const UPPER_BITS = 0x1b;

/** A bitmap of braille cells. */
class Canvas {
  readonly dotsWide: number;
  readonly dotsHigh: number;
  readonly #cellsWide: number;
  readonly #cells: Uint8Array;

  constructor(cellsWide: number, cellsHigh: number) {
    this.#cellsWide = cellsWide;
    this.dotsWide = cellsWide * DOTS_ACROSS;
    this.dotsHigh = cellsHigh * DOTS_DOWN;
    this.#cells = new Uint8Array(cellsWide * cellsHigh);
  }

  /** Sets a dot; (0, 0) is at the bottom left. */
  dot(x: number, y: number): void {
    const down = this.dotsHigh - 1 - y;
    const cell = Math.floor(down / DOTS_DOWN) * this.#cellsWide + Math.floor(x / DOTS_ACROSS);
    this.#cells[cell]! |= DOT_BITS[down % DOTS_DOWN]![x % DOTS_ACROSS]!;
  }

  /** Sets the dots of a straight line. */
  line(fromX: number, fromY: number, toX: number, toY: number): void {
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    for (let i = 0; i <= steps; i++) {
      const x = Math.round(fromX + ((toX - fromX) * i) / steps);
      const y = Math.round(fromY + ((toY - fromY) * i) / steps);
      this.dot(x, y);
    }
  }

  rows(textOf: (bits: number) => string): string[] {
    const rows: string[] = [];
    for (let at = 0; at < this.#cells.length; at += this.#cellsWide) {
      const row = [...this.#cells.subarray(at, at + this.#cellsWide)];
      rows.push(row.map(textOf).join(''));
    }
    return rows;
  }
}

function brailleOf(bits: number): string {
  return String.fromCharCode(BLANK_CELL + bits);
}

function asciiOf(bits: number): string {
  if (bits === 0) return ' ';
  if ((bits & UPPER_BITS) === 0) return '.';
  return (bits & ~UPPER_BITS) === 0 ? "'" : ':';
}

/** A curve through points of ascending x; empty when there are fewer than two different x. */
export function plotCurve(points: readonly Point[], options: PlotOptions): string {
  const ys = points.map((point) => point.y);
  return plot(points, Math.min(0, ...ys), Math.max(...ys), options);
}

/**
 * The empirical distribution of ascending values as steps from 0 to 1; empty when all values are
 * equal, since a step at one place says nothing that the place does not.
 */
export function plotEcdf(
  ascending: readonly number[],
  options: Omit<PlotOptions, 'formatY'>,
): string {
  const points: Point[] = [];
  ascending.forEach((x, i) => {
    points.push({ x, y: i / ascending.length }, { x, y: (i + 1) / ascending.length });
  });
  const formatY = (y: number): string => `${Math.round(y * 100)}%`;
  return plot(points, 0, 1, { ...options, formatY });
}

function plot(points: readonly Point[], minY: number, maxY: number, options: PlotOptions): string {
  const minX = points[0]?.x ?? 0;
  const maxX = points.at(-1)?.x ?? 0;
  if (maxX <= minX || maxY <= minY) return '';
  const { formatX, formatY, heightRows } = options;
  const marks = new Map([
    [0, formatY(maxY)],
    [heightRows - 1, formatY(minY)],
  ]);
  if (heightRows % 2 === 1) marks.set((heightRows - 1) / 2, formatY((minY + maxY) / 2));
  const margin = Math.max(...[...marks.values()].map((mark) => mark.length));
  const columns = Math.max(options.widthColumns, WIDTH_COLUMNS_MIN) - margin - 2;
  const canvas = new Canvas(columns, heightRows);
  const dotX = (x: number): number =>
    Math.round(((x - minX) / (maxX - minX)) * (canvas.dotsWide - 1));
  const dotY = (y: number): number =>
    Math.round(((y - minY) / (maxY - minY)) * (canvas.dotsHigh - 1));
  let last: Point | undefined;
  for (const point of points) {
    const from = last ?? point;
    canvas.line(dotX(from.x), dotY(from.y), dotX(point.x), dotY(point.y));
    last = point;
  }
  const isAscii = options.isAscii === true;
  const [plain, marked] = isAscii ? ['|', '+'] : ['│', '┤'];
  const rows = canvas.rows(isAscii ? asciiOf : brailleOf).map((cells, row) => {
    const mark = marks.get(row);
    const axis = mark === undefined ? plain : marked;
    return `${(mark ?? '').padStart(margin)} ${axis}${trimCells(cells)}`;
  });
  const labels = axisLabels(columns, [formatX(minX), formatX((minX + maxX) / 2), formatX(maxX)]);
  return [...rows, `${' '.repeat(margin + 2)}${labels}`].join('\n');
}

/** A row without the blank cells at its end. */
function trimCells(cells: string): string {
  return cells.replace(/[ \u2800]+$/, '');
}

/** Three labels: at the left, in the middle when there is room, and at the right. */
function axisLabels(columns: number, [left, middle, right]: [string, string, string]): string {
  const start = Math.floor((columns - middle.length) / 2);
  const hasRoom = start > left.length && start + middle.length < columns - right.length;
  const head = hasRoom ? left.padEnd(start) + middle : left;
  return head.padEnd(columns - right.length) + right;
}
