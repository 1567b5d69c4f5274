/**
 * What the reports of gossip experiments have in common: headings, tables of load and of false
 * alarms, the curve of the views that say dead, and how spans and shares are written.
 */
import { formatDuration, SECOND_NS } from '../../../sim/time.ts';
import { plotCurve } from '../../report/plot.ts';
import { type Paint, table } from '../../report/style.ts';
import type { CurvePoint } from '../dead-views.ts';
import type { AlarmCounts } from '../false-alarms.ts';
import type { Load } from '../load.ts';

const CURVE_ROWS = 9;
/** How much of a curve's span is shown before it begins to rise. */
const LEAD_RATIO = 0.05;

/** How a report is written, and what it says of the settings. */
export interface ReportOptions {
  readonly hasColour: boolean;
  /** Without characters beyond ASCII. */
  readonly isAscii: boolean;
  readonly widthColumns: number;
  /** The configuration: the profile's name, and what differs from it. */
  readonly profile: string;
  /** The command that replays the experiment. */
  readonly replay: string;
}

/** A heading with what stands below it. */
export function section(paint: Paint, title: string, body: string): string {
  return `${paint('strong', title)}\n${indent(body)}`;
}

/** The text two blanks to the right. */
function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

/** What members send, a row for each named span of time. */
export function loadTable(rows: readonly (readonly [name: string, load: Load])[]): string {
  const cells = rows.map(([name, load]) => [
    name,
    load.packets.toFixed(2),
    load.packetBytes.toFixed(1),
    load.streams.toFixed(3),
    load.streamBytes.toFixed(1),
  ]);
  const head = ['', 'packets', 'bytes', 'streams', 'bytes'];
  return table([head, ...cells], ['left', 'right', 'right', 'right', 'right']);
}

/** False alarms, counted in both ways. */
export function alarmsTable(alarms: AlarmCounts): string {
  const rows = [
    ['members that run, called dead', count(alarms.deadMembers)],
    ['by how many in all', count(alarms.deaths)],
    ['suspicions of members that run', count(alarms.suspicions)],
    ['refutations', count(alarms.refutations)],
  ];
  return table(rows, ['left', 'right']);
}

/**
 * The share of the views that say dead; from shortly before the first on, unless `fromNs` says from
 * when. Empty when there is nothing to see.
 */
export function deadCurve(
  points: readonly CurvePoint[],
  options: ReportOptions,
  span?: { readonly fromNs: number; readonly toNs: number },
): string {
  const first = points[0]?.atNs ?? 0;
  const last = points.at(-1)?.atNs ?? 0;
  const fromNs = span?.fromNs ?? Math.max(0, first - Math.max(LEAD_RATIO * (last - first), 1));
  const toNs = span?.toNs ?? last;
  const steps = [{ x: fromNs, y: 0 }];
  for (const { atNs, deadRatio } of points) {
    steps.push({ x: atNs, y: steps.at(-1)!.y }, { x: atNs, y: deadRatio });
  }
  steps.push({ x: toNs, y: steps.at(-1)!.y });
  return plotCurve(steps, {
    widthColumns: options.widthColumns - 2,
    heightRows: CURVE_ROWS,
    formatX: (x) => `${(x / SECOND_NS).toFixed(toNs - fromNs < 20 * SECOND_NS ? 2 : 1)}s`,
    formatY: (y) => `${Math.round(y * 100)}%`,
    isAscii: options.isAscii,
  });
}

/** The last line: the digest and the command. */
export function footer(paint: Paint, digest: string, options: ReportOptions): string {
  return paint('quiet', `digest ${digest}   replay: ${options.replay}`);
}

/** A span with three decimals of a second, or never. */
export function span(spanNs: number | undefined): string {
  if (spanNs === undefined) return 'never';
  return spanNs >= SECOND_NS ? `${(spanNs / SECOND_NS).toFixed(3)}s` : formatDuration(spanNs);
}

/** Seconds, or JSON's null for what did not happen. */
export function secondsOf(spanNs: number | undefined): number | null {
  return spanNs === undefined ? null : spanNs / SECOND_NS;
}

/** A share, never rounded up to all. */
export function percent(ratio: number): string {
  if (ratio === 1) return '100%';
  return `${(Math.floor(ratio * 10_000) / 100).toFixed(2)}%`;
}

/** A share as somebody would type it: `5%`, `0.25%`. */
export function plainPercent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(12))}%`;
}

/** A whole number with commas between thousands. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A curve as programs read it: seconds and shares. */
export function curvePairs(points: readonly CurvePoint[]): (readonly [number, number])[] {
  return points.map(({ atNs, deadRatio }) => [atNs / SECOND_NS, deadRatio]);
}
