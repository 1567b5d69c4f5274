/**
 * A rolling update of ten replicas under 500 requests a second loses exactly the requests that the
 * mechanism says, each explained; with the remedy it loses none.
 *
 * Without a health check a task is running for Docker as soon as its container is, and every balancer
 * sends it its share while the program still starts: each such SYN is answered with a RST by the
 * task. Old tasks lose nothing, because all balancers hear within the 2 s before the stop signal.
 */
import { expect, test } from 'vitest';
import { Watch } from '../net/watch.ts';
import { diagnose } from '../scenarios/explain/diagnosis.ts';
import { namespaceNamesOf } from '../scenarios/explain/namespace-names.ts';
import { packetWalksOf } from '../scenarios/explain/packet-walks.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import type { EndedRequest } from '../scenarios/run/traffic/source.ts';
import { loadInline } from './support/runs.ts';

const REPLICAS = 10;
const RATE_PER_SECOND = 500;

function scenarioOf(healthCheck: string) {
  const stack = `
services:
  app:
    image: shop/app
    ports: ["8080:80"]
    networks: [shop]
    deploy: { replicas: ${REPLICAS}, update_config: { parallelism: 2, delay: 1s } }
    ${healthCheck}
    x-swarmlab:
      startup: 200ms..400ms
      healthy-after: 600ms
      listen: [{ port: 80, protocol: http, response: 1kB, service-time: 1ms..3ms }]
networks:
  shop:
`;
  const scenario = {
    name: 'rolling update',
    cluster: { docker: '28', managers: 1, workers: 3 },
    stack: 'rolling.compose.yaml',
    traffic: [
      {
        name: 'page',
        to: 'http://worker-1:8080/',
        rate: `${RATE_PER_SECOND}/s` as const,
        timeout: '3s' as const,
        start: '12s' as const,
      },
    ],
    timeline: [{ at: '14s' as const, update: 'app' }],
    until: '45s' as const,
  };
  return loadInline(scenario, { 'rolling.compose.yaml': stack });
}

/** Plays it, with a watch on the requests of these numbers. */
function play(healthCheck: string, watched: ReadonlySet<number> = new Set()) {
  const failed: EndedRequest[] = [];
  const watches = new Map<number, Watch>();
  const watchOf = (_traffic: string, number: number) => {
    if (!watched.has(number)) return undefined;
    const watch = new Watch();
    watches.set(number, watch);
    return watch;
  };
  const onEnd = (request: EndedRequest) => {
    if (request.outcome !== 'ok') failed.push(request);
  };
  const { result, cluster } = runScenario(scenarioOf(healthCheck), {
    seed: '1',
    requests: { watchOf, onEnd },
  });
  return { result, cluster, failed, watches };
}

test('each lost request went to a task that was starting, and every request that did is lost', () => {
  const first = play('');
  expect(first.result.measures['traffic.page.sent']!.value).toBeGreaterThan(15_000);
  expect(first.failed.length).toBeGreaterThan(REPLICAS);
  expect(new Set(first.failed.map(({ outcome }) => outcome))).toEqual(new Set(['refused']));
  const tasks = first.cluster.machines.flatMap(({ executor }) => [
    ...executor!.containers.values(),
  ]);
  const running = tasks.filter(({ state }) => state === 'running');
  expect(running).toHaveLength(REPLICAS);
  const refusals = running.map(
    ({ sandbox }) => sandbox!.namespace.dropCounts.get('TCP port is closed') ?? 0,
  );
  expect(refusals.every((count) => count > 0)).toBe(true);
  expect(refusals.reduce((sum, count) => sum + count, 0)).toBe(first.failed.length);

  const second = play('', new Set(first.failed.map(({ number }) => number)));
  expect(second.result.digest).toBe(first.result.digest);
  const namespaceNames = namespaceNamesOf(second.cluster);
  for (const { number, ...request } of second.failed) {
    const packets = packetWalksOf(second.watches.get(number)!.ways, namespaceNames);
    const { timeline } = second.result;
    const diagnosis = diagnose({ ...request, packets, namespaceNames, timeline })!;
    expect(diagnosis.text).toMatch(/app\.\d+.* answered with a RST: TCP port is closed/);
    expect(diagnosis.choice).toMatch(/ipvs in .*ingress_sbox.* had chosen: FWM \d+ rr/);
  }
});

test('with a health check no request is lost', () => {
  const check = 'healthcheck: { test: ["CMD", "curl", "-f", "http://localhost"], interval: 1s }';
  const { result, failed } = play(check);
  expect(result.measures['traffic.page.sent']!.value).toBeGreaterThan(15_000);
  expect(failed).toEqual([]);
});
