/**
 * The result of a kill experiment as people and programs read it: aligned tables and the curve of
 * how the news spreads, or one JSON document with spans in seconds.
 */
import { formatDuration, SECOND_NS } from '../../sim/time.ts';
import { plotCurve } from '../report/plot.ts';
import { painter, table } from '../report/style.ts';
import type { KillInit, KillResult } from './kill-experiment.ts';
import type { Load } from './load.ts';

const CURVE_ROWS = 9;

/** How the report is written, and what it says of the settings. */
export interface KillReportOptions {
  readonly hasColour: boolean;
  readonly widthColumns: number;
  /** The profile's name. */
  readonly profile: string;
  /** The command that replays the experiment. */
  readonly replay: string;
}

/** Renders the report, a final newline included. */
export function formatKillReport(
  init: KillInit,
  result: KillResult,
  options: KillReportOptions,
): string {
  const paint = painter(options.hasColour);
  const { memberCount } = init;
  const killed = `${result.killedCount} of ${memberCount} members killed`;
  const sections = [
    paint('strong', `${killed}, ${options.profile}, seed ${init.seed}`),
    indent(timesTable(result)),
  ];
  const last = result.curve.at(-1);
  if (last !== undefined) {
    const start = { x: 0, y: 0 };
    const points = result.curve.map(({ atNs, deadRatio }) => ({ x: atNs, y: deadRatio }));
    const plot = plotCurve([start, ...points], {
      widthColumns: options.widthColumns - 2,
      heightRows: CURVE_ROWS,
      formatX: (x) => `${(x / SECOND_NS).toFixed(1)}s`,
      formatY: (y) => `${Math.round(y * 100)}%`,
    });
    sections.push(`${paint('strong', 'Survivors that know')}\n${indent(plot)}`);
  }
  sections.push(
    `${paint('strong', 'Sent per member and second')}\n${indent(loadTable(result))}`,
    `${paint('strong', 'False alarms')}\n${indent(alarmsTable(result))}`,
    paint('quiet', `digest ${result.digest}   replay: ${options.replay}`),
  );
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatKillJson(init: KillInit, result: KillResult, profile: string): string {
  const document = {
    schemaVersion: 1,
    settings: {
      members: init.memberCount,
      kill: init.killCount,
      seed: init.seed,
      profile,
      lossRatio: init.lossRatio,
      latencySeconds: [secondsOf(init.latencyNsMin), secondsOf(init.latencyNsMax)],
    },
    digest: result.digest,
    firstSuspicionSeconds: secondsOf(result.firstSuspicionNs),
    firstDeadSeconds: secondsOf(result.firstDeadNs),
    halfKnownSeconds: secondsOf(result.halfKnownNs),
    convergedSeconds: secondsOf(result.convergedNs),
    endedSeconds: secondsOf(result.endedNs),
    knownRatio: result.knownRatio,
    falseSuspicions: result.alarms.suspicions,
    falsePositives: result.alarms.deaths,
    falselyDeadMembers: result.alarms.deadMembers,
    refutations: result.alarms.refutations,
    quietLoadPerMemberSecond: result.quietLoad,
    killLoadPerMemberSecond: result.killLoad,
    curve: result.curve.map(({ atNs, deadRatio }) => [secondsOf(atNs), deadRatio]),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Seconds, or JSON's null for what did not happen. */
function secondsOf(spanNs: number | undefined): number | null {
  return spanNs === undefined ? null : spanNs / SECOND_NS;
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

function loadTable(result: KillResult): string {
  const row = (name: string, load: Load): string[] => [
    name,
    load.packets.toFixed(2),
    load.packetBytes.toFixed(1),
    load.streams.toFixed(3),
    load.streamBytes.toFixed(1),
  ];
  const rows = [
    ['', 'packets', 'bytes', 'streams', 'bytes'],
    row('before the kill', result.quietLoad),
    row('from the kill on', result.killLoad),
  ];
  return table(rows, ['left', 'right', 'right', 'right', 'right']);
}

function alarmsTable(result: KillResult): string {
  const rows = [
    ['suspicions of members that run', String(result.alarms.suspicions)],
    ['deaths of members that run', String(result.alarms.deaths)],
    ['members that run dead to anybody', String(result.alarms.deadMembers)],
    ['refutations', String(result.alarms.refutations)],
  ];
  return table(rows, ['left', 'right']);
}

function spanBetween(fromNs: number | undefined, toNs: number | undefined): number | undefined {
  return fromNs === undefined || toNs === undefined ? undefined : toNs - fromNs;
}

function since(spanNs: number | undefined, what: string): string {
  return spanNs === undefined ? '' : `${span(spanNs)} after ${what}`;
}

function span(spanNs: number | undefined): string {
  if (spanNs === undefined) return 'never';
  return spanNs >= SECOND_NS ? `${(spanNs / SECOND_NS).toFixed(3)}s` : formatDuration(spanNs);
}

function percent(ratio: number): string {
  if (ratio === 1) return '100%';
  return `${(Math.floor(ratio * 10_000) / 100).toFixed(2)}%`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
