/**
 * The simulated members do what the real ones did: every distribution of the measured runs of
 * hashicorp/memberlist (`test/fixtures/memberlist-measured`) could be of 200 simulated runs of the
 * same experiment, by the two-sample test of Kolmogorov and Smirnov at 1 %.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { LAN, LOCAL, type SwimConfig } from './constants.ts';
import { type MeasuredRun, measure } from './testing/measured-run.ts';
import { distanceOf } from './testing/two-sample.ts';

interface Sample {
  readonly values: readonly number[];
}

type Samples<Name extends string> = Readonly<Record<Name, Sample>>;

interface Fixture {
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

const CASES: readonly [file: string, config: SwimConfig][] = [
  ['lan-n10', LAN],
  ['local-n10', LOCAL],
  ['lan-n50', LAN],
  ['local-n50', LOCAL],
];

/** Eight of its runs had late timers and asked for help: their steady traffic is not that of idle members. */
const RESTLESS = 'local-n10';

test.each(CASES)('%s: what the real memberlist did', (file, config) => {
  const fixture = fixtureOf(file);
  const runs = runsOf(file, config, fixture);
  const distances: string[] = [];
  for (const { name, real, of, unit } of measuresOf(file, fixture)) {
    const ours = runs.map(of).filter((value) => !Number.isNaN(value));
    const round = (value: number): number => Math.round(value / unit);
    const { distance, critical } = distanceOf(real.map(round), ours.map(round));
    if (distance >= critical) distances.push(`${name}: ${distance} of ${critical}`);
  }
  expect(distances).toEqual([]);
  expect(runs.reduce((sum, run) => sum + run.falsePositives + run.refutations, 0)).toBe(0);
});

function runsOf(file: string, config: SwimConfig, fixture: Fixture): MeasuredRun[] {
  const joinCalls = fixture.joinSeconds.allJoinAtOnce.joinCallsReturned.values;
  return Array.from({ length: SEEDS }, (_, seed) => {
    const joinCallsNs = Math.round(joinCalls[seed % joinCalls.length]! * SECOND_NS);
    return measure(`${file} ${seed}`, { config, count: fixture.n, joinCallsNs });
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
const TIMER = 0.01;

function measuresOf(file: string, fixture: Fixture): Measure[] {
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
  if (file === RESTLESS) return measures;
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
  const url = new URL(`../test/fixtures/memberlist-measured/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Fixture;
}
