/**
 * A swarm whose nodes advertise IPv6 addresses (`docker swarm init --advertise-addr fd00:56::101`):
 * gossip, managers and, from Docker 25 on, overlays cross IPv6. Up to 24 the tunnels stay IPv4's, and
 * the kernel takes no forwarding entry with an IPv6 address (moby #41691, #46790).
 */
import { describe, expect, test } from 'vitest';
import { bridgeFdbText } from '../../net/show/bridge-fdb.ts';
import { xfrmPolicyText, xfrmStateText } from '../../net/show/xfrm.ts';
import { formatIp } from '../../wire/ip-address.ts';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

const scenario = (docker: string, more = '') => `
name: over IPv6
cluster: { docker: "${docker}", workers: 1, ipv6: advertised ${more} }
stack: stack.yaml
traffic:
  - { name: web, from: client, to: "http://tasks.web/", rate: 10/s, start: 5s }
timeline:
  - { at: 4s, as: addresses, exec: { on: worker-1, run: "ip -6 -o addr show dev eth0" } }
  - { at: 5s, as: small, exec: { on: client, run: "ping -c 1 -W 1 -s 1376 far" } }
  - { at: 5s, as: big, exec: { on: client, run: "ping -c 1 -W 1 -M dont -s 1396 far" } }
  - { at: 8s, as: rules, exec: { on: manager-1, run: "ip6tables-save -t mangle" } }
until: 12s
`;
const stack = (options: string) => `
services:
  web:
    image: nginx
    networks: [shop]
    deploy: { placement: { constraints: [node.role == worker] } }
  far:
    image: redis
    networks: [shop]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.role == worker] } }
  client:
    image: busybox
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
networks:
  shop: ${options}
`;

function play(docker: string, options = '{}', more = '') {
  const read = (path: string) => (path === 'stack.yaml' ? stack(options) : scenario(docker, more));
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  const { cluster, result } = runScenario(loaded!);
  const outputs = new Map(result.commands.map(({ name, output }) => [name, output]));
  const [manager] = cluster.machines;
  const shop = manager!.executor!.networksIfAny!.networks.find(({ isIngress }) => !isIngress)!;
  return { cluster, manager: manager!, result, outputs, shop };
}

test('Docker 25: everything crosses IPv6, and what knows addresses says so', () => {
  const { manager, result, outputs, shop, cluster } = play('25');
  expect(outputs.get('addresses')).toContain(
    '2: eth0    inet6 fd00:56::102/64 scope global \\       valid_lft forever preferred_lft forever\n',
  );
  expect(result.measures['traffic.web.lost']?.value).toBe(0);
  const fdb = bridgeFdbText(shop.overlay.namespace!).split('\n');
  expect(fdb.filter((line) => line.includes('dst ')).map((line) => line.split(' ')[4])).toEqual(
    Array.from({ length: 3 }, () => 'fd00:56::102'),
  );
  expect(formatIp(manager.addresses.advertise)).toBe('fd00:56::101');
  const status = cluster.leader.control.nodes().map((node) => node.status.address);
  expect(status.sort()).toEqual(['fd00:56::101', 'fd00:56::102']);
});

describe('Docker 28, encrypted', () => {
  const { manager, result, outputs } = play('28', '{ driver_opts: { encrypted: "" } }');

  test('associations, policies and rules are of IPv6', () => {
    expect(result.measures['traffic.web.lost']?.value).toBe(0);
    const { namespace } = manager.host!;
    expect(xfrmStateText(namespace).match(/^src fd00:56::10[12] dst/gm)).toHaveLength(4);
    expect(xfrmPolicyText(namespace)).toContain(
      'src fd00:56::101/128 dst fd00:56::102/128 proto udp dport 4789 \n',
    );
    expect(outputs.get('rules')).toContain('-j MARK --set-xmark 0xd0c4e3/0xffffffff');
    expect(namespace.tables.run('-t mangle -C OUTPUT -p udp -j MARK --set-mark 1')).toBeDefined();
  });

  test('the MTU of 1424 is 20 bytes too long: ESP does not fit, and nobody is told', () => {
    expect(outputs.get('small')).toContain('1 received');
    expect(outputs.get('big')).toContain('0 received');
  });
});

test('Docker 24: gossip and managers cross IPv6, overlays do not', () => {
  const { result, shop, manager } = play('24');
  expect(manager.member).toBeDefined();
  expect(result.measures['traffic.web.lost']?.value).toBe(1);
  expect(shop.overlay.vxlan!.fdb.list(0)).toEqual([]);
  expect(shop.overlay.vxlan!.namespace.neighbours.list().length).toBeGreaterThan(0);
});

test('a node that advertises the other family is not reached by gossip’s datagrams', () => {
  const { result } = play('28', '{}', ', nodes: { worker-1: { advertise-addr: 192.168.56.102 } }');
  expect(result.measures['traffic.web.lost']?.value).toBe(1);
});
