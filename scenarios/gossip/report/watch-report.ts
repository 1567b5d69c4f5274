/**
 * The result of watching a quiet cluster as people and programs read it: what watching costs, and
 * how often it is wrong, with the interval that the rate of false deaths is in.
 */
import { HOUR_NS } from '../../../sim/time.ts';
import { painter, table } from '../../report/style.ts';
import { type Interval, poissonInterval } from '../poisson.ts';
import type { WatchInit, WatchResult } from '../watch-experiment.ts';
import {
  alarmsTable,
  count,
  footer,
  loadTable,
  percent,
  plainPercent,
  type ReportOptions,
  secondsOf,
  section,
  span,
} from './sections.ts';
import { EXPERIMENT_SCHEMA_VERSION, settingsOf } from './settings.ts';

/** Renders the report, a final newline included. */
export function formatWatchReport(
  init: WatchInit,
  result: WatchResult,
  options: ReportOptions,
): string {
  const paint = painter(options.hasColour);
  const title = `${count(init.memberCount)} members watched for ${span(init.watchNs)}`;
  const probes = [
    ['probes', count(result.probes)],
    ['failed', count(result.probeFailures)],
    ['share', percent(result.probes === 0 ? 0 : result.probeFailures / result.probes)],
  ];
  const sections = [
    section(
      paint,
      `${title}, ${plainPercent(init.lossRatio)} loss, ${options.profile}, seed ${init.seed}`,
      table(probes, ['left', 'right']),
    ),
    section(paint, 'False alarms', `${alarmsTable(result.alarms)}\n\n${rateLine(result)}`),
    section(paint, 'Sent per member and second', loadTable([['', result.load]])),
    footer(paint, result.digest, options),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatWatchJson(init: WatchInit, result: WatchResult, profile: string): string {
  const { rate, interval } = deathsPerHour(result);
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'watch',
    settings: { ...settingsOf(init, profile), watchSeconds: secondsOf(init.watchNs) },
    digest: result.digest,
    probes: result.probes,
    probeFailures: result.probeFailures,
    alarms: result.alarms,
    falsePositivesPerHour: { rate, low: interval.low, high: interval.high, confidence: 0.95 },
    loadPerMemberSecond: result.load,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Members that run and are called dead, in an hour of the whole cluster. */
function deathsPerHour(result: WatchResult): { rate: number; interval: Interval } {
  const hours = result.watchedNs / HOUR_NS;
  const { low, high } = poissonInterval(result.alarms.deadMembers);
  return {
    rate: result.alarms.deadMembers / hours,
    interval: { low: low / hours, high: high / hours },
  };
}

function rateLine(result: WatchResult): string {
  const { rate, interval } = deathsPerHour(result);
  const write = (value: number): string => String(Number(value.toPrecision(3)));
  const range = `${write(interval.low)} to ${write(interval.high)}`;
  return `${write(rate)} false positives per hour, ${range} with 95 % confidence`;
}
