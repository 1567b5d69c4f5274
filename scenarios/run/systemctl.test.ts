/**
 * `systemctl` in the timeline: what a swarm makes of a dockerd that is stopped, or killed and started
 * again, on a host that goes on.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const STACK = `
services:
  web: { image: nginx, ports: ["8080:80"], deploy: { replicas: 4, restart_policy: { delay: 1s } } }
  api: { image: nginx, deploy: { replicas: 3 } }
`;

function unmetOf(text: string): string[] {
  const { loaded, issues } = loadScenario('x.yaml', (path) => (path === 'a.yaml' ? STACK : text));
  expect(issues.filter(({ isWarning }) => !isWarning)).toEqual([]);
  const { expectations } = runScenario(loaded!).result;
  return expectations.filter(({ met }) => !met).map(({ text, measured }) => `${text}: ${measured}`);
}

test('a dockerd that is stopped leaves the gossip; its tasks are replaced, its containers wait', () => {
  const unmet = unmetOf(`
name: stopped
cluster: { managers: 1, workers: 3, docker: "24" }
stack: a.yaml
timeline:
  - { at: 20s, docker: { worker-1: "run -d --name own --restart always -p 81:80 nginx" } }
  - { at: 30s, as: stop, systemctl: { worker-1: stop docker } }
  - { at: 31s, as: gone, exec: { on: worker-1, run: "nc -zv -w 1 127.0.0.1 81" } }
  - { at: 32s, as: closed, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:8080/" } }
  - { at: 33s, as: sandboxes, exec: { on: worker-1, run: ip netns } }
  - { at: 90s, as: start, systemctl: { worker-1: start docker } }
  - { at: 110s, as: back, exec: { on: worker-1, run: "nc -zv -w 1 127.0.0.1 81" } }
  - { at: 111s, as: mesh, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:8080/" } }
until: 120s
expect:
  - membership of worker-1 is left everywhere within 2s of stop
  - node worker-1 is not down within 10s of stop
  - node worker-1 is down within 20s of stop
  - service web is healthy within 35s of stop
  - exec gone exits with 1
  - exec closed exits with 7
  - exec sandboxes does not print ingress_sbox
  - node worker-1 is ready within 5s of start
  - membership of worker-1 is alive everywhere within 10s of start
  - exec back exits with 0
  - exec mesh exits with 0
  - checkers hold at end
`);
  expect(unmet).toEqual([]);
});

test('a dockerd that is killed leaves containers that answer, until it starts and ends them', () => {
  const unmet = unmetOf(`
name: killed
cluster: { managers: 1, workers: 3 }
stack: a.yaml
timeline:
  - { at: 20s, docker: { worker-1: "run -d --name own -p 81:80 nginx" } }
  - { at: 30s, as: kill, systemctl: { worker-1: kill -s KILL docker } }
  - { at: 31s, as: own, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:81/" } }
  - { at: 32s, as: mesh, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:8080/" } }
  - { at: 33s, as: nobody, exec: { on: worker-1, run: docker ps } }
  - { at: 35s, as: start, systemctl: { worker-1: start docker } }
  - { at: 36s, as: ended, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:81/" } }
  - { at: 60s, as: again, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:8080/" } }
until: 90s
expect:
  - exec own exits with 0
  - exec mesh exits with 0
  - exec nobody prints Cannot connect to the Docker daemon
  - exec ended does not exit with 0
  - exec again exits with 0
  - membership of worker-1 is alive everywhere within 10s of start
  - service web is healthy within 20s of start
  - checkers hold at end
`);
  expect(unmet).toEqual([]);
});

test('the only manager can be restarted by its service', () => {
  const unmet = unmetOf(`
name: manager
cluster: { managers: 1, workers: 2 }
stack: a.yaml
timeline:
  - { at: 30s, systemctl: { manager-1: restart docker } }
until: 150s
expect:
  - node worker-1 is ready within 20s of systemctl
  - service api is healthy within 40s of systemctl
  - checkers hold at end
`);
  expect(unmet).toEqual([]);
});

test.each([
  ['27', 'does not exit with 0'],
  ['29', 'exits with 0'],
])(
  'after firewalld has reloaded, dockerd %s writes the rules of bridges again; the mesh %s',
  (docker, mesh) => {
    const unmet = unmetOf(`
name: firewalld
cluster: { managers: 1, workers: 2, docker: "${docker}", firewalld: true }
stack: a.yaml
timeline:
  - { at: 15s, docker: { worker-1: "run -d --name own -p 81:80 nginx" } }
  - { at: 20s, systemctl: { worker-1: reload firewalld } }
  - { at: 21s, as: own, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:81/" } }
  - { at: 24s, as: mesh, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.102:8080/" } }
  - { at: 27s, as: beside, exec: { on: outside, run: "curl -s -m 2 http://192.168.56.103:8080/" } }
until: 30s
expect:
  - exec own exits with 0
  - exec mesh ${mesh}
  - exec beside exits with 0
`);
    expect(unmet).toEqual([]);
  },
);
