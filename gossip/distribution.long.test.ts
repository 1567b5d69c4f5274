/**
 * As `distribution.test.ts`, for other sizes and for WAN, of which there are many more measured runs. So
 * many that of the 200 comparisons some would differ at 1 % by chance: here 1 % is for all measures of
 * a cluster together.
 */
import { expect, test } from 'vitest';
import { compare } from './testing/measured-fixture.ts';

test.each([
  ...(['lan-n5', 'lan-n20', 'lan-n30', 'lan-n100'] as const),
  ...(['local-n5', 'local-n20', 'local-n30', 'wan-n10', 'wan-n20'] as const),
])('%s: what the real memberlist did', (file) => {
  const significance = (measureCount: number): number => 0.01 / measureCount;
  const [differences] = compare(file, { isInStep: true, hasSteady: true, significance });
  expect(differences).toEqual([]);
});
