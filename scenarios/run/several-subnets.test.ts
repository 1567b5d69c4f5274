/**
 * An overlay network with several subnets: each has its VNI, its bridge and its tunnel on every host,
 * and the bridges are the routers between them. Tasks and balancers get their addresses from any of
 * them, so that a virtual IP works only where the balancer's own address is of its subnet.
 */
import { expect, test } from 'vitest';
import type { Machine } from '../../cluster/machine.ts';
import { bridgeFdbText } from '../../net/show/bridge-fdb.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const SCENARIO = `
name: several subnets
cluster: { workers: 1 }
stack: stack.yaml
timeline:
  - { at: 6s, as: routes, exec: { on: client, run: "ip route show dev eth0" } }
  - { at: 6s, as: tasks, exec: { on: client, run: "dig +short tasks.web" } }
  - { at: 6s, as: near, exec: { on: client, run: "traceroute -n 10.7.1.2" } }
  - { at: 7s, as: far, exec: { on: client, run: "traceroute -n 10.7.1.3" } }
  - { at: 8s, as: balanced, exec: { on: client, run: "curl -s http://web/" } }
until: 20s
expect:
  - checker peers-are-programmed holds at end
  - checker addresses-are-unique holds at end
`;
const STACK = `
services:
  web: { image: nginx, networks: [shop], deploy: { replicas: 4 } }
  client: { image: busybox, networks: [shop] }
networks:
  shop: { ipam: { config: [{ subnet: 10.7.0.0/29 }, { subnet: 10.7.1.0/24 }] } }
`;

test('subnets are routed on every host; a virtual IP of another subnet is not', () => {
  const read = (path: string) => (path === 'stack.yaml' ? STACK : SCENARIO);
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const { cluster, result } = runScenario(loaded!);
  expect(result.expectations.filter(({ met }) => !met)).toEqual([]);
  const outputs = new Map(result.commands.map((one) => [one.name, one]));
  const linesOf = (name: string) => outputs.get(name)!.output.trim().split(/ *\n/);
  expect(linesOf('routes')).toEqual([
    '10.7.0.0/29 proto kernel scope link src 10.7.0.6',
    '10.7.1.0/24 via 10.7.0.1',
  ]);
  expect(linesOf('tasks').sort()).toEqual(['10.7.0.3', '10.7.0.4', '10.7.1.2', '10.7.1.3']);
  for (const [name, address] of [
    ['near', '10.7.1.2'],
    ['far', '10.7.1.3'],
  ] as const) {
    const hops = linesOf(name).slice(1);
    expect(hops.map((line) => line.trim().split(/ +/)[1])).toEqual(['10.7.0.1', address]);
  }
  const { status } = outputs.get('balanced')!;
  expect(status, 'no balancer of 10.7.0.0/29 answers for 10.7.0.2').toBe(7);
  expect(cluster.machines.map(tunnelsOf)).toEqual([
    ['vxlan0 4098', 'vxlan1 4097'],
    ['vxlan0 4098', 'vxlan1 4097'],
  ]);
  const [manager] = cluster.machines;
  const { namespace } = shopOf(manager!).overlay;
  expect(bridgeFdbText(namespace!)).toContain('02:42:0a:07:00:03 dev vxlan1 dst 192.168.56.102 ');
});

function shopOf(machine: Machine) {
  return machine.executor!.networksIfAny!.networks.find(({ isIngress }) => !isIngress)!;
}

/** The tunnels in the overlay's namespace, with their VNIs, by name. */
function tunnelsOf(machine: Machine): string[] {
  const { overlay } = shopOf(machine);
  const names = overlay.subnets.map(({ gateway, vni }) => {
    const vxlan = overlay.vxlanOf(gateway);
    return `${vxlan?.name} ${vni}`;
  });
  return names.sort();
}
