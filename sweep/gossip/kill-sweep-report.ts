/**
 * A kill experiment with many seeds as people and programs read it: quantiles of each time, a
 * histogram of when everybody knew, false alarms and load.
 */
import type { KillInit, KillResult } from '../../scenarios/gossip/kill-experiment.ts';
import type { Load } from '../../scenarios/gossip/load.ts';
import {
  count,
  loadTable,
  type ReportOptions,
  secondsOf,
  section,
  span,
} from '../../scenarios/gossip/report/sections.ts';
import { EXPERIMENT_SCHEMA_VERSION, settingsOf } from '../../scenarios/gossip/report/settings.ts';
import { plotHistogram } from '../../scenarios/report/bars.ts';
import { painter, table } from '../../scenarios/report/style.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { distributionOf } from '../distribution.ts';
import type { KillOutcome } from './kill-sweep.ts';

/** The instants of a run, by how they are called. */
const TIMES = {
  'first suspicion': 'firstSuspicionNs',
  'first dead': 'firstDeadNs',
  'half know': 'halfKnownNs',
  'all know': 'convergedNs',
} as const satisfies Readonly<Record<string, keyof KillResult>>;

/** Renders the report, a final newline included. */
export function formatKillSweepReport(
  init: KillInit,
  outcomes: readonly KillOutcome[],
  options: ReportOptions,
): string {
  const paint = painter(options.hasColour);
  const killed = `${count(init.killCount)} of ${count(init.memberCount)} members killed`;
  const title = `${killed}, ${options.profile}, ${count(outcomes.length)} seeds`;
  const sections = [section(paint, title, timesTable(outcomes))];
  for (const [name, field] of [
    ['Seeds, by when the first is declared dead', 'firstDeadNs'],
    ['Seeds, by when all know', 'convergedNs'],
  ] as const) {
    const histogram = plotHistogram(valuesOf(outcomes, field), {
      widthColumns: options.widthColumns - 2,
      format: (value) => `${(value / SECOND_NS).toFixed(1)}s`,
      isAscii: options.isAscii,
    });
    if (histogram !== '') sections.push(section(paint, name, histogram));
  }
  const load = loadTable([
    ['before the kill', meanLoad(outcomes, 'quietLoad')],
    ['from the kill on', meanLoad(outcomes, 'killLoad')],
  ]);
  sections.push(
    section(paint, 'Sent per member and second, on average', load),
    section(paint, 'False alarms in all', alarmsTable(outcomes)),
    paint('quiet', `replay: ${options.replay}`),
  );
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatKillSweepJson(
  init: KillInit,
  outcomes: readonly KillOutcome[],
  profile: string,
): string {
  const { seed: _, ...settings } = settingsOf(init, profile);
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'kill-sweep',
    settings: { ...settings, kill: init.killCount },
    runs: outcomes.map((outcome) => ({
      seed: outcome.seed,
      digest: outcome.digest,
      firstSuspicionSeconds: secondsOf(outcome.firstSuspicionNs),
      firstDeadSeconds: secondsOf(outcome.firstDeadNs),
      halfKnownSeconds: secondsOf(outcome.halfKnownNs),
      convergedSeconds: secondsOf(outcome.convergedNs),
      knownRatio: outcome.knownRatio,
      alarms: outcome.alarms,
      quietLoadPerMemberSecond: outcome.quietLoad,
      killLoadPerMemberSecond: outcome.killLoad,
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function valuesOf(
  outcomes: readonly KillOutcome[],
  field: (typeof TIMES)[keyof typeof TIMES],
): number[] {
  return outcomes.flatMap((outcome) => outcome[field] ?? []);
}

function timesTable(outcomes: readonly KillOutcome[]): string {
  const head = ['', 'never', 'min', 'median', 'p90', 'p99', 'max', 'slowest seed'];
  const rows = Object.entries(TIMES).map(([name, field]) => {
    const distribution = distributionOf(outcomes.map((outcome) => outcome[field] ?? null));
    if (distribution === undefined) return [name, String(outcomes.length)];
    const { neverCount, min, median, p90, p99, max } = distribution;
    const slowest = outcomes.find((outcome) => outcome[field] === max);
    const never = neverCount === 0 ? '' : String(neverCount);
    return [name, never, ...[min, median, p90, p99, max].map(span), slowest?.seed ?? ''];
  });
  return table([head, ...rows], ['left', ...head.slice(1).map(() => 'right' as const)]);
}

function meanLoad(outcomes: readonly KillOutcome[], field: 'quietLoad' | 'killLoad'): Load {
  const mean = (part: keyof Load): number =>
    outcomes.reduce((sum, outcome) => sum + outcome[field][part], 0) / outcomes.length;
  return {
    packets: mean('packets'),
    packetBytes: mean('packetBytes'),
    streams: mean('streams'),
    streamBytes: mean('streamBytes'),
  };
}

function alarmsTable(outcomes: readonly KillOutcome[]): string {
  const sum = (field: keyof KillOutcome['alarms']): string =>
    count(outcomes.reduce((total, { alarms }) => total + alarms[field], 0));
  const rows = [
    ['members that run, called dead', sum('deadMembers')],
    ['suspicions of members that run', sum('suspicions')],
    ['refutations', sum('refutations')],
  ];
  return table(rows, ['left', 'right']);
}
