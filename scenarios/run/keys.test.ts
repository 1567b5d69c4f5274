/**
 * `keys` in the timeline: a rotation that nobody notices, and one that a daemon has missed.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

function resultOf(text: string) {
  const { loaded, issues } = loadScenario('x.yaml', () => text);
  expect(issues).toEqual([]);
  const { expectations, timeline } = runScenario(loaded!).result;
  return { unmet: expectations.filter(({ met }) => !met).map((outcome) => outcome.text), timeline };
}

test('installed, used, removed: nobody is suspected on the way, nor after a reboot', () => {
  const { unmet } = resultOf(`
name: rotation
cluster: { managers: 1, workers: 4, gossip: { keyring: [old] } }
timeline:
  - { at: 20s, keys: { nodes: all, install: new } }
  - { at: 25s, keys: { nodes: worker-*, use: new } }
  - { at: 30s, keys: { nodes: managers, use: new } }
  - { at: 35s, keys: { nodes: all, remove: old } }
  - { at: 40s, restart: worker-1 }
until: 70s
expect:
  - membership of worker-2 is never suspect
  - membership of worker-1 is alive everywhere within 20s of restart
`);
  expect(unmet).toEqual([]);
});

test('who missed the new key is dead to the others until it has it; what cannot be done is told', () => {
  const { unmet, timeline } = resultOf(`
name: missed
cluster: { managers: 1, workers: 4, gossip: { keyring: [old] } }
timeline:
  - { at: 20s, keys: { nodes: [managers, worker-1, worker-2, worker-3], install: new } }
  - { at: 21s, keys: { nodes: all, use: new } }
  - { at: 22s, keys: { nodes: all, remove: old }, as: cut }
  - { at: 60s, keys: { nodes: worker-4, install: new }, as: repair }
  - { at: 61s, keys: { nodes: worker-4, use: new } }
until: 120s
expect:
  - membership of worker-4 is dead everywhere within 20s of cut
  - membership of worker-4 is alive everywhere within 40s of repair
`);
  expect(unmet).toEqual([]);
  const texts = timeline.filter(({ topic }) => topic === 'operation').map(({ text }) => text);
  expect(texts[1]).toMatch(/^use key new at .*; worker-4: Requested key is not in the keyring$/);
  expect(texts[2]).toMatch(/; worker-4: Removing the primary key is not allowed$/);
});

test('keys without names cannot be told apart', () => {
  const { issues } = loadScenario(
    'x.yaml',
    () => `
name: docker's keys
cluster: { managers: 1, workers: 1 }
timeline: [{ at: 20s, keys: { nodes: all, use: new } }]
until: 30s
`,
  );
  expect(issues.map(({ code, line }) => [code, line])).toEqual([['no-keyring', 4]]);
});
