/**
 * What a result says of NetworkDB's tables and of stale knowledge: after a worker's power has gone,
 * and after a service was scaled.
 */
import { expect, test } from 'vitest';
import { loadInline } from '../test/support/runs.ts';
import { runScenario } from './run/run-scenario.ts';

const STACK = `
services:
  api:
    image: nginx
    networks: [shop]
    deploy: { replicas: 3, endpoint_mode: dnsrr, placement: { constraints: [node.role == worker] } }
  page:
    image: nginx
    ports: ["8080:80"]
    networks: [shop]
    deploy: { replicas: 3, placement: { constraints: [node.role == worker] } }
  client: { image: shop/client, networks: [shop], deploy: { placement: { constraints: [node.role == manager] } } }
  flaky:
    image: shop/flaky
    networks: [shop]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.role == worker] } }
    x-swarmlab: { exit: { after: "\${FLAKY_ENDS:-10m}", code: 1 } }
networks:
  shop:
`;

function run(
  timeline: { at: string; crash?: string; scale?: Record<string, number> }[],
  more: { tables?: 'none' | 'all'; environment?: Record<string, string> } = {},
) {
  const scenario = {
    name: 'tables',
    cluster: { managers: 1, workers: 3 },
    stack: 'tables.compose.yaml',
    traffic: [
      { name: 'names', from: 'client', to: 'dns://api', rate: '10/s' },
      { name: 'page', to: 'http://manager-1:8080/', rate: '10/s' },
      {
        name: 'flaky',
        from: 'client',
        to: 'dns://flaky',
        rate: '50/s',
        arrivals: 'constant' as const,
      },
    ],
    ...more,
    timeline,
    until: '30s',
  };
  return runScenario(loadInline(scenario, { 'tables.compose.yaml': STACK })).result;
}

test('a crash: how its entries are forgotten, and what stale entries led to until then', () => {
  const { measures, tables } = run([{ at: '15s', crash: 'worker-2' }]);
  const value = (name: string) => measures[name]?.value ?? Number.NaN;
  const detectedSeconds = value('membership.converged');
  expect(tables).toHaveLength(1);
  const [{ event, forgotten }] = tables as [(typeof tables)[number]];
  expect(event).toBe('crash');
  expect(forgotten.map(({ percent }) => percent)).toEqual([10, 25, 50, 75, 90, 99, 100]);
  expect(forgotten.at(-1)!.seconds).toBeCloseTo(detectedSeconds, 1);
  // every answer names all three tasks; every third connection goes to the dead one
  expect(Math.abs(value('stale.dnsAnswers') - 10 * detectedSeconds)).toBeLessThan(25);
  // a SYN that comes again once the server is removed goes to another: the kernel expires such connections
  expect(value('stale.connections')).toBeGreaterThan(value('traffic.page.timeout'));
  expect(value('traffic.page.latency.max')).toBeGreaterThan(1);
  expect(value('stale.packets')).toBeGreaterThanOrEqual(value('stale.connections'));
  expect(value('networkdb.bulkSyncs')).toBeGreaterThan(0);
});

test('tasks that are stopped leave names and load balancers before they end: nothing is stale', () => {
  const { measures } = run([{ at: '15s', scale: { api: 1, page: 1 } }]);
  for (const name of ['stale.dnsAnswers', 'stale.packets', 'stale.connections']) {
    expect(measures[name]?.value, name).toBe(0);
  }
  expect(measures['traffic.page.lost']?.value).toBe(0);
});

test('a scaled service: who knew of each new entry and when, and nothing is stale', () => {
  const { measures, tables } = run([{ at: '15s', scale: { client: 3 } }]);
  const [spread] = tables;
  // two tasks on the manager: a peer record and an endpoint record each
  expect([spread?.event, spread?.changeCount, spread?.forgotten]).toEqual(['scale', 4, []]);
  for (const { writer, known } of spread!.slowest) {
    expect(writer).toBe('manager-1');
    expect(known.map(({ node }) => node).sort()).toEqual(['worker-1', 'worker-2', 'worker-3']);
    const spans = known.map(({ seconds }) => seconds);
    expect(spans).toEqual([...spans].sort((a, b) => a - b));
  }
  expect(measures['scale.networkdb.known.last']?.value).toBe(spread!.known.at(-1)!.seconds);
  expect(measures['scale.networkdb.known.last']?.value).toBeLessThan(1.5);
  for (const name of ['stale.dnsAnswers', 'stale.packets', 'stale.connections']) {
    expect(measures[name]?.value).toBe(0);
  }
});

test('a container that ends by itself: its name is stale until gossip has come, half a second', () => {
  const { measures } = run([], { environment: { FLAKY_ENDS: '10s' } });
  const answers = measures['stale.dnsAnswers']?.value ?? Number.NaN;
  expect(answers / 50).toBeGreaterThan(0.02);
  expect(answers / 50).toBeLessThan(1);
});

test('every entry of a crash, or none', () => {
  const all = run([{ at: '15s', crash: 'worker-2' }], { tables: 'all' });
  const [crash] = all.tables;
  const lost = crash!.lost!;
  expect(new Set(lost.map(({ table }) => table)).size).toBe(2);
  for (const { kind, writer, known } of lost) {
    expect([kind, writer]).toEqual(['forgotten', 'worker-2']);
    const nodes = known.map(({ node }) => node).sort();
    expect(nodes).toEqual(['manager-1', 'worker-1', 'worker-3']);
    expect(known.at(-1)!.seconds).toBeLessThanOrEqual(crash!.forgotten.at(-1)!.seconds);
  }
  expect(crash!.changed).toHaveLength(crash!.changeCount);
  const none = run([{ at: '15s', crash: 'worker-2' }], { tables: 'none' });
  expect([none.tables, none.digest]).toEqual([[], all.digest]);
  expect(none.measures['networkdb.converged']).toEqual(all.measures['networkdb.converged']);
});

test('without an event nobody watches', () => {
  const { measures, tables } = run([]);
  expect([tables, measures['stale.packets']]).toEqual([[], undefined]);
});
