/**
 * Whether each expectation came true, and what was measured instead.
 */
import { formatDuration, SECOND_NS } from '../../sim/time.ts';
import type { LocatedExpectation } from '../language/check.ts';
import { type Expectation, FAILURE_WORDS } from '../language/expectation.ts';
import { formatMeasure } from '../report/terminal.ts';
import type { ExpectationOutcome, Measure } from '../result.ts';
import { networkDbConvergedAtNs, survivorsOf, witnessesOf } from './measures.ts';
import type { RunRecord } from './run-record.ts';
import { isReturn, type TimelineEvent, uniqueNames } from './timeline-events.ts';

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
      const spanNs = spanAfter(meaning, record, event);
      const judgement = withinDeadline(spanNs, meaning.withinNs);
      return meaning.isDenied === true ? { ...judgement, met: !judgement.met } : judgement;
    }
    case 'neverHeld':
    case 'neverSaid':
      return judgeNever(meaning, record);
    case 'trafficLoss': {
      const traffic = record.traffic.find((t) => t.name === meaning.traffic);
      if (traffic === undefined || traffic.endedCount === 0) return nothingSent();
      const percent = Math.round(traffic.lossRatio * 10_000) / 100;
      const counts = `${traffic.failures.length} of ${traffic.endedCount}`;
      const { bound, ratio } = meaning;
      const met = bound === 'most' ? traffic.lossRatio <= ratio : traffic.lossRatio >= ratio;
      return { met, measured: `${percent}% (${counts})` };
    }
    case 'trafficFailure': {
      const traffic = record.traffic.find((t) => t.name === meaning.traffic);
      if (traffic === undefined || traffic.endedCount === 0) return nothingSent();
      const counts = FAILURE_WORDS.map((word) => ({ word, count: traffic.counts[word] }));
      const found = counts.filter(({ count }) => count > 0);
      const measured = found.map(({ word, count }) => `${count} ${word}`).join(', ');
      const met = found.length === 1 && found[0]!.word === meaning.outcome;
      return { met, measured: measured === '' ? 'none failed' : measured };
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
    case 'execPrints':
    case 'execExits':
      return judgeCommand(meaning, record);
    case 'measure':
      return judgeMeasure(measures[meaning.measure], meaning);
    case 'checkers': {
      const broken = record.checkers.filter((checker) => checker.violations.length > 0);
      if (broken.length === 0) return { met: true, measured: `${record.checkers.length} hold` };
      const text = broken.map((c) => `${c.name}: ${c.violations[0]}`).join('; ');
      return { met: false, measured: text };
    }
    case 'checker': {
      const violations = record.checkers.find((c) => c.name === meaning.checker)?.violations ?? [];
      const measured = violations[0] ?? 'it holds';
      return { met: meaning.holds === (violations.length === 0), measured };
    }
  }
}

/** What nobody may have said at any time of the run. */
function judgeNever(
  meaning: Extract<Expectation, { readonly kind: 'neverHeld' | 'neverSaid' }>,
  record: RunRecord,
): Judgement {
  const { names } = record.nodes;
  const node = names.indexOf(meaning.node);
  if (meaning.kind === 'neverSaid') {
    const found = record.nodeStatuses.find((c) => c.node === node && c.state === meaning.state);
    if (found === undefined) return { met: true, measured: 'never' };
    return { met: false, measured: `at ${formatDuration(found.atNs)}` };
  }
  const found = record.membership.changes.find(
    (change) => change.subject === node && change.opinion === meaning.state,
  );
  if (found === undefined) return { met: true, measured: 'never' };
  const measured = `by ${names[found.observer]} at ${formatDuration(found.atNs)}`;
  return { met: false, measured };
}

type Timed = Extract<Expectation, { readonly withinNs: number }>;

function spanAfter(meaning: Timed, record: RunRecord, event: TimelineEvent): number | undefined {
  const { names } = record.nodes;
  switch (meaning.kind) {
    case 'membership': {
      const subject = names.indexOf(meaning.node);
      const isReturned = meaning.state === 'alive' && isReturn(event);
      const observers = isReturned
        ? witnessesOf(record, event, subject)
        : survivorsOf(record, event);
      observers.delete(subject);
      if (isReturned && observers.size === 0 && event.verb !== 'restart') return 0;
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
  if (name === 'start')
    return { name, verb: name, atNs: 0, nodes: [], breaks: false, mends: false, text: name };
  const names = uniqueNames(record.events);
  return (
    record.events.find((event) => names.get(event) === name) ??
    record.events.find((event) => event.verb === name) ??
    commandEventOf(record, name)
  );
}

/** A tool may do what an operation does; it breaks nothing that measures know of. */
function commandEventOf(record: RunRecord, name: string): TimelineEvent | undefined {
  const found = record.commands.find((command) => command.name === name);
  if (found === undefined) return undefined;
  const atNs = Math.round(found.atSeconds * SECOND_NS);
  return { name, verb: 'exec', atNs, nodes: [], breaks: false, mends: false, text: found.command };
}

function withinDeadline(spanNs: number | undefined, withinNs: number): Judgement {
  if (spanNs === undefined) return { met: false, measured: 'never' };
  return { met: spanNs <= withinNs, measured: formatDuration(Math.round(spanNs)) };
}

function nothingSent(): Judgement {
  return { met: false, measured: 'no request was answered' };
}

function judgeCommand(
  meaning: Extract<Expectation, { readonly kind: 'execPrints' | 'execExits' }>,
  record: RunRecord,
): Judgement {
  const found = record.commands.find(({ name }) => name === meaning.command);
  if (found === undefined) return { met: false, measured: 'it did not run' };
  const { output, status } = found;
  const isTrue =
    meaning.kind === 'execExits'
      ? status === meaning.status
      : squeezed(output).includes(meaning.text);
  const lines = output.trimEnd().split('\n');
  const text = meaning.kind === 'execPrints' ? meaning.text : '';
  const line = lines.find((each) => squeezed(each).includes(text)) ?? lines.at(-1) ?? '';
  const saysStatus = meaning.kind === 'execExits' || line === '';
  const measured = saysStatus ? `exit status ${status}` : squeezed(line).trim();
  return { met: isTrue !== (meaning.isDenied === true), measured };
}

/** Blanks and line ends as one blank. */
function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
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
