/**
 * Published ports in host mode: on the nodes of the tasks only, held by docker-proxy as those of
 * `docker run` are, and refused where somebody has the port.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const STACK = `
services:
  web:
    image: nginx
    ports: [{ target: 80, published: 8080, mode: host }]
    deploy: { placement: { constraints: [node.hostname == worker-1] } }
  late:
    image: nginx
    ports: [{ target: 80, published: 9090, mode: host }]
    deploy: { mode: global, restart_policy: { condition: none } }
`;

test('host mode', () => {
  const { loaded, issues } = loadScenario('x.yaml', (path) =>
    path === 'a.yaml'
      ? STACK
      : `
name: host mode
cluster: { managers: 1, workers: 2, docker: "27" }
stack: a.yaml
timeline:
  - { at: 2s, docker: { worker-2: "run -d --name own -p 9090:80 nginx" } }
  - { at: 15s, as: proxied, exec: { on: worker-1, run: "nc -zv -w 1 127.0.0.1 8080" } }
  - { at: 16s, as: outside, exec: { on: outside, run: "curl -s -m 1 http://192.168.56.102:8080/" } }
  - { at: 17s, as: elsewhere, exec: { on: outside, run: "curl -s -m 1 http://192.168.56.103:8080/" } }
  - { at: 18s, as: holders, exec: { on: worker-1, run: ss -lntp } }
  - { at: 19s, docker: { worker-1: "run -d --name clash -p 8080:80 nginx" } }
until: 25s
expect:
  - exec proxied exits with 0
  - exec outside exits with 0
  - exec elsewhere exits with 7
  - exec holders prints docker-proxy
`,
  );
  expect(issues).toEqual([]);
  const { cluster, result } = runScenario(loaded!);
  expect(result.expectations.filter(({ met }) => !met)).toEqual([]);
  const told = result.timeline.filter(({ topic }) => topic === 'docker').map(({ text }) => text);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('Bind for 0.0.0.0:8080 failed: port is already allocated');
  const errors = [...cluster.leader.store.view.tasks()].map(({ status }) => status.err);
  const failed = errors.filter((text) => text !== '');
  expect(failed.map((text) => text.replaceAll(/[0-9a-f]{12,}/g, 'ID'))).toEqual([
    'starting container failed: driver failed programming external connectivity on endpoint ' +
      'gateway_ID (ID): Bind for 0.0.0.0:9090 failed: port is already allocated',
  ]);
});
