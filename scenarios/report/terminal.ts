/**
 * The result as people read it: what happened when, what was measured, what was expected and
 * whether it came, and how to see the same again.
 */
import { formatDuration, formatInstant } from '../../sim/time.ts';
import type { CurvePoint, EntrySpread, Measure, RunResult, TableSpread } from '../result.ts';
import { type Alignment, type Paint, painter, type Tone, table } from './style.ts';
import { trafficTables } from './traffic-tables.ts';

const TOPIC_TONES: Readonly<Record<string, Tone>> = { fault: 'fault', checker: 'bad' };

/** Options of the terminal report. */
export interface TerminalReportOptions {
  readonly hasColour: boolean;
  /** The command that replays the run. */
  readonly replay: string;
}

/** Renders the whole report, a final newline included. */
export function formatTerminalReport(result: RunResult, options: TerminalReportOptions): string {
  const paint = painter(options.hasColour);
  const sections = [
    paint('strong', result.scenario),
    section(paint, 'Timeline', timelineTable(result, paint)),
    section(paint, 'Measures', measureTable(result.measures)),
  ];
  if (result.tables.length > 0) {
    sections.push(section(paint, 'Tables', spreadTable(result.tables, paint)));
  }
  const traffic = trafficTables(result.traffic, paint);
  if (traffic !== '') sections.push(section(paint, 'Traffic', traffic));
  if (result.commands.length > 0) {
    sections.push(section(paint, 'Commands', commandsText(result, paint)));
  }
  if (result.expectations.length > 0) {
    sections.push(section(paint, 'Expectations', expectationTable(result, paint)));
  }
  for (const warning of result.warnings) sections.push(`${paint('fault', 'warning:')} ${warning}`);
  sections.push(summary(result, options, paint));
  return `${sections.join('\n\n')}\n`;
}

function section(paint: Paint, title: string, body: string): string {
  const indented = body
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  return `${paint('strong', title)}\n${indented}`;
}

function timelineTable(result: RunResult, paint: Paint): string {
  const rows = result.timeline.map((line) => {
    const tone = TOPIC_TONES[line.topic];
    const text = tone === undefined ? line.text : paint(tone, line.text);
    return [paint('quiet', formatInstant(line.atNs)), line.topic, line.node, text];
  });
  return table(rows, ['right', 'left', 'left', 'left']);
}

/** What the `exec` steps printed, each under its place and command line. */
function commandsText(result: RunResult, paint: Paint): string {
  return result.commands
    .map(({ place, command, output }) => {
      const prompt = `${paint('quiet', `${place} $`)} ${command}`;
      return `${prompt}\n${output}`.trimEnd();
    })
    .join('\n\n');
}

/** The measures as an aligned table: name, value with its unit, what it is. */
function measureTable(measures: Readonly<Record<string, Measure>>): string {
  const rows = Object.entries(measures).map(([name, measure]) => [
    name,
    formatMeasure(measure),
    measure.what,
  ]);
  return table(rows, ['left', 'right', 'left']);
}

/** How changes of NetworkDB's entries became known after each event, and the slowest of them. */
function spreadTable(spreads: readonly TableSpread[], paint: Paint): string {
  const at = (curve: readonly CurvePoint[], percent: number) => {
    const point = curve.find((one) => one.percent === percent);
    return point === undefined ? '' : formatDuration(Math.round(point.seconds * 1e9));
  };
  const head = ['after', 'changes', 'p50', 'p90', 'p99', 'last', 'forgotten', 'the slowest'];
  const rows = spreads.map(({ event, changeCount, known, forgotten, slowest: [slowest] }) => [
    event,
    String(changeCount),
    ...[50, 90, 99, 100].map((percent) => at(known, percent)),
    at(forgotten, 100),
    slowest === undefined ? '' : slowestText(slowest),
  ]);
  const sides: readonly Alignment[] = [
    'left',
    ...Array.from({ length: 6 }, () => 'right' as const),
    'left',
  ];
  return table([head.map((word) => paint('quiet', word)), ...rows], sides);
}

function slowestText({ kind, table: name, key, writer, known }: EntrySpread): string {
  return `${kind} ${name} ${key.slice(0, 12)}, ${writer} → ${known.at(-1)!.node}`;
}

/** A measure's value with its unit: `6.214s`, `0.8%`, `12.4 packets/s`, `never`. */
export function formatMeasure(measure: Measure): string {
  const { value, unit } = measure;
  if (value === null) return 'never';
  if (unit === 's' && value === 0) return '0s';
  if (unit === 's') return formatDuration(Math.round(value * 1e9));
  if (unit === 'ratio') return `${Math.round(value * 10_000) / 100}%`;
  const rounded = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return unit === 'count' ? rounded : `${rounded} ${unit}`;
}

function expectationTable(result: RunResult, paint: Paint): string {
  const rows = result.expectations.map((outcome) => [
    outcome.met ? paint('good', '✓') : paint('bad', '✗'),
    outcome.text,
    outcome.met ? paint('quiet', outcome.measured) : paint('bad', outcome.measured),
  ]);
  return table(rows, ['left', 'left', 'left']);
}

function summary(result: RunResult, options: TerminalReportOptions, paint: Paint): string {
  const met = result.expectations.filter((outcome) => outcome.met).length;
  const verdict = result.verdict === 'passed' ? paint('good', 'passed') : paint('bad', 'failed');
  const rows = [
    ['verdict', `${verdict}, ${met} of ${result.expectations.length} expectations met`],
    ['virtual time', `${result.virtualSeconds} s`],
    ['seed', result.seed],
    ['digest', result.digest],
    ['replay', options.replay],
  ];
  return table(rows, ['left', 'left']);
}
