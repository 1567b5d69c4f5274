/**
 * How long it takes until a dead worker is noticed, told and replaced, over 200 seeds: against the
 * formulas of memberlist, and against what was measured on real swarms of three nodes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { loadInline, ROOT } from './support/runs.ts';

const SEEDS = 200;
const STACK = `
services:
  web:
    image: nginx
    networks: [net1]
    deploy: { replicas: 3 }
networks:
  net1:
`;

/** Sorted values of each measure over all seeds. */
type Samples = Readonly<Record<string, readonly number[]>>;

/** Crashes the second worker of a swarm; 20.10 is the engine that was measured. */
function crashes(workers: number): Record<string, number>[] {
  const loaded = loadInline(
    {
      name: 'A worker dies',
      cluster: { docker: '20.10', managers: 1, workers },
      stack: 'web.compose.yaml',
      timeline: [{ at: '20s', crash: 'worker-2' }],
      until: '50s',
      expect: ['node worker-2 is down within 17s of crash'],
    },
    { 'web.compose.yaml': STACK },
  );
  return Array.from({ length: SEEDS }, (_, i) => {
    const { measures, verdict } = runScenario(loaded, { seed: `${i + 1}` }).result;
    expect(verdict, `seed ${i + 1}`).toBe('passed');
    const known = Object.entries(measures).filter(([, measure]) => measure.value !== null);
    return Object.fromEntries(known.map(([name, measure]) => [name, measure.value!]));
  });
}

function samplesOf(runs: readonly Record<string, number>[]): Samples {
  const names = Object.keys(runs[0]!);
  const valuesOf = (name: string) => runs.map((run) => run[name]!).sort((a, b) => a - b);
  return Object.fromEntries(names.map((name) => [name, valuesOf(name)]));
}

const quantile = (sorted: readonly number[], ratio: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(ratio * sorted.length))]!;

const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe('five members', () => {
  let runs: Record<string, number>[];
  beforeAll(() => {
    runs = crashes(4);
  });
  const differences = (from: string, to: string) => runs.map((run) => run[to]! - run[from]!);

  test('the first suspicion comes 1 s after the first of four shuffled probe rings is there', () => {
    const suspicions = runs.map((run) => run['membership.firstSuspicion']!);
    const survivors = 4;
    // the dead one may have had a ping on its way
    expect(Math.min(...suspicions)).toBeGreaterThan(0.998);
    expect(Math.max(...suspicions)).toBeLessThanOrEqual(2 * survivors - 1 + 1);
    expect(Math.abs(meanOf(suspicions) - (survivors / (survivors + 1) + 1))).toBeLessThan(0.15);
  });

  test('the first declares it dead after the shortest suspicion of 4 s', () => {
    const waits = differences('membership.firstSuspicion', 'membership.detected');
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(3.999);
    expect(quantile(waits.toSorted(byValue), 0.95)).toBeLessThan(4.001);
    // now and then the second confirmation of only three other survivors comes a little late
    expect(Math.max(...waits)).toBeLessThan(5);
  });

  test('all survivors follow within half a second', () => {
    const spans = differences('membership.detected', 'membership.converged');
    expect(Math.min(...spans)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spans)).toBeLessThan(0.5);
  });

  test('names and peers go in the same moment as the member', () => {
    const spans = differences('membership.converged', 'networkdb.converged');
    expect(Math.max(...spans.map(Math.abs))).toBeLessThan(0.01);
  });

  test('the manager waits for three to three and a third heartbeats of 4.5 to 5.5 s', () => {
    const downs = runs.map((run) => run['manager.nodeDown']!);
    expect(Math.min(...downs)).toBeGreaterThan(8);
    expect(Math.max(...downs)).toBeLessThan(16.7);
  });
});

describe('three members, as they were measured', () => {
  let samples: Samples;
  beforeAll(() => {
    samples = samplesOf(crashes(2));
  });

  /** The values of both ways to lose a worker: its daemon was killed, its packets were dropped. */
  const real = (name: string) =>
    ['worker_dockerd_kill9', 'worker_packets_dropped']
      .flatMap((cause) => MEASURED[`${cause}.${name}`]!.samples)
      .filter((value) => value !== null)
      .sort(byValue);

  /** The lab looked every 0.12 s, and a look took up to 0.3 s. */
  const POLLING = 0.42;
  /** On the busy lab machine a container's start took this much longer than on an idle one. */
  const SLOW_START = 3.5;

  test.each([
    ['membership.converged', 'peers_drop_node1', 0],
    ['membership.converged', 'peers_drop_node2', 0],
    ['networkdb.converged', 'dns_drops_dead_node1', 0],
    ['networkdb.converged', 'dns_drops_dead_node2', 0],
    ['manager.nodeDown', 'node_ls_down', 0],
    ['service.web.recovered', 'replacement_running', SLOW_START],
  ])('%s: %s', (measure, name, inflation) => {
    const simulated = samples[measure]!;
    const measured = real(name);
    expect(measured[0]!).toBeGreaterThanOrEqual(simulated[0]!);
    expect(measured.at(-1)!).toBeLessThanOrEqual(simulated.at(-1)! + POLLING + inflation);
    expect(quantile(simulated, 0.5) + POLLING + inflation).toBeGreaterThan(measured[0]!);
    expect(quantile(simulated, 0.5)).toBeLessThan(measured.at(-1)!);
    expect(quantile(simulated, 0.25) + POLLING + inflation).toBeGreaterThan(measured[0]!);
    expect(quantile(simulated, 0.75)).toBeLessThan(measured.at(-1)!);
  });
});

const MEASURED = JSON.parse(
  readFileSync(join(ROOT, 'test/fixtures/real-swarm-timings.json'), 'utf8'),
) as Readonly<Record<string, { readonly samples: readonly (number | null)[] }>>;

function byValue(a: number, b: number): number {
  return a - b;
}
