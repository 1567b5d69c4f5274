/**
 * A node behind NAT that advertises its box' address: where VXLAN comes from and goes to, and what NAT
 * does to IPsec.
 */
import { describe, expect, test } from 'vitest';
import { bridgeFdbText } from '../../net/show/bridge-fdb.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const scenario = (kind: string) => `
name: behind NAT
cluster:
  workers: 1
  nodes: { worker-1: { nat: ${kind}, advertise-addr: 192.168.56.102 } }
stack: stack.yaml
traffic:
  - { name: plain, from: client, to: "http://tasks.web/", rate: 5/s, start: 5s }
  - { name: back, from: web, to: "http://tasks.client:80/", rate: 5/s, start: 5s }
  - { name: secret, from: client, to: "http://tasks.vault/", rate: 5/s, timeout: 1s, start: 5s }
timeline:
  - { at: 9s, as: own, exec: { on: worker-1, run: "ip -4 -o addr show eth0" } }
  - { at: 9s, as: damaged, exec: { on: worker-1, run: "nstat -az UdpInCsumErrors" } }
  - { at: 9s, as: policy, exec: { on: worker-1, run: "ip xfrm policy" } }
until: 10s
`;
const STACK = `
services:
  web:
    image: nginx
    networks: [shop]
    deploy: { placement: { constraints: [node.role == worker] } }
  vault:
    image: nginx
    networks: [secret]
    deploy: { placement: { constraints: [node.role == worker] } }
  client:
    image: nginx
    networks: [shop, secret]
    deploy: { placement: { constraints: [node.role == manager] } }
networks:
  shop:
  secret: { driver_opts: { encrypted: "" } }
`;

/** The run, and the ports of VXLAN as the manager sees it: from the node, and to it. */
function play(kind: string) {
  const read = (path: string) => (path === 'stack.yaml' ? STACK : scenario(kind));
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const ports = { from: new Set<string>(), to: new Set<string>() };
  const { cluster, result } = runScenario(loaded!, {
    onCluster: ({ underlay }) =>
      underlay.onAttach((uplink) => {
        if (uplink.host !== 0) return;
        uplink.tap = (_device, { bytes, start }, isOutgoing) => {
          if (bytes[start + 23] !== 17) return;
          const port = (at: number) => (bytes[start + at]! << 8) | bytes[start + at + 1]!;
          const address = [...bytes.subarray(start + 26, start + 30)].join('.');
          if (isOutgoing) ports.to.add(String(port(36)));
          else ports.from.add(`${address} ${port(34) === 4789 ? 4789 : 'another'} ${port(36)}`);
        };
      }),
  });
  const outputs = new Map(result.commands.map(({ name, output }) => [name, output]));
  return {
    cluster,
    ports,
    outputs,
    lost: (name: string) => result.measures[`traffic.${name}.lost`],
  };
}

describe.each(['one-to-one', 'masquerade'])('%s', (kind) => {
  const { cluster, ports, outputs, lost } = play(kind);

  test('VXLAN comes from the box’ address and any port, and goes to 4789 there', () => {
    expect([...ports.from]).toEqual(['192.168.56.102 another 4789']);
    expect([...ports.to]).toEqual(['4789']);
    expect([lost('plain')?.value, lost('back')?.value]).toEqual([0, 0]);
    expect(outputs.get('own')).toContain('inet 10.99.1.2/24');
    const [manager] = cluster.machines;
    const shop = manager!.executor!.networksIfAny!.networks.find(({ name }) => /shop/.test(name))!;
    expect(bridgeFdbText(shop.overlay.namespace!)).toContain(' dst 192.168.56.102 ');
  });

  test('IPsec begins at the private address, and what NAT has changed is damaged or lost', () => {
    expect(outputs.get('policy')).toContain('src 10.99.1.2/32 dst 192.168.56.101/32 proto udp');
    expect(lost('secret')?.value).toBe(1);
    const damaged = Number(/UdpInCsumErrors +(\d+)/.exec(outputs.get('damaged')!)![1]);
    expect(damaged > 0).toBe(kind === 'one-to-one');
  });
});
