/**
 * The result of a partition experiment as people and programs read it.
 */
import { painter, table } from '../../report/style.ts';
import type { PartitionInit, PartitionResult } from '../partition-experiment.ts';
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

/** Renders the report, a final newline included. */
export function formatPartitionReport(
  init: PartitionInit,
  result: PartitionResult,
  options: ReportOptions,
): string {
  const paint = painter(options.hasColour);
  const [first, second] = result.partCounts.map(count);
  const title = `${first} and ${second} members apart for ${span(init.cutNs)}`;
  const sections = [
    section(paint, `${title}, ${options.profile}, seed ${init.seed}`, timesTable(result)),
  ];
  const curve = deadCurve(result.curve, options, { fromNs: 0, toNs: result.endedNs });
  if (curve !== '') sections.push(section(paint, 'Dead across the cut', curve));
  const load = loadTable([
    ['during the cut', result.cutLoad],
    ['from the healing on', result.healedLoad],
  ]);
  sections.push(
    section(paint, 'Sent per member and second', load),
    section(paint, 'False alarms, of members that can be reached', alarmsTable(result.alarms)),
    verdictOf(init, result),
    footer(paint, result.digest, options),
  );
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatPartitionJson(
  init: PartitionInit,
  result: PartitionResult,
  profile: string,
): string {
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'partition',
    settings: {
      ...settingsOf(init, profile),
      cutSeconds: secondsOf(init.cutNs),
      partRatio: init.partRatio,
      reconnectSeconds: init.reconnectNs === 0 ? null : secondsOf(init.reconnectNs),
    },
    digest: result.digest,
    partCounts: result.partCounts,
    firstDeadSeconds: secondsOf(result.firstDeadNs),
    allDeadSeconds: secondsOf(result.allDeadNs),
    healedSeconds: secondsOf(result.healedNs),
    deadRatioHealed: result.deadRatioHealed,
    reunitedSeconds: secondsOf(result.reunitedNs),
    deadRatioEnd: result.deadRatioEnd,
    endedSeconds: secondsOf(result.endedNs),
    alarms: result.alarms,
    cutLoadPerMemberSecond: result.cutLoad,
    healedLoadPerMemberSecond: result.healedLoad,
    curve: curvePairs(result.curve),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function timesTable(result: PartitionResult): string {
  const { reunitedNs, healedNs } = result;
  const after =
    reunitedNs === undefined || reunitedNs < healedNs
      ? ''
      : `${span(reunitedNs - healedNs)} after the healing`;
  const rows = [
    ['first dead across', span(result.firstDeadNs), ''],
    ['all dead across', span(result.allDeadNs), ''],
    ['healed', span(healedNs), `${percent(result.deadRatioHealed)} of the views across say dead`],
    ['none dead across', span(reunitedNs), after],
    ['dead at the end', percent(result.deadRatioEnd), `after ${span(result.endedNs)}`],
  ];
  return table(rows, ['left', 'right', 'left']);
}

/** What the figures mean, in a sentence. */
function verdictOf(init: PartitionInit, result: PartitionResult): string {
  if (result.firstDeadNs === undefined) return 'The cut was too short for anybody to be dead.';
  if (result.deadRatioEnd === 0) return 'The parts are one again.';
  if (init.reconnectNs > 0) return 'The parts are not one again yet; --until lasts longer.';
  const reason = 'memberlist does not probe the dead, nor push and pull with them';
  return `The parts stay apart: ${reason}.\nTry --reconnect 60s, which is what Docker does.`;
}
