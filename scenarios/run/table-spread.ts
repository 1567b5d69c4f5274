/**
 * NetworkDB's part of a result: after each event of the timeline, how its table entries spread, as a
 * curve over all changes and nodes, and which were the slowest; what stale knowledge led to; what the
 * tables cost.
 */
import { CountedKind } from '../../gossip/networkdb/counters.ts';
import { Histogram } from '../../sim/histogram.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { CurvePoint, EntrySpread, Measure, TableSpread } from '../result.ts';
import type { RunRecord } from './run-record.ts';
import type { TableChange, TableDrop } from './table-record.ts';
import { isFault, isSubtle, type TimelineEvent, uniqueNames } from './timeline-events.ts';

/** Where a curve is read. */
const CURVE_PERCENTS = [10, 25, 50, 75, 90, 99, 100];

/** How many of the slowest entries a result names for each event. */
const SLOWEST_COUNT = 5;

/**
 * The spread after every event after which something changed or was forgotten; `isWhole` with every
 * entry.
 */
export function tableSpreadsOf(record: RunRecord, isWhole: boolean): TableSpread[] {
  const names = uniqueNames(record.events);
  return record.events.flatMap((event, i) => {
    const untilNs = record.events.slice(i + 1).find(({ atNs }) => atNs > event.atNs)?.atNs;
    const isWithin = ({ atNs }: { readonly atNs: number }) =>
      atNs >= event.atNs && atNs < (untilNs ?? Number.POSITIVE_INFINITY);
    const changes = record.tables.changes.filter(isWithin);
    const hit = isFault(event) && !isSubtle(event) ? event.nodes : [];
    const drops = record.tables.drops.filter((d) => isWithin(d) && hit.includes(d.owner));
    if (changes.length === 0 && drops.length === 0) return [];
    const spread = spreadOf(record, names.get(event)!, event, changes, drops);
    return [isWhole ? { ...spread, ...entriesOf(record, event, changes, drops) } : spread];
  });
}

function spreadOf(
  record: RunRecord,
  name: string,
  event: TimelineEvent,
  changes: readonly TableChange[],
  drops: readonly TableDrop[],
): TableSpread {
  const slowest = changes
    .filter((change) => change.spansNs.length > 0)
    .sort((a, b) => b.spansNs.at(-1)! - a.spansNs.at(-1)! || a.atNs - b.atNs)
    .slice(0, SLOWEST_COUNT);
  return {
    event: name,
    atSeconds: event.atNs / SECOND_NS,
    changeCount: changes.length,
    known: curveOf(changes.flatMap((change) => change.spansNs)),
    forgotten: curveOf(drops.map((drop) => drop.atNs - event.atNs)),
    slowest: slowest.map((change) => entrySpreadOf(record, change)),
  };
}

/** Every change, and every entry that was forgotten with its owner. */
function entriesOf(
  record: RunRecord,
  event: TimelineEvent,
  changes: readonly TableChange[],
  drops: readonly TableDrop[],
): Pick<TableSpread, 'changed' | 'lost'> {
  const lost = new Map<number, TableChange>();
  for (const { entryId, atNs, node, owner } of drops) {
    let entry = lost.get(entryId);
    if (entry === undefined) {
      const what = { entryId, ltime: 0, kind: 'forgotten', atNs: event.atNs, node: owner };
      entry = { ...what, nodes: [], spansNs: [] };
      lost.set(entryId, entry);
    }
    entry.nodes.push(node);
    entry.spansNs.push(atNs - event.atNs);
  }
  const spreadsOf = (entries: Iterable<TableChange>) =>
    [...entries].map((entry) => entrySpreadOf(record, entry));
  return { changed: spreadsOf(changes), lost: spreadsOf(lost.values()) };
}

function curveOf(spansNs: readonly number[]): CurvePoint[] {
  const histogram = new Histogram();
  for (const spanNs of spansNs) histogram.record(spanNs);
  if (histogram.count === 0) return [];
  return CURVE_PERCENTS.map((percent) => ({
    percent,
    seconds: histogram.percentile(percent)! / SECOND_NS,
  }));
}

function entrySpreadOf(record: RunRecord, change: TableChange): EntrySpread {
  const { names } = record.nodes;
  const { table, key } = record.tables.subjectOf(change.entryId);
  return {
    table,
    key,
    kind: change.kind,
    writer: names[change.node]!,
    atSeconds: change.atNs / SECOND_NS,
    known: change.nodes.map((node, i) => ({
      node: names[node]!,
      seconds: change.spansNs[i]! / SECOND_NS,
    })),
  };
}

/** The measures of the spread after one event, named without a prefix. */
export function spreadMeasures(spread: TableSpread): Record<string, Measure> {
  const measures: Record<string, Measure> = {};
  const add = (name: string, curve: readonly CurvePoint[], percent: number, what: string) => {
    const value = curve.find((point) => point.percent === percent)?.seconds;
    if (value !== undefined) measures[`networkdb.${name}`] = { value, unit: 's', what };
  };
  add('known.p50', spread.known, 50, 'half of the changed entries were known to their nodes');
  add('known.last', spread.known, 100, 'the last node knew of the last changed entry');
  add('forgotten.p50', spread.forgotten, 50, "half of the nodes' entries of dead owners were gone");
  return measures;
}

/** Stale knowledge that was acted on; nothing when the timeline had no event. */
export function stalenessMeasures({ staleness }: RunRecord): Record<string, Measure> {
  if (!staleness.isWatching) return {};
  const count = (value: number, what: string): Measure => ({ value, unit: 'count', what });
  return {
    'stale.dnsAnswers': count(staleness.nameAnswerCount, 'DNS answers that named an ended task'),
    'stale.packets': count(staleness.tunnelPacketCount, 'packets to a VTEP without the endpoint'),
    'stale.connections': count(staleness.connectionCount, 'connections given to an ended task'),
  };
}

const KIND_WORDS: readonly (readonly [CountedKind, name: string, what: string])[] = [
  [CountedKind.nodeEvent, 'nodeEvents', 'events of nodes'],
  [CountedKind.networkEvent, 'networkEvents', 'events of networks'],
  [CountedKind.tableGossip, 'tableGossip', 'gossip of table events'],
  [CountedKind.bulkSync, 'bulkSyncs', 'bulk syncs'],
  [CountedKind.bulkSyncReply, 'bulkSyncReplies', 'answers to bulk syncs'],
  [CountedKind.pushPullState, 'pushPulls', 'push-pull states'],
];

/** What NetworkDB's messages came to, by kind. */
export function tableCostMeasures(record: RunRecord): Record<string, Measure> {
  const measures: Record<string, Measure> = {};
  const { timeoutCount, refusedCount } = record.tables;
  for (const [kind, name, what] of KIND_WORDS) {
    const { messages, bytes } = record.tables.load(kind);
    if (messages === 0) continue;
    if (kind === CountedKind.bulkSync) {
      measures['networkdb.bulkSyncs'] = {
        value: messages,
        unit: 'count',
        what: 'bulk syncs begun',
      };
      measures['networkdb.bulkSyncs.largest'] = {
        value: record.tables.bulkSyncBytesMax,
        unit: 'bytes',
        what: 'the largest of them, before compression',
      };
    }
    measures[`networkdb.bytes.${name}`] = { value: bytes, unit: 'bytes', what: `sent in ${what}` };
  }
  if (timeoutCount > 0) {
    const what = 'bulk syncs without an answer in 30 s';
    measures['networkdb.bulkSyncTimeouts'] = { value: timeoutCount, unit: 'count', what };
  }
  if (refusedCount > 0) {
    const what = 'streams too long for who read them';
    measures['gossip.streamsRefused'] = { value: refusedCount, unit: 'count', what };
  }
  return measures;
}
