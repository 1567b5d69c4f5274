/**
 * Lists of seeds, right and wrong.
 */
import { expect, test } from 'vitest';
import { parseSeeds } from './seeds.ts';

test.each([
  ['7', ['7']],
  ['1..4', ['1', '2', '3', '4']],
  ['1, 5,9..11', ['1', '5', '9', '10', '11']],
  ['2..3,3,2', ['2', '3']],
  ['release-1', ['release-1']],
])('%s', (text, seeds) => {
  expect(parseSeeds(text)).toEqual(seeds);
});

test.each([
  ['', "'' is not a list of seeds such as 1..200"],
  ['1,,2', "'1,,2' is not a list of seeds such as 1..200"],
  ['9..1', 'the range 9..1 ends before it begins'],
  ['1..1000001', 'more than 1000000 seeds'],
  ['1..600000,600001..1200000', 'more than 1000000 seeds'],
])('%s is refused', (text, error) => {
  expect(parseSeeds(text)).toEqual({ error });
});
