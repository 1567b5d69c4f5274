/**
 * A sweep as people read it: the distribution of every measure, its empirical distribution function
 * where it is a span, how often each expectation was met, and how to see a failure again.
 */
import { plotEcdf } from '../scenarios/report/plot.ts';
import { type Paint, painter, table } from '../scenarios/report/style.ts';
import { formatMeasure } from '../scenarios/report/terminal.ts';
import type { MeasureUnit } from '../scenarios/result.ts';
import type { MeasureSummary, SweepResult } from './sweep.ts';

/** Options of the report. */
export interface SweepReportOptions {
  readonly hasColour: boolean;
  readonly widthColumns: number;
  /** The command that replays one seed. */
  readonly replayOf: (seed: string) => string;
}

const PLOT_HEIGHT_ROWS = 5;
const PLOT_WIDTH_COLUMNS_MAX = 80;
/** With fewer values the table says it all. */
const PLOT_VALUES_MIN = 5;
/** How many crashed seeds are named. */
const CRASHES_SHOWN_MAX = 5;

/** Renders the whole report, a final newline included. */
export function formatSweepReport(result: SweepResult, options: SweepReportOptions): string {
  const paint = painter(options.hasColour);
  const sections = [
    `${paint('strong', result.scenario)}, ${result.seedCount} seeds`,
    ...(result.measures.length === 0
      ? []
      : [section(paint, 'Measures', measuresTable(result.measures, paint))]),
    ...plotsOf(result.measures, options, paint),
  ];
  if (result.expectations.length > 0) {
    sections.push(section(paint, 'Expectations', expectationsTable(result, options, paint)));
  }
  if (result.crashedSeeds.length > 0) {
    sections.push(section(paint, 'Crashed', crashesOf(result, options, paint)));
  }
  sections.push(verdictOf(result, options, paint));
  return `${sections.join('\n\n')}\n`;
}

function section(paint: Paint, title: string, body: string): string {
  const lines = body.split('\n').map((line) => (line === '' ? '' : `  ${line}`));
  return [paint('strong', title), ...lines].join('\n');
}

function measuresTable(measures: readonly MeasureSummary[], paint: Paint): string {
  const head = ['', 'count', 'never', 'min', 'median', 'p90', 'p99', 'max'];
  const rows = measures.map((measure) => {
    const { distribution } = measure;
    const [name, unit] = nameAndUnitOf(measure);
    const never = measure.neverCount === 0 ? '' : String(measure.neverCount);
    if (distribution === undefined) return [name, '0', never, '', '', '', '', ''];
    const format = (value: number): string => formatMeasure({ value, unit, what: '' });
    const { min, median, p90, p99, max } = distribution;
    const values = [min, median, p90, p99, max].map(format);
    return [name, String(distribution.count), never, ...values];
  });
  const quietHead = head.map((cell) => paint('quiet', cell));
  return table([quietHead, ...rows], ['left', ...head.slice(1).map(() => 'right' as const)]);
}

/** Rates say their unit once, at the name; spans, ratios and counts have none to spare or short ones. */
function nameAndUnitOf({ name, unit }: MeasureSummary): [string, MeasureUnit] {
  const isShort = unit === 's' || unit === 'ratio' || unit === 'count';
  return isShort ? [name, unit] : [`${name} (${unit})`, 'count'];
}

function plotsOf(
  measures: readonly MeasureSummary[],
  options: SweepReportOptions,
  paint: Paint,
): string[] {
  const widthColumns = Math.min(options.widthColumns, PLOT_WIDTH_COLUMNS_MAX) - 2;
  return measures.flatMap((measure) => {
    const { distribution, unit, what } = measure;
    if (unit !== 's' || distribution === undefined) return [];
    if (distribution.count < PLOT_VALUES_MIN) return [];
    const curve = plotEcdf(distribution.values, {
      widthColumns,
      heightRows: PLOT_HEIGHT_ROWS,
      formatX: (value) => formatMeasure({ value, unit, what }),
    });
    return curve === '' ? [] : [section(paint, `${measure.name}: ${what}`, curve)];
  });
}

function expectationsTable(result: SweepResult, options: SweepReportOptions, paint: Paint): string {
  const rows = result.expectations.map((expectation) => {
    const { metCount, runCount, firstMissedSeed } = expectation;
    const share = `${metCount}/${runCount}`;
    if (firstMissedSeed === undefined) return [paint('good', '✓'), expectation.text, share, ''];
    const replay = options.replayOf(firstMissedSeed);
    return [paint('bad', '✗'), expectation.text, paint('bad', share), paint('quiet', replay)];
  });
  return table(rows, ['left', 'left', 'right', 'left']);
}

function crashesOf(result: SweepResult, options: SweepReportOptions, paint: Paint): string {
  const shown = result.crashedSeeds.slice(0, CRASHES_SHOWN_MAX).map(({ seed, failure }) => {
    const reason = failure.split('\n')[0]!;
    return `${paint('bad', `seed ${seed}`)}: ${reason}\n  ${options.replayOf(seed)}`;
  });
  const more = result.crashedSeeds.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

function verdictOf(result: SweepResult, options: SweepReportOptions, paint: Paint): string {
  const { passedCount, seedCount } = result;
  const tone = passedCount === seedCount ? 'good' : 'bad';
  const rows = [['verdict', paint(tone, `${passedCount} of ${seedCount} seeds passed`)]];
  const first = result.badSeeds[0];
  if (first !== undefined) rows.push(['replay', options.replayOf(first)]);
  return table(rows, ['left', 'left']);
}
