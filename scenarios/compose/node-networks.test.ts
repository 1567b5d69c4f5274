/** Services on the networks that every node has, which a stack names as external ones. */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from '../run/run-scenario.ts';

const FILES: Readonly<Record<string, string>> = {
  's.yaml': `
services:
  agent: { image: nginx, networks: [nodes], deploy: { mode: global } }
  plain: { image: redis, networks: [own] }
  web: { image: nginx }
networks:
  nodes: { external: true, name: host }
  own: { external: true, name: bridge }
`,
  'x.yaml': `
name: x
cluster: { managers: 1, workers: 2 }
stack: s.yaml
until: 40s
timeline:
  - { at: 25s, as: sockets, exec: { on: worker-1, run: ss -ltnH } }
  - { at: 26s, as: outside, exec: { on: outside, run: "nc -zv -w 1 worker-2 80" } }
  - { at: 27s, as: inside, exec: { on: plain, run: ip -br addr } }
  - { at: 30s, remove: agent }
  - { at: 38s, as: after, exec: { on: outside, run: "nc -zv -w 1 worker-2 80" } }
expect:
  - exec sockets prints "0.0.0.0:80"
  - exec outside exits with 0
  - exec inside prints "172.17.0.2/16"
  - exec inside does not print "eth1"
  - exec after exits with 1
  - checkers hold at end
`,
};

test('host shares the node with its ports, bridge is docker0 of whichever node', () => {
  const { loaded, issues } = loadScenario('x.yaml', (path) => FILES[path]);
  expect(issues.map(({ message }) => message)).toEqual([]);
  const { cluster, result } = runScenario(loaded!);
  expect(result.expectations.filter(({ met }) => !met)).toEqual([]);
  const { control } = cluster.leader;
  const agent = control.findService('s_agent');
  expect(agent.ok).toBe(false);
  const plain = control.findService('s_plain');
  expect(plain.ok && plain.value.endpoint?.virtualIps).toEqual([]);
  expect(plain.ok && plain.value.spec.task.networks![0]!.aliases).toEqual([]);
});
