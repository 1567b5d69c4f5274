/**
 * The result of a kill experiment as people and programs read it: aligned tables, the curve of how
 * the news spreads and, of several killed, when each was noticed; or one JSON document with spans
 * in seconds.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { plotHistogram } from '../../report/bars.ts';
import { painter, table } from '../../report/style.ts';
import type { KillInit, KillResult } from '../kill-experiment.ts';
import {
  alarmsTable,
  count,
  curvePairs,
  deadCurve,
  footer,
  loadTable,
  percent,
  type ReportOptions,
  secondsOf,
  section,
  span,
} from './sections.ts';
import { EXPERIMENT_SCHEMA_VERSION, settingsOf } from './settings.ts';

/** With fewer killed a histogram says nothing. */
const HISTOGRAM_KILLED_MIN = 5;

/** Renders the report, a final newline included. */
export function formatKillReport(
  init: KillInit,
  result: KillResult,
  options: ReportOptions,
): string {
  const paint = painter(options.hasColour);
  const killed = `${count(result.killedCount)} of ${count(init.memberCount)} members killed`;
  const sections = [
    section(paint, `${killed}, ${options.profile}, seed ${init.seed}`, timesTable(result)),
  ];
  const curve = deadCurve(result.curve, options);
  if (curve !== '') sections.push(section(paint, 'Survivors that know', curve));
  if (result.detectedNs.length >= HISTOGRAM_KILLED_MIN) {
    const histogram = plotHistogram(result.detectedNs, {
      widthColumns: options.widthColumns - 2,
      format: (value) => `${(value / SECOND_NS).toFixed(1)}s`,
      isAscii: options.isAscii,
    });
    sections.push(section(paint, 'Killed, by when the first declares them dead', histogram));
  }
  const load = loadTable([
    ['before the kill', result.quietLoad],
    ['from the kill on', result.killLoad],
  ]);
  sections.push(
    section(paint, 'Sent per member and second', load),
    section(paint, 'False alarms', alarmsTable(result.alarms)),
    footer(paint, result.digest, options),
  );
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatKillJson(init: KillInit, result: KillResult, profile: string): string {
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'kill',
    settings: { ...settingsOf(init, profile), kill: init.killCount },
    digest: result.digest,
    firstSuspicionSeconds: secondsOf(result.firstSuspicionNs),
    firstDeadSeconds: secondsOf(result.firstDeadNs),
    halfKnownSeconds: secondsOf(result.halfKnownNs),
    convergedSeconds: secondsOf(result.convergedNs),
    endedSeconds: secondsOf(result.endedNs),
    knownRatio: result.knownRatio,
    detectedSeconds: result.detectedNs.map(secondsOf),
    alarms: result.alarms,
    quietLoadPerMemberSecond: result.quietLoad,
    killLoadPerMemberSecond: result.killLoad,
    curve: curvePairs(result.curve),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function timesTable(result: KillResult): string {
  const { firstSuspicionNs, firstDeadNs, convergedNs } = result;
  const suspicionNs = spanBetween(firstSuspicionNs, firstDeadNs);
  const spreadNs = spanBetween(firstDeadNs, convergedNs);
  const rows = [
    ['first suspicion', span(firstSuspicionNs), ''],
    ['first dead', span(firstDeadNs), since(suspicionNs, 'the first suspicion')],
    ['half know', span(result.halfKnownNs), ''],
    ['all know', span(convergedNs), since(spreadNs, 'the first dead')],
    ['know at the end', percent(result.knownRatio), `after ${span(result.endedNs)}`],
  ];
  return table(rows, ['left', 'right', 'left']);
}

function spanBetween(fromNs: number | undefined, toNs: number | undefined): number | undefined {
  return fromNs === undefined || toNs === undefined ? undefined : toNs - fromNs;
}

function since(spanNs: number | undefined, what: string): string {
  return spanNs === undefined ? '' : `${span(spanNs)} after ${what}`;
}
