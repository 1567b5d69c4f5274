/** Which rules of NetworkDB and which memberlist a host has, by the version that its user names. */
import { expect, test } from 'vitest';
import { engineVersionOf } from './engine-version.ts';

test.each([
  ['20.10', 1, 1],
  ['20.10.24', 1, 1],
  ['28.5.2', 1, 1],
  ['29.0', 2, '29.0'],
  ['29.5.3', 2, '29.0'],
  ['29.6', 2, 2],
  ['29', 2, 2],
  ['30.0', 3, 3],
  ['30', 3, '30.1'],
])('%s has generation %s', (text, generation, rules) => {
  const version = engineVersionOf(text)!;
  expect(version.networkDbGeneration).toBe(generation);
  expect(version.networkDbRules).toBe(rules);
});

test.each([
  ['20.10.24', '0.4.0'],
  ['28.5.2', '0.4.0'],
  ['29', '0.6.0'],
])('%s has memberlist %s', (text, memberlist) => {
  expect(engineVersionOf(text)!.memberlist.text).toBe(memberlist);
});

test.each(['19.03', '31', 'latest', '29.x', ''])('%s is not known', (text) => {
  expect(engineVersionOf(text)).toBeUndefined();
});
