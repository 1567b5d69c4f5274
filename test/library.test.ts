/**
 * Every scenario of the library meets its expectations.
 */
import { expect, test } from 'vitest';
import { LIBRARY_NAMES, missedExpectations } from './support/runs.ts';

test.each(LIBRARY_NAMES)('%s meets its expectations', (name) => {
  expect(missedExpectations(name)).toEqual([]);
});
