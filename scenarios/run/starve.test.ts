/**
 * `starve` in the timeline: until its time is over or it is healed; clocks that drift.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

function unmet(text: string): string[] {
  const { loaded, issues } = loadScenario('x.yaml', () => text);
  expect(issues).toEqual([]);
  const { result } = runScenario(loaded!);
  return result.expectations.filter(({ met }) => !met).map((outcome) => outcome.text);
}

test('a starved daemon is dead to gossip and down to its manager until that is over', () => {
  expect(
    unmet(`
name: starved
cluster: { managers: 1, workers: 5 }
timeline:
  - { at: 20s, starve: { nodes: worker-1, wait: 20s, for: 30s } }
until: 70s
expect:
  - membership of worker-1 is dead everywhere within 15s of starve
  - membership of worker-1 is alive everywhere within 35s of starve
  - membership of worker-2 is never dead
  - node worker-1 is down within 17s of starve
  - node worker-1 is ready within 35s of starve
`),
  ).toEqual([]);
});

test('healing ends starvation, and a slow clock alone makes nobody suspect', () => {
  expect(
    unmet(`
name: healed
cluster: { managers: 1, workers: 5, nodes: { worker-2: { clock-drift: -10% } } }
timeline:
  - { at: 20s, starve: { nodes: worker-1, wait: 60s } }
  - { at: 45s, heal: worker-1 }
until: 60s
expect:
  - membership of worker-1 is dead everywhere within 15s of starve
  - membership of worker-1 is alive everywhere within 5s of heal
  - membership of worker-2 is never suspect
`),
  ).toEqual([]);
});
