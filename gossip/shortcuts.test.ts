/**
 * With shortcuts and without (and so with views stored once and with a row each) the same happens:
 * random small clusters with loss, cuts, pauses, starved processes, clocks that drift, crashes, joins
 * and leaves have the same digest and the same counters in both modes. The long test has more of it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outcomeOf, randomRuns } from './testing/random-run.ts';

test('the same happens with shortcuts and without', () => {
  const property = fc.property(randomRuns(30, 12), (run) => {
    expect(outcomeOf(run, true)).toEqual(outcomeOf(run, false));
  });
  fc.assert(property, { numRuns: 80 });
});
