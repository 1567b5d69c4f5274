/**
 * Every scenario of the incident library does what its file says: the symptom with the fault, and
 * its absence with the remedy.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadScenario } from './load.ts';
import { runScenario } from './run/run-scenario.ts';

const FOLDER = `${import.meta.dirname}/library/incidents`;
const SCENARIOS = readdirSync(FOLDER).filter(
  (name) => name.endsWith('.yaml') && !name.endsWith('.compose.yaml'),
);
const TABLE = readFileSync(new URL('../docs/incidents.md', import.meta.url), 'utf8');
const read = (path: string) => readFileSync(path, 'utf8');

test.each(SCENARIOS)('%s', (name) => {
  const { loaded, issues } = loadScenario(`${FOLDER}/${name}`, read);
  expect(issues).toEqual([]);
  const { result } = runScenario(loaded!);
  expect(result.expectations.length).toBeGreaterThan(1);
  expect(result.expectations.filter((outcome) => !outcome.met)).toEqual([]);
});

test.each(SCENARIOS)('%s says which threads it is from and what must show', (name) => {
  const comment = read(`${FOLDER}/${name}`).replaceAll('\n# ', ' ');
  expect(comment).toMatch(/Threads: .*#\d+/);
  expect(comment).toMatch(/Must show: /);
});

test('every incident that is reproduced has its remedy beside it and stands in the table', () => {
  const ids = new Set(SCENARIOS.map((name) => name.replace(/(\.fixed)?\.yaml$/, '')));
  for (const id of ids) {
    expect(SCENARIOS).toContain(`${id}.fixed.yaml`);
    expect(TABLE).toContain(`| \`${id}\` |`);
  }
});
