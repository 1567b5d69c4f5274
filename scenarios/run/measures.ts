/**
 * The measures of a run: what happened after each fault, and how long it took; what became of the
 * traffic; what the gossip cost. Names are those of the `--json` document.
 *
 * A fault's measures are prefixed with its name (`crash.membership.detected`); those of the first
 * fault stand without a prefix too, since most scenarios have one.
 */
import { SECOND_NS } from '../../sim/time.ts';
import type { Measure, TableSpread } from '../result.ts';
import type { RunRecord } from './run-record.ts';
import { spreadMeasures, stalenessMeasures, tableCostMeasures } from './table-spread.ts';
import { isFault, isReturn, isSubtle, type TimelineEvent, uniqueNames } from './timeline-events.ts';
import { REQUEST_OUTCOMES } from './traffic/record.ts';

/** All measures of a run, in the order in which reports list them. */
export function measuresOf(
  record: RunRecord,
  spreads: readonly TableSpread[],
): Record<string, Measure> {
  const measures: Record<string, Measure> = {};
  const names = uniqueNames(record.events);
  const first = record.events.find((event) => isFault(event) || isReturn(event));
  for (const event of record.events) {
    const prefix = event === first ? '' : `${names.get(event)}.`;
    const spread = spreads.find((one) => one.event === names.get(event));
    const found = {
      ...(isFault(event) || isReturn(event) ? measuresAfter(record, event) : {}),
      ...(spread === undefined ? {} : spreadMeasures(spread)),
    };
    for (const [name, measure] of Object.entries(found)) measures[prefix + name] = measure;
  }
  Object.assign(
    measures,
    trafficMeasures(record),
    stalenessMeasures(record),
    tableCostMeasures(record),
    gossipMeasures(record),
    underlayMeasures(record),
  );
  return measures;
}

/** When the next event of the timeline happens; the end of the run when there is none. */
function nextEventNs(record: RunRecord, event: TimelineEvent): number {
  const later = record.events.filter((other) => other.atNs > event.atNs).map((e) => e.atNs);
  return Math.min(record.endNs, ...later);
}

/** The nodes that can be asked about a fault: running, and not hit by it. */
export function survivorsOf(record: RunRecord, event: TimelineEvent): Set<number> {
  const hit = new Set(event.nodes);
  const all = record.nodes.names.map((_, i) => i);
  return new Set(all.filter((i) => !hit.has(i) && record.isRunning(i, event.atNs)));
}

/**
 * The nodes that have to hold `subject` alive after a return: those that ran and doubted it, and
 * all others when it boots, which makes a new member of it.
 */
export function witnessesOf(record: RunRecord, event: TimelineEvent, subject: number): Set<number> {
  const { membership, nodes } = record;
  const opinions = membership.opinionsBefore(subject, event.atNs);
  const isNew = event.verb === 'restart';
  return new Set(
    nodes.names
      .map((_, i) => i)
      .filter((i) => i !== subject && record.isRunning(i, event.atNs))
      .filter((i) => isNew || opinions.get(i) !== 'alive'),
  );
}

function measuresAfter(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  return {
    ...(isFault(event) ? membershipLoss(record, event) : {}),
    ...(isReturn(event) ? membershipReturn(record, event) : {}),
    ...networkDbMeasures(record, event),
    ...managerMeasures(record, event),
    ...recoveryMeasures(record, event),
  };
}

function seconds(what: string, ns: number | undefined): Measure {
  return { value: ns === undefined ? null : ns / SECOND_NS, unit: 's', what };
}

function since(what: string, event: TimelineEvent, atNs: number | undefined): Measure {
  return seconds(what, atNs === undefined ? undefined : atNs - event.atNs);
}

/** The latest of some instants; `undefined` when one of them never came. */
function latest(instants: readonly (number | undefined)[]): number | undefined {
  if (instants.length === 0) return undefined;
  let last = 0;
  for (const atNs of instants) {
    if (atNs === undefined) return undefined;
    last = Math.max(last, atNs);
  }
  return last;
}

function earliest(instants: readonly (number | undefined)[]): number | undefined {
  const known = instants.filter((atNs): atNs is number => atNs !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function membershipLoss(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  if (event.nodes.length === 0 || isSubtle(event)) return {};
  const observers = survivorsOf(record, event);
  const { membership } = record;
  const of = (opinion: 'suspect' | 'dead') =>
    event.nodes.map((node) => membership.first(node, opinion, event.atNs, observers));
  const last = event.nodes.map((node) => membership.last(node, 'dead', event.atNs, observers));
  return {
    'membership.firstSuspicion': since(
      'fault to the first member that suspects',
      event,
      earliest(of('suspect')),
    ),
    'membership.detected': since(
      'fault to the first member that declares it dead',
      event,
      earliest(of('dead')),
    ),
    'membership.converged': since(
      'fault to the last survivor that holds it dead',
      event,
      latest(last),
    ),
  };
}

function membershipReturn(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  if (event.nodes.length === 0) return {};
  const last = event.nodes.map((node) => {
    const witnesses = witnessesOf(record, event, node);
    if (witnesses.size === 0 && event.verb !== 'restart') return event.atNs;
    return record.membership.last(node, 'alive', event.atNs, witnesses);
  });
  return {
    'membership.rejoined': since(
      'return to the last member that holds it alive',
      event,
      latest(last),
    ),
  };
}

/** After a fault: dead owners' entries are forgotten; after a return: all nodes agree. */
function networkDbMeasures(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  const what = isFault(event)
    ? "fault to the last node that drops a dead owner's entry"
    : 'return to the last entry that all its nodes hold the same';
  return { 'networkdb.converged': since(what, event, networkDbConvergedAtNs(record, event)) };
}

/** When the tables had taken an event in, as far as the next event lets it; `undefined` if never. */
export function networkDbConvergedAtNs(
  record: RunRecord,
  event: TimelineEvent,
): number | undefined {
  const untilNs = nextEventNs(record, event);
  const lastOf = (instants: readonly number[]) =>
    instants.filter((atNs) => atNs >= event.atNs && atNs < untilNs).at(-1);
  if (isFault(event)) return lastOf(record.networkDbDrops);
  const agreedAtNs = lastOf(record.networkDbAgreements);
  const changedAtNs = lastOf(record.tables.changedAtNs);
  // what changed after the last agreement was not settled in time
  return agreedAtNs === undefined || agreedAtNs < (changedAtNs ?? 0) ? undefined : agreedAtNs;
}

function managerMeasures(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  if (event.nodes.length === 0 || isSubtle(event)) return {};
  const untilNs = nextEventNs(record, event);
  const first = (state: 'down' | 'ready') =>
    event.nodes.map(
      (node) =>
        record.nodeStatuses.find(
          (change) =>
            change.node === node &&
            change.state === state &&
            change.atNs >= event.atNs &&
            change.atNs <= untilNs,
        )?.atNs,
    );
  const measures: Record<string, Measure> = {};
  if (isFault(event)) {
    measures['manager.nodeDown'] = since(
      'fault to the manager that calls the node down',
      event,
      latest(first('down')),
    );
  }
  if (isReturn(event)) {
    measures['manager.nodeReady'] = since(
      'return to the manager that calls the node ready',
      event,
      latest(first('ready')),
    );
  }
  return measures;
}

function recoveryMeasures(record: RunRecord, event: TimelineEvent): Record<string, Measure> {
  const untilNs = nextEventNs(record, event);
  const measures: Record<string, Measure> = {};
  for (const service of record.services.services) {
    const name = service.includes('_') ? service.slice(service.indexOf('_') + 1) : service;
    measures[`service.${name}.recovered`] = seconds(
      'fault to as many running tasks as wanted',
      record.services.recoveryNs(service, event.atNs, untilNs),
    );
  }
  if (record.traffic.length > 0) {
    const recoveries = record.traffic.map((t) => t.recoveryNs(event.atNs, untilNs));
    measures['dataplane.recovered'] = seconds(
      'fault to the last request that fails',
      latest(recoveries),
    );
  }
  return measures;
}

function trafficMeasures(record: RunRecord): Record<string, Measure> {
  const measures: Record<string, Measure> = {};
  for (const traffic of record.traffic) {
    const name = `traffic.${traffic.name}`;
    const count = (value: number, what: string): Measure => ({ value, unit: 'count', what });
    measures[`${name}.sent`] = count(traffic.sentCount, 'requests sent');
    for (const outcome of REQUEST_OUTCOMES) {
      const value = traffic.counts[outcome];
      const isCommon = ['ok', 'refused', 'reset', 'timeout'].includes(outcome);
      if (isCommon || value > 0)
        measures[`${name}.${outcome}`] = count(value, OUTCOME_WORDS[outcome]);
    }
    measures[`${name}.lost`] = {
      value: traffic.lossRatio,
      unit: 'ratio',
      what: 'failed requests in relation to all',
    };
    const { largestShare } = traffic;
    if (largestShare !== undefined) {
      const what = 'answers of the server that gave most';
      measures[`${name}.share.max`] = { value: largestShare, unit: 'ratio', what };
    }
    for (const percentile of [50, 90, 99, 99.9]) {
      measures[`${name}.latency.p${percentile}`] = seconds(
        `${percentile} % of the answers came within`,
        traffic.counts.ok === 0 ? undefined : traffic.latency.percentile(percentile),
      );
    }
    measures[`${name}.latency.max`] = seconds(
      'the slowest answer',
      traffic.counts.ok === 0 ? undefined : traffic.latency.max,
    );
  }
  return measures;
}

const OUTCOME_WORDS = {
  ok: 'answered',
  refused: 'connection refused',
  reset: 'connection reset',
  timeout: 'no answer in time',
  unreachable: 'host or network unreachable',
  unresolved: 'name not found',
} as const;

/** Reasons of the underlay by the names of their measures. */
const DROP_REASONS = [
  ['lost', 'lost', 'frames that the underlay lost'],
  ['partition', 'partition', 'frames that a partition stopped'],
  ['longer than', 'tooLong', "frames longer than their path's MTU"],
] as const;

/** What the underlay dropped of the containers' frames, where it did. */
function underlayMeasures(record: RunRecord): Record<string, Measure> {
  const measures: Record<string, Measure> = {};
  for (const [start, name, what] of DROP_REASONS) {
    let value = 0;
    for (const [reason, count] of record.underlayDrops)
      if (reason.startsWith(start)) value += count;
    if (value > 0) measures[`underlay.${name}`] = { value, unit: 'count', what };
  }
  return measures;
}

function gossipMeasures(record: RunRecord): Record<string, Measure> {
  const nodeSeconds = (record.gossip.length * record.endNs) / SECOND_NS;
  if (nodeSeconds === 0) return {};
  const sum = (of: 'packets' | 'bytes') => record.gossip.reduce((all, load) => all + load[of], 0);
  return {
    'gossip.packets': {
      value: sum('packets') / nodeSeconds,
      unit: 'packets/s',
      what: 'gossip packets that a node sends',
    },
    'gossip.bytes': {
      value: sum('bytes') / nodeSeconds,
      unit: 'bytes/s',
      what: 'gossip bytes that a node sends',
    },
  };
}
