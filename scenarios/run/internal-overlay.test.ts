/**
 * An internal overlay network: its tasks reach one another, and nothing else. A way out comes with
 * another network only, be it the ingress one of a published port.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const SCENARIO = (engine: string) => `
name: internal
cluster: { workers: 1, docker: "${engine}" }
stack: stack.yaml
timeline:
  - { at: 6s, as: routes, exec: { on: client, run: "ip route" } }
  - { at: 6s, as: out, exec: { on: client, run: "ping -c1 8.8.8.8" } }
  - { at: 6s, as: world, exec: { on: client, run: "dig +time=1 +tries=1 example.com" } }
  - { at: 6s, as: inside, exec: { on: client, run: "curl -s -o /dev/null http://vault/" } }
  - { at: 6s, as: edge, exec: { on: edge, run: "ip route show default" } }
  - { at: 6s, as: published, exec: { on: published, run: "ip route show default" } }
until: 15s
`;
const STACK = `
services:
  vault: { image: nginx, networks: [inner], deploy: { replicas: 2 } }
  client: { image: busybox, networks: [inner] }
  edge: { image: busybox, networks: [inner, outer] }
  published: { image: nginx, networks: [inner], ports: ["8080:80"] }
networks:
  inner: { internal: true }
  outer:
`;

test.each(['20.10', '28', '29'])('Docker %s: the way out is another network’s', (engine) => {
  const read = (path: string) => (path === 'stack.yaml' ? STACK : SCENARIO(engine));
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const { result } = runScenario(loaded!);
  const by = new Map(result.commands.map((command) => [command.name, command]));
  expect(by.get('routes')!.output).toMatch(
    /^10\.0\.[12]\.0\/24 dev eth0 proto kernel scope link src 10\.0\.[12]\.\d+ \n$/,
  );
  expect(by.get('out')!.output).toBe('ping: connect: Network is unreachable\n');
  const noName = engine === '20.10' ? '127.0.0.11#53: timed out' : 'status: SERVFAIL';
  expect(by.get('world')!.output, 'before 24 the embedded DNS is silent').toContain(noName);
  expect(by.get('inside')!.status).toBe(0);
  expect(by.get('edge')!.output).toBe('default via 172.18.0.1 dev eth2 \n');
  expect(by.get('published')!.output).toBe('default via 172.18.0.1 dev eth2 \n');
});
