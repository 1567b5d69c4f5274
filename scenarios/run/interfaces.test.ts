/**
 * Hosts with two cards: gossip goes to what a node advertises, VXLAN to its data path's address.
 */
import { expect, test } from 'vitest';
import { TableNames } from '../../node/network/table-values.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const SCENARIO = `
name: two cards
cluster:
  workers: 1
  interfaces: { eth1: all }
  nodes:
    manager-1: { data-path-addr: eth1 }
    worker-1: { data-path-addr: eth1 }
stack: stack.yaml
traffic:
  - { name: mesh, to: "http://manager-1:80/", rate: 10/s }
until: 15s
`;
const STACK = `
services:
  web: { image: nginx, ports: ["80:80"], networks: [shop], deploy: { mode: global } }
networks:
  shop:
`;

test('the data path has a card of its own', () => {
  const read = (path: string) => (path === 'stack.yaml' ? STACK : SCENARIO);
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const ports = new Map([
    ['eth0', new Set<number>()],
    ['eth1', new Set<number>()],
  ]);
  const { cluster, result } = runScenario(loaded!, {
    onCluster: ({ underlay }) =>
      underlay.onAttach((uplink) => {
        uplink.tap = (_device, { bytes, start }) => {
          const isUdp = bytes[start + 23] === 17;
          if (isUdp) ports.get(uplink.name)!.add((bytes[start + 36]! << 8) | bytes[start + 37]!);
        };
      }),
  });
  expect(result.measures['traffic.mesh.lost']?.value).toBe(0);
  expect([...ports.get('eth0')!]).toEqual([]);
  expect([...ports.get('eth1')!]).toEqual([4789]);
  const [manager, worker] = cluster.machines;
  const [network] = manager!.executor!.networksIfAny!.networks;
  const tunnels = cluster.db
    .entriesOf(manager!.member!, TableNames.peers, network!.id)
    .map(({ value }) => formatIpv4Address((value as unknown as { vtep: number }).vtep));
  expect([...new Set(tunnels)].sort()).toEqual(['192.168.60.101', '192.168.60.102']);
  expect(network!.overlay.vxlan!.fdbLines().join('\n')).toContain('dst 192.168.60.102 ');
  expect(formatIpv4Address(worker!.addresses.advertise)).toBe('192.168.56.102');
});
