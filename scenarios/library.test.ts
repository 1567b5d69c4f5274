/**
 * Every scenario of the library reads without a complaint, with its stack.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ProgramSpec } from '../node/workload/program.ts';
import { loadScenario } from './load.ts';

const FOLDER = `${import.meta.dirname}/library`;
const SCENARIOS = readdirSync(FOLDER).filter(
  (name) => name.endsWith('.yaml') && !name.endsWith('.compose.yaml'),
);

const load = (name: string) =>
  loadScenario(`${FOLDER}/${name}`, (path) => readFileSync(path, 'utf8'));

test('there are some', () => {
  expect(SCENARIOS.length).toBeGreaterThan(6);
});

test.each(SCENARIOS)('%s reads without a complaint', (name) => {
  const { loaded, issues } = load(name);
  expect(issues).toEqual([]);
  expect(loaded?.expectations.length).toBeGreaterThan(3);
  const services = ['redis', 'db', 'vote', 'result', 'worker'];
  const isWithoutStack = name === 'key-rotation.yaml';
  expect(Object.keys(loaded?.stack?.services ?? {})).toEqual(isWithoutStack ? [] : services);
});

test("the voting app's front end asks redis before it answers", () => {
  const vote = load('voting-app-worker-crash.yaml').loaded!.stack!.services['vote']!;
  const program = vote.workload as unknown as ProgramSpec;
  expect(program.listeners).toEqual([
    {
      port: 80,
      protocol: 'http',
      serviceTime: { minNs: 1_000_000, maxNs: 5_000_000 },
      responseBytes: 2000,
      keepAliveNs: 75_000_000_000,
      calls: [{ protocol: 'tcp', host: 'redis', port: 6379, path: '/' }],
    },
  ]);
  expect(vote.ports).toEqual([{ target: 80, published: 5000, protocol: 'tcp', mode: 'ingress' }]);
  expect(vote.deploy?.replicas).toBeGreaterThan(1);
  expect(vote.deploy?.updateConfig?.delayNs).toBe(10_000_000_000);
});

test('equal texts have equal hashes, and a changed stack another', () => {
  const file = `${FOLDER}/voting-app-worker-crash.yaml`;
  const read = (path: string) => readFileSync(path, 'utf8');
  const hash = load('voting-app-worker-crash.yaml').loaded!.configHash;
  expect(loadScenario(file, read).loaded!.configHash).toBe(hash);
  const changed = loadScenario(file, (path) =>
    read(path).replace('response: 2kB', 'response: 3kB'),
  );
  expect(changed.loaded!.configHash).not.toBe(hash);
});
