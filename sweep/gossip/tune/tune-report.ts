/**
 * What a search for settings found, as people and programs read it: the front with its intervals,
 * load against detection time, and the recommended setting to paste.
 */
import {
  count,
  plainPercent,
  type ReportOptions,
  section,
} from '../../../scenarios/gossip/report/sections.ts';
import {
  EXPERIMENT_SCHEMA_VERSION,
  settingsOf,
} from '../../../scenarios/gossip/report/settings.ts';
import { plotScatter } from '../../../scenarios/report/scatter.ts';
import { painter, table } from '../../../scenarios/report/style.ts';
import { formatDuration, HOUR_NS, SECOND_NS } from '../../../sim/time.ts';
import { candidateOf, formatTunable, settingsBeside, TUNABLE_NAMES } from './candidate.ts';
import { type Figure, type Goals, type Verdict, verdictOfBoth } from './goals.ts';
import type { Tried, TuneInit, TuneResult } from './search.ts';

const PLOT_ROWS = 10;
/** Of the profile from which the search begins, and of the command that tries a setting. */
export interface TuneReportOptions extends ReportOptions {
  /** The profile's name alone. */
  readonly profileName: string;
  /** What of the configuration the command line set, as `name=value`. */
  readonly settings: readonly string[];
}

/** Renders the report, a final newline included. */
export function formatTuneReport(
  init: TuneInit,
  result: TuneResult,
  options: TuneReportOptions,
): string {
  const paint = painter(options.hasColour);
  const { cluster } = init;
  const members = `${count(cluster.memberCount)} members, ${plainPercent(cluster.lossRatio)} loss`;
  const title = `${members}, ${options.profile}, seed ${cluster.seed}`;
  const sections = [
    section(paint, title, goalsTable(init.goals)),
    section(paint, 'Settings that no other beats', frontTable(init, result, options)),
    section(paint, 'Detection by load: · tried, o front, @ recommended', plotOf(result, options)),
    recommendation(init, result, options),
    paint('quiet', `${count(result.trialCount)} trials   replay: ${options.replay}`),
  ];
  const text = `${sections.join('\n\n')}\n`;
  return options.isAscii ? text.replaceAll('·', '.').replaceAll('≤', '<=') : text;
}

/** Renders the JSON document, a final newline included. */
export function formatTuneJson(init: TuneInit, result: TuneResult, profile: string): string {
  const base = candidateOf(init.cluster.config);
  const documentOf = ({ candidate, assessment }: Tried): Record<string, unknown> => ({
    settings: settingsBeside(base, candidate),
    tunables: Object.fromEntries(
      TUNABLE_NAMES.map((name) => [name, formatTunable(name, candidate[name])]),
    ),
    trials: assessment.trialCount,
    kills: assessment.killCount,
    watchedSeconds: assessment.watchedNs / SECOND_NS,
    bytesPerMemberSecond: jsonFigure(assessment.bytes),
    packetsPerMemberSecond: jsonFigure(assessment.packets),
    detectionSeconds: jsonFigure(assessment.detectionNs, SECOND_NS),
    falsePositivesPerHour: jsonFigure(assessment.falsePositivesPerHour),
    detection: assessment.detection,
    falsePositives: assessment.falsePositives,
  });
  const { goals } = init;
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'tune',
    settings: { ...settingsOf(init.cluster, profile), budget: init.budget },
    goals: {
      detectWithinSeconds: goals.detectWithinNs / SECOND_NS,
      quantile: goals.quantile,
      detectedBy: goals.detectedBy,
      falsePositivesPerHour: goals.falsePositivesPerHour,
    },
    confidence: 0.95,
    trials: result.trialCount,
    recommended: result.recommended === undefined ? null : documentOf(result.recommended),
    nearest: documentOf(result.nearest),
    base: documentOf(result.base),
    front: result.front.map(documentOf),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** An interval as JSON; an infinite end, which JSON lacks, is null. */
function jsonFigure({ value, low, high }: Figure, unit = 1): Record<string, number | null> {
  const finite = (one: number): number | null => (Number.isFinite(one) ? one / unit : null);
  return { value: finite(value), low: finite(low), high: finite(high) };
}

function goalsTable(goals: Goals): string {
  const share = plainPercent(goals.quantile);
  const who = goals.detectedBy === 'all' ? 'all survivors know' : 'the first declares it dead';
  return table(
    [
      ['detection', `${share} of the killed: ${who} ≤ ${formatDuration(goals.detectWithinNs)}`],
      ['false positives', `≤ ${goals.falsePositivesPerHour} an hour in the whole cluster`],
    ],
    ['left', 'left'],
  );
}

function frontTable(init: TuneInit, result: TuneResult, options: TuneReportOptions): string {
  const base = candidateOf(init.cluster.config);
  const rowOf = (one: Tried, name: string): string[] => {
    const { assessment } = one;
    return [
      one === result.recommended ? '@' : ' ',
      figure(assessment.bytes, (value) => value.toFixed(1)),
      assessment.packets.value.toFixed(2),
      figure(assessment.detectionNs, seconds),
      figure(assessment.falsePositivesPerHour, (value) => String(Number(value.toPrecision(2)))),
      WORDS[verdictOfBoth(assessment)],
      name,
    ];
  };
  const head = ['', 'bytes/s', 'packets/s', 'detection', 'false/h', 'goals', 'setting'];
  const rows = result.front.map((one) =>
    rowOf(one, settingsBeside(base, one.candidate).join(' ') || options.profile),
  );
  const all = [head, ...rows, rowOf(result.base, `${options.profile}, unchanged`)];
  return table(all, ['left', 'right', 'right', 'right', 'right', 'left', 'left']);
}

const WORDS: Readonly<Record<Verdict, string>> = { met: 'met', failed: 'missed', open: 'open' };

function plotOf(result: TuneResult, options: TuneReportOptions): string {
  const marksOf = (tried: readonly Tried[], text: string) =>
    tried
      .filter((one) => Number.isFinite(one.assessment.detectionNs.value))
      .map(({ assessment }) => ({
        x: Math.log10(assessment.bytes.value),
        y: assessment.detectionNs.value,
        text,
      }));
  const chosen = result.recommended === undefined ? [] : [result.recommended];
  const marks = [
    ...marksOf(result.tried, '·'),
    ...marksOf(result.front, 'o'),
    ...marksOf(chosen, '@'),
  ];
  return plotScatter(marks, {
    widthColumns: options.widthColumns - 2,
    heightRows: PLOT_ROWS,
    formatX: (x) => `${Math.round(10 ** x)} B/s`,
    formatY: seconds,
    isAscii: options.isAscii,
  });
}

/** The setting to paste, or why there is none. */
function recommendation(init: TuneInit, result: TuneResult, options: TuneReportOptions): string {
  const paint = painter(options.hasColour);
  const { recommended, nearest } = result;
  const title = recommended === undefined ? 'No setting meets the goals' : 'Recommended';
  return section(
    paint,
    title,
    recommended === undefined
      ? whyNone(init.goals, nearest, init, options)
      : `${certainty(init, recommended)}\n\n${snippet(init, recommended, options)}`,
  );
}

function certainty({ goals }: TuneInit, { assessment }: Tried): string {
  if (verdictOfBoth(assessment) === 'met') return 'Both goals are met with 95 % confidence.';
  const open: string[] = [];
  if (assessment.detection === 'open') {
    open.push(`detection may take up to ${seconds(assessment.detectionNs.high)}`);
  }
  if (assessment.falsePositives === 'open') {
    const hours = Math.ceil(3.69 / goals.falsePositivesPerHour);
    const most = Number(assessment.falsePositivesPerHour.high.toPrecision(2));
    const had = (assessment.watchedNs / HOUR_NS).toFixed(1);
    open.push(`false positives may be up to ${most} an hour: ${had} h were watched, ${hours} tell`);
  }
  return `It meets the goals as measured, and the budget was too small to be sure:\n${open.join('\n')}`;
}

function whyNone(goals: Goals, nearest: Tried, init: TuneInit, options: TuneReportOptions): string {
  const { detectionNs, falsePositivesPerHour } = nearest.assessment;
  const lines: string[] = [];
  if (nearest.assessment.detection !== 'met') {
    lines.push(
      `detection takes ${figure(detectionNs, seconds)}, not ${seconds(goals.detectWithinNs)}`,
    );
  }
  if (nearest.assessment.falsePositives !== 'met') {
    const write = (value: number): string => String(Number(value.toPrecision(2)));
    const rate = figure(falsePositivesPerHour, write);
    lines.push(`${rate} false positives an hour, not ${goals.falsePositivesPerHour}`);
  }
  return `Nearest:\n${snippet(init, nearest, options)}\n\nand there ${lines.join(',\nand ')}.`;
}

/** A command that tries the setting, and the lines of a scenario. */
function snippet(init: TuneInit, { candidate }: Tried, options: TuneReportOptions): string {
  const { cluster } = init;
  const changed = settingsBeside(candidateOf(cluster.config), candidate);
  const settings = [...options.settings, ...changed];
  const flags = settings.map((setting) => ` --set ${setting}`).join('');
  const conditions = `--members ${cluster.memberCount} --loss ${plainPercent(cluster.lossRatio)}`;
  const fields = settings.map((setting) => setting.replace('=', ': '));
  const gossip = [`profile: ${options.profileName}`, ...fields].join(', ');
  return [
    `swarmlab gossip simulate ${conditions} --profile ${options.profileName}${flags}`,
    '',
    'cluster:',
    `  gossip: { ${gossip} }`,
  ].join('\n');
}

function figure(one: Figure, format: (value: number) => string): string {
  const high = Number.isFinite(one.high) ? format(one.high) : '?';
  const value = Number.isFinite(one.value) ? format(one.value) : 'never';
  return `${value} [${format(one.low)}, ${high}]`;
}

function seconds(spanNs: number): string {
  return Number.isFinite(spanNs) ? `${(spanNs / SECOND_NS).toFixed(1)}s` : 'never';
}
