/**
 * A sweep that rests does what one does that walks: each subject counts its ticks and fires at some of
 * them, while others end rests at random instants.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from '../event-queue.ts';
import { Sweep } from './sweep.ts';

const INTERVAL_NS = 1000;
/** Ticks of these last ns before the end of a rest are passed. */
const WALK_NS = 300;

interface Run {
  /** By subject: its phase, ns, and at every how many ticks it fires. */
  readonly subjects: readonly { readonly phaseNs: number; readonly period: number }[];
  readonly disturbances: readonly { readonly atNs: number; readonly subject: number }[];
}

const runs: fc.Arbitrary<Run> = fc.record({
  subjects: fc.array(
    fc.record({
      phaseNs: fc.oneof(fc.nat(INTERVAL_NS - 1), fc.constantFrom(0, 500)),
      period: fc.constantFrom(1, 2, 3, 7, 50),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  disturbances: fc.array(fc.record({ atNs: fc.nat(30_000), subject: fc.integer({ max: 11 }) }), {
    maxLength: 8,
  }),
});

/** What the subjects did, in its order, and how many ticks they counted, seen at each disturbance. */
function outcomeOf({ subjects, disturbances }: Run, rests: boolean): unknown {
  const queue = new EventQueue();
  const counts = subjects.map(() => 0);
  const heard: string[] = [];
  const isFiring = (subject: number): boolean =>
    (counts[subject]! + 1) % subjects[subject]!.period === 0;
  const sweep: Sweep = new Sweep(INTERVAL_NS, {
    pass(subject) {
      if (isFiring(subject)) return false;
      counts[subject]!++;
      return true;
    },
    fire(subject) {
      counts[subject]!++;
      heard.push(`${queue.nowNs} ${subject}`);
      sweep.arm(subject, queue.nowNs + INTERVAL_NS, queue.nowNs);
    },
    skip(subject, count) {
      counts[subject]! += count;
    },
    onTurn() {
      const skipsOf = (subject: number): number => {
        const { period } = subjects[subject]!;
        return period - 1 - (counts[subject]! % period);
      };
      if (rests) sweep.rest(5, WALK_NS, skipsOf);
    },
  });
  queue.addSource(sweep);
  const phases = Float64Array.from(subjects, ({ phaseNs }) => phaseNs);
  sweep.reset([...subjects.keys()], phases, 0);
  for (const [subject, { phaseNs }] of subjects.entries()) {
    sweep.arm(subject, INTERVAL_NS + phaseNs, 0);
  }
  for (const { atNs, subject } of disturbances) {
    queue.scheduleCallback(atNs, (nowNs) => {
      if (subject >= 0) sweep.rouse(subject, nowNs);
      else sweep.endRest(nowNs);
      heard.push(`${nowNs} ${subject >= 0 ? counts[subject] : counts.join(' ')}`);
    });
  }
  queue.runUntil(40_000);
  sweep.endRest(40_000);
  return { counts, heard };
}

test('a rest is made up for', () => {
  fc.assert(
    fc.property(runs, (run) => {
      expect(outcomeOf(run, true)).toEqual(outcomeOf(run, false));
    }),
    { numRuns: 300 },
  );
});
