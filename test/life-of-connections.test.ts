/**
 * What requests meet when ports move and nodes leave, under a constant 20 of them a second: how many are
 * lost, how, and between which instants.
 */
import { expect, test } from 'vitest';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import type { EndedRequest } from '../scenarios/run/traffic/source.ts';
import { SECOND_NS } from '../sim/time.ts';
import { loadInline } from './support/runs.ts';

const STACK = `
services:
  web:
    image: shop/web
    ports: [{ target: 80, published: 8080, mode: MODE }]
    networks: [shop]
    deploy: { replicas: 2, placement: { constraints: [node.role == worker], max_replicas_per_node: 1 } }
    healthcheck: { test: ["CMD", "curl", "-f", "http://localhost"], interval: 1s }
    x-swarmlab:
      startup: 300ms
      healthy-after: 500ms
      listen: [{ port: 80, protocol: http, response: 1kB, service-time: 1ms }]
networks:
  shop:
`;

interface Losses {
  readonly outcomes: string[];
  /** First and last loss, in s behind the event at 20 s; undefined without any. */
  readonly firstS: number | undefined;
  readonly lastS: number | undefined;
  readonly lost: number;
  readonly sent: number;
}

/** Plays one event at 20 s, under traffic by each name; what it lost, and what the timeline says. */
function play(
  event: object,
  traffic: Readonly<Record<string, string>>,
  { mode = 'ingress', until = '60s' } = {},
) {
  const ended: Record<string, EndedRequest[]> = {};
  const loaded = loadInline(
    {
      name: 'life',
      cluster: { docker: '28', managers: 1, workers: 3 },
      stack: 'life.compose.yaml',
      traffic: Object.entries(traffic).map(([name, to]) => ({
        name,
        to,
        rate: '20/s' as const,
        arrivals: 'constant',
        timeout: '2s' as const,
        start: '15s' as const,
        stop: until as '60s',
      })),
      timeline: [{ at: '20s', as: 'event', ...event }],
      until: until as '60s',
    } as never,
    { 'life.compose.yaml': STACK.replace('MODE', mode) },
  );
  const { result, cluster } = runScenario(loaded, {
    requests: {
      watchOf: () => undefined,
      onEnd: (request) => void (ended[request.traffic] ??= []).push(request),
    },
  });
  const losses: Record<string, Losses> = {};
  for (const name of Object.keys(traffic)) {
    const all = ended[name] ?? [];
    const lost = all.filter(({ outcome }) => outcome !== 'ok');
    const atS = lost.map(({ sentAtNs }) => sentAtNs / SECOND_NS - 20);
    losses[name] = {
      outcomes: [...new Set(lost.map(({ outcome }) => outcome))],
      firstS: lost.length === 0 ? undefined : Math.min(...atS),
      lastS: lost.length === 0 ? undefined : Math.max(...atS),
      lost: lost.length,
      sent: all.length,
    };
  }
  return { losses, text: result.timeline.map(({ text }) => text).join('\n'), cluster, result };
}

/** Targets of the update that moves port 80 from 8080 to 8081. */
function moved(mode: 'ingress' | 'host') {
  const update = {
    service: 'web',
    'publish-rm': [{ target: 80, mode }],
    'publish-add': [{ published: 8081, target: 80, mode }],
  };
  return { update };
}

test('a port of the mesh moves: both answer while either has a task that takes connections', () => {
  const at = 'http://worker-3';
  const { losses, text } = play(moved('ingress'), { old: `${at}:8080/`, new: `${at}:8081/` });
  const { old, new: fresh } = losses as { old: Losses; new: Losses };
  expect(text).toContain('update service web --publish-add 8081:80/tcp --publish-rm 80/tcp');
  // while both balancers have a task, both ports answer, on every node
  expect(fresh.outcomes).toEqual(['refused']);
  expect(fresh.lastS).toBeLessThan(old.firstS!);
  // the last old task gets no new connections for the 2 s before its stop signal: ipvs has no destination
  // and says so by ICMP, six times and then once a second; behind that the port is nobody's
  expect(old.outcomes).toEqual(['refused', 'timeout']);
  expect(old.lastS).toBe(38);
});

test('a port in host mode moves with each task: in between the host answers at neither', () => {
  const { losses } = play(
    moved('host'),
    { old: 'http://worker-2:8080/', new: 'http://worker-2:8081/', other: 'http://worker-3:8080/' },
    { mode: 'host', until: '45s' },
  );
  const { old, new: fresh, other } = losses as Record<'old' | 'new' | 'other', Losses>;
  // no balancer keeps new connections from the task while it stops: what it was answering is reset
  expect(new Set(old.outcomes)).toEqual(new Set(['reset', 'refused']));
  expect(fresh.lastS! - old.firstS!).toBeGreaterThan(0.3);
  expect(fresh.lastS! - old.firstS!).toBeLessThan(2);
  // tasks are replaced one after the other
  expect(other.firstS).toBeGreaterThan(fresh.lastS!);
});

test('a drained node loses nothing; one that leaves has its tasks killed, and no port any more', () => {
  const traffic = { page: 'http://worker-3:8080/', own: 'http://worker-2:8080/' };
  const drained = play({ drain: 'worker-2' }, traffic, { until: '45s' });
  expect([drained.losses.page!.lost, drained.losses.own!.lost]).toEqual([0, 0]);
  const left = play({ leave: 'worker-2' }, traffic, { until: '45s' });
  const { page, own } = left.losses as Record<'page' | 'own', Losses>;
  expect(own).toMatchObject({ outcomes: ['refused'], firstS: 0, lastS: 23 });
  // the others hear of the end of its tasks by gossip, within milliseconds
  expect(page.lost).toBeLessThanOrEqual(2);
  expect(left.text).toContain('leave worker-2\n');
  // the manager is not told: it misses heartbeats, and then replaces the task
  expect(left.text).toMatch(/node is down\n.*web is healthy, 2 of 2 tasks run/s);
  const of = left.cluster.machines[2]!;
  expect([of.name, of.state, of.leaveSwarm()]).toEqual([
    'worker-2',
    'stopped',
    'This node is not part of a swarm',
  ]);
});

test('the only manager is neither demoted nor lets itself leave', () => {
  const page = { page: 'http://worker-3:8080/' };
  const { text, losses } = play({ demote: ['manager-1', 'worker-1'] }, page, { until: '22s' });
  expect(losses.page!.lost).toBe(0);
  expect(text).toContain(
    'manager-1: Error response from daemon: rpc error: code = FailedPrecondition desc = ' +
      'attempting to demote the last manager of the swarm; Node worker-1 is already a worker.',
  );
  expect(play({ leave: 'manager-1' }, page, { until: '22s' }).text).toContain(
    'manager-1: Error response from daemon: You are attempting to leave the swarm on a node that is ' +
      'participating as a manager. Removing the last manager erases all current state of the swarm. ' +
      'Use `--force` to ignore this message.',
  );
});
