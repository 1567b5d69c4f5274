/**
 * Equal seeds give equal runs, to the last observation: in one process, in another process, on
 * another version of Node, with shortcuts and without.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type RunOptions, runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { LIBRARY, loadLibrary, ROOT } from './support/runs.ts';

const UNTIL_NS = 60 * SECOND_NS;
const NAME = 'voting-app-worker-crash';

const resultOf = (options: RunOptions, name = NAME) =>
  runScenario(loadLibrary(name), { untilNs: UNTIL_NS, ...options }).result;

/** The result document that the program prints, from a process of its own. */
function printed(seed: string, ...flags: string[]) {
  const program = join(ROOT, 'dist/bin/swarmlab.js');
  const file = join(LIBRARY, `${NAME}.yaml`);
  const words = ['run', file, '--seed', seed, '--until', '60s', '--json', '-', ...flags];
  let output: string;
  try {
    output = execFileSync(process.execPath, [program, ...words], { encoding: 'utf8' });
  } catch (error) {
    // Cut off at 60 s the worker never returns: status 1, and the document all the same.
    const failure = error as { status: number; stdout: string };
    expect(failure.status).toBe(1);
    output = failure.stdout;
  }
  return JSON.parse(output) as { digest: string; configHash: string; measures: unknown };
}

test('the same seed gives the same result in one process, another seed another', () => {
  const first = resultOf({ seed: '1' });
  const second = resultOf({ seed: '1' });
  expect(second).toEqual(first);
  const other = resultOf({ seed: '2' });
  expect(other.digest).not.toBe(first.digest);
  expect(other.configHash).toBe(first.configHash);
});

test('shortcuts change nothing', () => {
  const quick = resultOf({ seed: '5' });
  const literal = resultOf({ seed: '5', shortcuts: false });
  expect(literal).toEqual(quick);
});

test('shortcuts change nothing while packets are lost', () => {
  const quick = resultOf({ seed: '5' }, 'rack-loss');
  const literal = resultOf({ seed: '5', shortcuts: false }, 'rack-loss');
  expect(literal).toEqual(quick);
});

test('another process comes to the same result, literally or with shortcuts', () => {
  const here = resultOf({ seed: '1' });
  for (const flags of [[], ['--no-shortcuts']]) {
    const there = printed('1', ...flags);
    expect(there.digest).toBe(here.digest);
    expect(there.configHash).toBe(here.configHash);
    expect(there.measures).toEqual(JSON.parse(JSON.stringify(here.measures)));
  }
});
