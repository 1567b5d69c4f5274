/**
 * Test support: the measured runs of the real memberlist (`test/fixtures/memberlist-measured`), and the
 * same experiment simulated, measure by measure.
 */
import { readFileSync } from 'node:fs';
import { SECOND_NS } from '../../sim/time.ts';
import { PROFILES } from '../constants.ts';
import { type MeasuredRun, measure } from './measured-run.ts';
import { distanceOf } from './two-sample.ts';

interface Sample {
  readonly values: readonly number[];
}

type Samples<Name extends string> = Readonly<Record<Name, Sample>>;

interface Fixture {
  readonly config: string;
  readonly n: number;
  readonly joinSeconds: {
    readonly allJoinAtOnce: Samples<
      'allKnowAll' | 'allKnowAllAfterLastJoinCall' | 'joinCallsReturned'
    >;
    readonly oneLateJoiner: Samples<'allKnow' | 'medianNodeKnows'>;
  };
  readonly steadyPerNodePerSecond: Samples<keyof MeasuredRun['steadyPerNodePerSecond']>;
  readonly killSeconds: Samples<keyof MeasuredRun['killSeconds']>;
  readonly killCounts: Samples<keyof MeasuredRun['killCounts']>;
  readonly leaveSeconds: Samples<keyof MeasuredRun['leaveSeconds']>;
}

const SEEDS = 200;

/** How an experiment was made, and how sure its differences have to be. */
export interface Comparison {
  /** See `MeasuredInit`. */
  readonly isInStep: boolean;
  /** Whether the members were idle while steady traffic was counted. */
  readonly hasSteady: boolean;
  /** Simulated runs; 200 unless given. */
  readonly seedCount?: number;
  /** How seldom one measure may differ by chance. */
  readonly significance: (measureCount: number) => number;
}

/**
 * What of the measured runs could not be of the simulated ones, as text, and how many members were
 * wrongly called dead or refuted in these.
 */
export function compare(
  file: string,
  comparison: Comparison,
): [differences: string[], alarms: number] {
  const fixture = fixtureOf(file);
  const runs = runsOf(file, fixture, comparison);
  const measures = measuresOf(fixture, comparison.hasSteady);
  const significance = comparison.significance(measures.length);
  const differences: string[] = [];
  for (const { name, real, of, unit } of measures) {
    const ours = runs.map(of).filter((value) => !Number.isNaN(value));
    const round = (value: number): number => Math.round(value / unit);
    const { distance, critical } = distanceOf(real.map(round), ours.map(round), significance);
    if (distance >= critical) differences.push(`${name}: ${distance} of ${critical}`);
  }
  return [differences, runs.reduce((sum, run) => sum + run.falsePositives + run.refutations, 0)];
}

function runsOf(file: string, fixture: Fixture, comparison: Comparison): MeasuredRun[] {
  const { isInStep, seedCount = SEEDS } = comparison;
  const joinCalls = fixture.joinSeconds.allJoinAtOnce.joinCallsReturned.values;
  const config = PROFILES[fixture.config]!;
  return Array.from({ length: seedCount }, (_, seed) => {
    const joinCallsNs = Math.round(joinCalls[seed % joinCalls.length]! * SECOND_NS);
    return measure(`${file} ${seed}`, { config, count: fixture.n, joinCallsNs, isInStep });
  });
}

interface Measure {
  readonly name: string;
  readonly real: readonly number[];
  readonly of: (run: MeasuredRun) => number;
  /** What the measurement can tell apart. */
  readonly unit: number;
}

/** Times are known to the millisecond. */
const TIME = 0.001;
/**
 * An idle Go process waits for its timers in whole milliseconds (`netpoll`), and a process of many
 * members more: a span between two timers is not known better than this.
 */
const TIMER = 0.02;

function measuresOf(fixture: Fixture, hasSteady: boolean): Measure[] {
  const { joinSeconds, killSeconds, killCounts, leaveSeconds } = fixture;
  const { allJoinAtOnce: join, oneLateJoiner: late } = joinSeconds;
  const measures: Measure[] = [];
  const add = (name: string, real: Sample, of: Measure['of'], unit: number): void => {
    measures.push({ name, real: real.values, of, unit });
  };
  add('allKnowAll', join.allKnowAll, (run) => run.joinSeconds.allKnowAll, TIME);
  add(
    'allKnowAllAfterLastJoinCall',
    join.allKnowAllAfterLastJoinCall,
    (run) => run.joinSeconds.allKnowAllAfterLastJoinCall,
    TIME,
  );
  add('lateAllKnow', late.allKnow, (run) => run.joinSeconds.lateAllKnow, TIME);
  add('lateMedianKnows', late.medianNodeKnows, (run) => run.joinSeconds.lateMedianKnows, TIME);
  for (const name of KILL_TIMES) {
    const unit = name === 'firstSuspicionToFirstDead' ? TIMER : TIME;
    add(name, killSeconds[name], (run) => run.killSeconds[name], unit);
  }
  for (const name of KILL_COUNTS) add(name, killCounts[name], (run) => run.killCounts[name], 1);
  for (const name of LEAVE_TIMES) {
    add(name, leaveSeconds[name], (run) => run.leaveSeconds[name], TIME);
  }
  if (!hasSteady) return measures;
  for (const [name, unit] of STEADY_UNITS) {
    const real = fixture.steadyPerNodePerSecond[name];
    add(name, real, (run) => run.steadyPerNodePerSecond[name], unit);
  }
  return measures;
}

const KILL_TIMES = [
  'firstSuspicion',
  'firstDead',
  'medianSurvivorDead',
  'allSurvivorsDead',
  'firstSuspicionToFirstDead',
  'firstDeadToAllDead',
] as const;

const KILL_COUNTS = [
  'survivorsWhoseOwnTimerFired',
  'failedProbesOfTheVictim',
  'suspectMessagesSent',
  'deadMessagesSent',
  'udpPacketsUntil5sAfterAgreement',
  'udpBytesUntil5sAfterAgreement',
] as const;

const LEAVE_TIMES = ['allOthersKnow', 'leaveCallReturned'] as const;

/** A probe more or less at the window's edge is not a difference; nor is a byte of a push/pull. */
const STEADY_UNITS = [
  ['udpPackets', 0.01],
  ['udpPayloadBytes', 1],
  ['streams', 0.001],
  ['streamBytesBothDirections', 0.1],
] as const;

function fixtureOf(name: string): Fixture {
  const url = new URL(`../../test/fixtures/memberlist-measured/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Fixture;
}
