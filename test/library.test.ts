/**
 * Every scenario of the library meets its expectations, not with one lucky seed only.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { LIBRARY, loadLibrary } from './support/runs.ts';

const NAMES = readdirSync(LIBRARY)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.compose.yaml'))
  .map((file) => file.replace('.yaml', ''));

/** Twelve hours are played once only. */
function seedsOf(name: string): (string | undefined)[] {
  return name === 'key-rotation' ? [undefined] : [undefined, '2'];
}

describe.each(NAMES)('%s', (name) => {
  test.each(seedsOf(name))('meets its expectations, seed %s', (seed) => {
    const { result } = runScenario(loadLibrary(name), { seed });
    const missed = result.expectations.filter((outcome) => !outcome.met);
    expect(missed.map((outcome) => `${outcome.text}: ${outcome.measured}`)).toEqual([]);
    expect(result.verdict).toBe('passed');
  });
});
