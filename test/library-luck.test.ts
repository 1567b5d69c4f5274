/**
 * The scenarios of the library meet their expectations not with one lucky seed only.
 */
import { expect, test } from 'vitest';
import { LIBRARY_NAMES, missedExpectations } from './support/runs.ts';

/** Twelve hours are played once only. */
const NAMES = LIBRARY_NAMES.filter((name) => name !== 'key-rotation');

test.each(NAMES)('%s meets its expectations with another seed', (name) => {
  expect(missedExpectations(name, '2')).toEqual([]);
});
