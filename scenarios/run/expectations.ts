/**
 * Whether each expectation came true, and what was measured instead.
 */
import { formatDuration, SECOND_NS } from '../../sim/time.ts';
import type { LocatedExpectation } from '../language/check.ts';
import type { Expectation } from '../language/expectation.ts';
import { formatMeasure } from '../report/terminal.ts';
import type { ExpectationOutcome, Measure } from '../result.ts';
import { networkDbConvergedAtNs, survivorsOf } from './measures.ts';
import type { RunRecord } from './run-record.ts';
import { type TimelineEvent, uniqueNames } from './timeline-events.ts';

interface Judgement {
  readonly met: boolean;
  readonly measured: string;
}

/** Judges all expectations of a run. */
export function judge(
  expectations: readonly LocatedExpectation[],
  record: RunRecord,
  measures: Readonly<Record<string, Measure>>,
  file: string,
): ExpectationOutcome[] {
  return expectations.map(({ text, line, meaning }) => ({
    text,
    ...judgeOne(meaning, record, measures),
    file,
    line,
  }));
}

function judgeOne(
  meaning: Expectation,
  record: RunRecord,
  measures: Readonly<Record<string, Measure>>,
): Judgement {
  switch (meaning.kind) {
    case 'membership':
    case 'node':
    case 'service':
    case 'networkdb':
    case 'trafficRecovery': {
      const event = eventOf(record, meaning.of);
      if (event === undefined) return { met: false, measured: `${meaning.of} never happened` };
      return withinDeadline(spanAfter(meaning, record, event), meaning.withinNs);
    }
    case 'trafficLoss': {
      const traffic = record.traffic.find((t) => t.name === meaning.traffic);
      if (traffic === undefined || traffic.endedCount === 0) return nothingSent();
      const percent = Math.round(traffic.lossRatio * 10_000) / 100;
      const counts = `${traffic.failures.length} of ${traffic.endedCount}`;
      return { met: traffic.lossRatio <= meaning.atMost, measured: `${percent}% (${counts})` };
    }
    case 'trafficLatency': {
      const traffic = record.traffic.find((t) => t.name === meaning.traffic);
      if (traffic === undefined || traffic.counts.ok === 0) return nothingSent();
      const latencyNs = traffic.latency.percentile(meaning.quantile * 100);
      return withinDeadline(latencyNs, meaning.atMostNs);
    }
    case 'falsePositives': {
      const found = record.membership.falsePositives((observer, subject, atNs) =>
        record.isReachable(observer, subject, atNs),
      );
      const first = found[0];
      if (first === undefined) return { met: true, measured: 'none' };
      const { names } = record.nodes;
      const who = `${names[first.observer]} held ${names[first.subject]} dead`;
      return {
        met: false,
        measured: `${found.length}, first: ${who} at ${formatDuration(first.atNs)}`,
      };
    }
    case 'measure':
      return judgeMeasure(measures[meaning.measure], meaning);
    case 'checkers': {
      const broken = record.checkers.filter((checker) => checker.violations.length > 0);
      if (broken.length === 0) return { met: true, measured: `${record.checkers.length} hold` };
      const text = broken.map((c) => `${c.name}: ${c.violations[0]}`).join('; ');
      return { met: false, measured: text };
    }
  }
}

type Timed = Extract<Expectation, { readonly withinNs: number }>;

function spanAfter(meaning: Timed, record: RunRecord, event: TimelineEvent): number | undefined {
  const { names } = record.nodes;
  switch (meaning.kind) {
    case 'membership': {
      const subject = names.indexOf(meaning.node);
      const observers = survivorsOf(record, event);
      observers.delete(subject);
      const { membership } = record;
      const atNs = meaning.everywhere
        ? membership.last(subject, meaning.state, event.atNs, observers)
        : membership.first(subject, meaning.state, event.atNs, observers);
      return atNs === undefined ? undefined : atNs - event.atNs;
    }
    case 'node': {
      const node = names.indexOf(meaning.node);
      const change = record.nodeStatuses.find(
        (c) => c.node === node && c.state === meaning.state && c.atNs >= event.atNs,
      );
      return change === undefined ? undefined : change.atNs - event.atNs;
    }
    case 'service': {
      const service = record.services.services.find(
        (name) => name === meaning.service || name.endsWith(`_${meaning.service}`),
      );
      if (service === undefined) return undefined;
      return record.services.recoveryNs(service, event.atNs, laterEventNs(record, event));
    }
    case 'networkdb': {
      const atNs = networkDbConvergedAtNs(record, event);
      return atNs === undefined ? undefined : atNs - event.atNs;
    }
    case 'trafficRecovery': {
      const traffic = record.traffic.find((t) => t.name === meaning.traffic);
      return traffic?.recoveryNs(event.atNs, laterEventNs(record, event));
    }
  }
}

/** The next fault or return after an event, or the end: what comes after is another story. */
function laterEventNs(record: RunRecord, event: TimelineEvent): number {
  const later = record.events.filter((other) => other.atNs > event.atNs).map((e) => e.atNs);
  return Math.min(record.endNs, ...later);
}

function eventOf(record: RunRecord, name: string): TimelineEvent | undefined {
  if (name === 'start') return { name, verb: name, atNs: 0, nodes: [], breaks: false, text: name };
  const names = uniqueNames(record.events);
  return (
    record.events.find((event) => names.get(event) === name) ??
    record.events.find((event) => event.verb === name)
  );
}

function withinDeadline(spanNs: number | undefined, withinNs: number): Judgement {
  if (spanNs === undefined) return { met: false, measured: 'never' };
  return { met: spanNs <= withinNs, measured: formatDuration(Math.round(spanNs)) };
}

function nothingSent(): Judgement {
  return { met: false, measured: 'no request was answered' };
}

function judgeMeasure(
  measure: Measure | undefined,
  meaning: Extract<Expectation, { readonly kind: 'measure' }>,
): Judgement {
  if (measure === undefined) return { met: false, measured: `there is no ${meaning.measure}` };
  if (measure.value === null) return { met: false, measured: 'never' };
  const value = measure.unit === 's' ? measure.value * SECOND_NS : measure.value;
  const met = meaning.bound === 'most' ? value <= meaning.value : value >= meaning.value;
  return { met, measured: formatMeasure(measure) };
}
