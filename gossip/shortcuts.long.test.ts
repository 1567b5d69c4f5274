/** As `shortcuts.test.ts`, with more and larger clusters and more that happens to them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outcomeOf, randomRuns } from './testing/random-run.ts';

test('the same happens with shortcuts and without, in many runs of up to 60 members', () => {
  const property = fc.property(randomRuns(60, 24), (run) => {
    expect(outcomeOf(run, true)).toEqual(outcomeOf(run, false));
  });
  fc.assert(property, { numRuns: 400 });
});
