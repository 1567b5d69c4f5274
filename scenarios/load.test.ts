/**
 * Loading: files beside files, overrides, objects instead of files, and how issues are printed.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatIssue } from './language/issue.ts';
import { checkFile, loadScenario, loadScenarioObject, siblingOf } from './load.ts';
import { VERSION } from './version.ts';

const FILES: Readonly<Record<string, string>> = {
  'a/x.yaml': 'name: x\nstack: ../b/s.yaml\nuntil: 60s\nenvironment: { TAG: 3 }\n',
  'a/../b/s.yaml': 'services:\n  web:\n    image: nginx:$TAG\n',
  'plain.yaml': 'name: plain\ncluster: { workers: 2 }\nuntil: 60s\n',
  'stackless.yaml': 'name: x\nuntil: 60s\nexpect: [service web is healthy within 1s of start]\n',
};
const read = (path: string): string | undefined => FILES[path];

test('a stack is looked for beside its scenario, and sees its environment', () => {
  const { loaded } = loadScenario('a/x.yaml', read);
  expect(loaded?.stack?.services['web']?.image).toBe('nginx:3');
  expect(siblingOf('x.yaml', 's.yaml')).toBe('s.yaml');
  expect(siblingOf('a/x.yaml', '/s.yaml')).toBe('/s.yaml');
});

test('overrides replace values, whatever they are', () => {
  const overrides = new Map([
    ['cluster.workers', '8'],
    ['cluster.underlay.loss', '5%'],
    ['until', '2m'],
  ]);
  const { loaded } = loadScenario('plain.yaml', read, overrides);
  expect(loaded?.scenario.cluster.workers).toBe(8);
  expect(loaded?.scenario.cluster.underlay.loss).toBe(0.05);
  expect(loaded?.scenario.until).toBe(120e9);
  const hash = loadScenario('plain.yaml', read).loaded!.configHash;
  expect(loaded?.configHash).not.toBe(hash);
});

test('an override that is wrong says so', () => {
  const { loaded, issues } = loadScenario('plain.yaml', read, new Map([['cluster.wokers', '8']]));
  expect(loaded).toBeUndefined();
  expect(issues.map((issue) => [issue.message, issue.hint])).toEqual([
    ["unknown key 'wokers' in 'cluster'", "did you mean 'workers'?"],
  ]);
});

test('the seed does not change the hash of the configuration', () => {
  const seeded = loadScenarioObject({ name: 'x', until: '1s', seed: 7 }, '', read);
  const other = loadScenarioObject({ name: 'x', until: '1s', seed: 8 }, '', read);
  expect(seeded.loaded?.scenario.seed).toBe('7');
  expect(seeded.loaded?.configHash).toBe(other.loaded?.configHash);
});

test('an object is read like a file, with its stack relative to a folder', () => {
  const input = { name: 'x', stack: 's.yaml', until: '60s', environment: { TAG: 'a' } };
  const { loaded } = loadScenarioObject(input, 'a/../b', read);
  expect(Object.keys(loaded?.stack?.services ?? {})).toEqual(['web']);
});

test('a file that is not there is an issue', () => {
  const { issues } = loadScenario('nope.yaml', read);
  expect(issues.map((issue) => formatIssue(issue, undefined))).toEqual([
    'nope.yaml:1:1: error: there is no such file\n' +
      '  hint: swarmlab run takes the path of a scenario, such as scenarios/library/*.yaml',
  ]);
});

test('an issue shows its line and points at the place', () => {
  const { issues, sources } = loadScenario('stackless.yaml', read);
  expect(issues.map((issue) => formatIssue(issue, sources.get(issue.file)))).toEqual([
    `stackless.yaml:3:10: error: unknown service 'web'
  3 | expect: [service web is healthy within 1s of start]
    |          ^
  hint: the scenario has no stack`,
  ]);
});

test('a stack file is no scenario, but can be checked by itself', () => {
  const file = 'a/../b/s.yaml';
  expect(loadScenario(file, read).issues.map((issue) => issue.message)).toEqual([
    'this is a stack file, not a scenario',
  ]);
  expect(checkFile(file, read).issues.map((issue) => issue.message)).toEqual([
    'the variable TAG is not set; it becomes an empty string',
    'invalid image reference for service web: invalid reference format',
  ]);
  expect(checkFile('plain.yaml', read).issues).toEqual([]);
  expect(checkFile('nope.yaml', read).issues.map((issue) => issue.code)).toEqual(['missing-file']);
});

test('the version is that of the package', () => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  expect(VERSION).toBe(JSON.parse(text).version);
});
