import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { LAN, LOCAL, type SwimConfig } from './constants.ts';
import { type MeasuredRun, measure } from './testing/measured-run.ts';
import { distanceOf } from './testing/two-sample.ts';

interface Sample {
  readonly min: number;
  readonly max: number;
  readonly values: readonly number[];
}

interface Fixture {
  readonly n: number;
  readonly killSeconds: Readonly<Record<string, Sample>>;
  readonly steadyPerNodePerSecond: Readonly<Record<string, Sample>>;
  readonly joinSeconds: Readonly<Record<string, Readonly<Record<string, Sample>>>>;
  readonly leaveSeconds: Readonly<Record<string, Sample>>;
}

const CASES: readonly [file: string, config: SwimConfig, seeds: number][] = [
  ['lan-n10', LAN, 200],
  ['local-n10', LOCAL, 200],
  ['lan-n50', LAN, 60],
  ['local-n50', LOCAL, 60],
];

/** Eight of its runs had late timers and sent probes for help; see `timerLateness` in the file. */
const RESTLESS = 'local-n10';

test.each(CASES)('the times of %s are those of the real memberlist', (file, config, seeds) => {
  const fixture = fixtureOf(file);
  const { joinCallsReturned, allKnowAll } = fixture.joinSeconds['allJoinAtOnce']!;
  const runs: MeasuredRun[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const init = {
      config,
      count: fixture.n,
      joinNsMin: Math.round(joinCallsReturned!.min * SECOND_NS),
      joinNsMax: Math.round(joinCallsReturned!.max * SECOND_NS),
      patienceNs: 100 * SECOND_NS,
      steadyNs: 30 * SECOND_NS,
    };
    runs.push(measure(`${file} ${seed}`, init));
  }
  const { killSeconds, leaveSeconds, steadyPerNodePerSecond: steady } = fixture;
  compare('firstSuspicion', killSeconds['firstSuspicion']!, runs);
  compare('firstDead', killSeconds['firstDead']!, runs);
  compare('medianSurvivorDead', killSeconds['medianSurvivorDead']!, runs);
  compare('allSurvivorsDead', killSeconds['allSurvivorsDead']!, runs);
  compare('firstDeadToAllDead', killSeconds['firstDeadToAllDead']!, runs);
  compare('allKnowAll', allKnowAll!, runs);
  compare('lateJoinerKnown', fixture.joinSeconds['oneLateJoiner']!['allKnow']!, runs);
  compare('leaveKnown', leaveSeconds['allOthersKnow']!, runs);
  compare('leaveReturned', leaveSeconds['leaveCallReturned']!, runs);
  if (file !== RESTLESS) {
    compare('packetsPerSecond', steady['udpPackets']!, runs, 2);
    compare('packetBytesPerSecond', steady['udpPayloadBytes']!, runs, 0);
  }
  // the minimum of the suspicion with all confirmations; the real clocks are late by a millisecond
  const atMinimum = runs.filter(
    (run) => Math.abs(run.firstSuspicionToFirstDead - minimumOf(killSeconds)) < 0.002,
  );
  expect(atMinimum.length / runs.length).toBeGreaterThan(0.9);
});

function minimumOf(killSeconds: Readonly<Record<string, Sample>>): number {
  return killSeconds['firstSuspicionToFirstDead']!.min;
}

function compare(
  key: keyof MeasuredRun,
  real: Sample,
  runs: readonly MeasuredRun[],
  decimals = 3,
): void {
  const round = (value: number): number => Math.round(value * 10 ** decimals) / 10 ** decimals;
  const ours = runs.map((run) => round(run[key])).filter((value) => !Number.isNaN(value));
  const { distance, critical } = distanceOf(real.values.map(round), ours);
  const [min, median, max] = [0, ours.length >> 1, ours.length - 1].map(
    (i) => [...ours].sort((a, b) => a - b)[i],
  );
  const what = `${key}: ${min} / ${median} / ${max}, measured ${real.values.join(' ')}`;
  expect(distance, what).toBeLessThan(critical);
}

function fixtureOf(name: string): Fixture {
  const url = new URL(`../test/fixtures/memberlist-measured/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Fixture;
}
