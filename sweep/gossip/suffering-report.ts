/**
 * What Lifeguard's parts do where members suffer, as people and programs read it: a row for each
 * combination, with the false positives of all seeds and their share of SWIM's.
 */
import {
  count,
  percent,
  type ReportOptions,
  secondsOf,
  section,
  span,
} from '../../scenarios/gossip/report/sections.ts';
import { EXPERIMENT_SCHEMA_VERSION, settingsOf } from '../../scenarios/gossip/report/settings.ts';
import type {
  SufferingInit,
  SufferingResult,
} from '../../scenarios/gossip/suffering-experiment.ts';
import { painter, table } from '../../scenarios/report/style.ts';
import { distributionOf } from '../distribution.ts';
import type { VariantOutcome } from './suffering-sweep.ts';

const LEGEND = `FP   healthy members called dead, by how many members in all
FP-  the same, by how many healthy ones
lost members called dead while they suffer, by how many healthy ones
first, all: median time from a kill to the first healthy member that knows, and to the last`;

/** One row: what the seeds of a combination came to. */
interface Row {
  readonly name: string;
  readonly falsePositives: number;
  readonly falsePositivesAtHealthy: number;
  readonly falseSuspicions: number;
  readonly sufferingDeaths: number;
  readonly firstDeadNs: number | undefined;
  readonly allDeadNs: number | undefined;
  /** Per member and second, on average. */
  readonly packets: number;
  readonly packetBytes: number;
}

/** Renders the report, a final newline included. */
export function formatSufferingReport(
  init: SufferingInit,
  outcomes: readonly VariantOutcome[],
  options: ReportOptions,
): string {
  const paint = painter(options.hasColour);
  const seedCount = outcomes[0]!.results.length;
  const who = `${count(init.sufferingCount)} of ${count(init.memberCount)} members suffer`;
  const title = `${who} for ${span(init.sufferNs)}, ${options.profile}, ${count(seedCount)} seeds`;
  const rows = outcomes.map(rowOf);
  const sections = [
    section(paint, title, rowsTable(rows)),
    paint('quiet', LEGEND),
    paint('quiet', `replay: ${options.replay}`),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** Renders the JSON document, a final newline included. */
export function formatSufferingJson(
  init: SufferingInit,
  seeds: readonly string[],
  outcomes: readonly VariantOutcome[],
  profile: string,
): string {
  const document = {
    schemaVersion: EXPERIMENT_SCHEMA_VERSION,
    experiment: 'suffer',
    settings: {
      ...settingsOf(init, profile),
      seed: seeds,
      suffering: init.sufferingCount,
      affliction: init.affliction,
      sufferSeconds: secondsOf(init.sufferNs),
      kill: init.killCount,
    },
    variants: outcomes.map((outcome) => {
      const { firstDeadNs, allDeadNs, ...row } = rowOf(outcome);
      return {
        ...row,
        parts: outcome.variant.parts,
        firstDeadSeconds: secondsOf(firstDeadNs),
        allDeadSeconds: secondsOf(allDeadNs),
        digests: outcome.results.map(({ digest }) => digest),
      };
    }),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function rowOf({ variant, results }: VariantOutcome): Row {
  const sum = (read: (result: SufferingResult) => number): number =>
    results.reduce((total, result) => total + read(result), 0);
  const median = (read: (result: SufferingResult) => number | undefined): number | undefined => {
    const values = results.map(read).filter((value) => value !== undefined);
    return distributionOf(values)?.median;
  };
  return {
    name: variant.name,
    falsePositives: sum(({ alarms }) => alarms.deaths),
    falsePositivesAtHealthy: sum(({ alarmsAtHealthy }) => alarmsAtHealthy.deaths),
    falseSuspicions: sum(({ alarms }) => alarms.suspicions),
    sufferingDeaths: sum((result) => result.sufferingDeaths),
    firstDeadNs: median((result) => result.firstDeadNs),
    allDeadNs: median((result) => result.allDeadNs),
    packets: sum(({ load }) => load.packets) / results.length,
    packetBytes: sum(({ load }) => load.packetBytes) / results.length,
  };
}

function rowsTable(rows: readonly Row[]): string {
  const swim = rows[0]!;
  const share = (value: number, of: number): string => (of === 0 ? '' : percent(value / of));
  const cells = rows.map((row) => [
    row.name,
    count(row.falsePositives),
    share(row.falsePositives, swim.falsePositives),
    count(row.falsePositivesAtHealthy),
    share(row.falsePositivesAtHealthy, swim.falsePositivesAtHealthy),
    count(row.falseSuspicions),
    count(row.sufferingDeaths),
    span(row.firstDeadNs),
    span(row.allDeadNs),
    row.packets.toFixed(2),
    row.packetBytes.toFixed(0),
  ]);
  const head = ['', 'FP', 'of SWIM', 'FP-', 'of SWIM', 'suspicions', 'lost', 'first', 'all'];
  return table(
    [[...head, 'packets/s', 'bytes/s'], ...cells],
    head.map((_, i) => (i === 0 ? 'left' : 'right')).concat('right', 'right') as 'left'[],
  );
}
