/**
 * The sample plugins on the hosts of a cluster: containers of two hosts reach each other by real
 * packets, each style in its way, and what fails, fails as it would.
 */
import { expect, test } from 'vitest';
import { splitWords } from '../net/netfilter/command-words.ts';
import { engineVersionOf } from '../node/engine-version.ts';
import type { PluginStyle } from '../node/plugins/samples/styles.ts';
import { launch } from '../node/tools/launch.ts';
import { SECOND_NS } from '../sim/time.ts';
import { World } from '../sim/world.ts';
import { Cluster } from './cluster.ts';

/** Three hosts, the services on the first, plugins on the other two. */
class Lab {
  readonly cluster: Cluster;

  constructor(style: PluginStyle) {
    const engine = engineVersionOf('28')!;
    const names = ['manager-1', 'worker-1', 'worker-2'];
    this.cluster = new Cluster({
      world: new World(`plugins ${style}`),
      nodes: names.map((name, i) => ({ name, engine, isManager: i === 0 })),
      plugins: [{ style, nodes: [1, 2], central: 0 }],
    });
    this.wait(this.cluster.formedAtNs);
  }

  wait(spanNs: number): void {
    const { queue } = this.cluster.world;
    queue.runUntil(queue.nowNs + spanNs);
  }

  /** What a line prints on a node, and how many whole seconds it took. */
  type(node: number, line: string): string {
    const { namespace, resolver, namespaces, daemon } = this.cluster.machines[node]!.host!;
    const place = { namespace, resolver, namespaces, hosts: new Map(), source: 0, daemon };
    let output = '';
    let isOver = false;
    launch(place, splitWords(line), {
      onOutput: (text) => {
        output += text;
      },
      onExit: () => {
        isOver = true;
      },
    });
    for (let i = 0; i < 120 && !isOver; i++) this.wait(SECOND_NS);
    expect(isOver, line).toBe(true);
    return output.trimEnd();
  }

  /** A network on both workers, and a container on each. */
  start(create: string): void {
    for (const node of [1, 2]) {
      expect(this.type(node, `docker network create ${create} net`)).toMatch(/^[0-9a-f]{64}$/);
      const run = `docker run -d --name box-${node} --network net nginx`;
      expect(this.type(node, run)).toMatch(/^[0-9a-f]{64}$/);
    }
  }

  addressOf(node: number): string {
    const daemon = this.cluster.machines[node]!.host!.daemon;
    const { endpoint } = daemon.find(`box-${node}`)!.attachments.get('net')!;
    const a = endpoint!.address;
    return [a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255].join('.');
  }

  /** True when a container pings the one on the other worker. */
  reaches(from: number): boolean {
    const to = this.addressOf(3 - from);
    return this.type(from, `docker exec box-${from} ping -c 2 ${to}`).includes(' 0% packet loss');
  }
}

test('calico: a /32 each, routed by the hosts', () => {
  const lab = new Lab('calico');
  lab.start('-d calico --ipam-driver calico-ipam');
  expect([lab.addressOf(1), lab.addressOf(2)]).toEqual(['10.244.0.0', '10.244.0.64']);
  expect(lab.type(1, 'docker exec box-1 ip route')).toBe(
    'default via 169.254.1.1 dev cali0 \n169.254.1.1 dev cali0 scope link',
  );
  expect(lab.type(1, 'ip route')).toContain(
    'blackhole 10.244.0.0/26 proto bird \n10.244.0.64/26 via 192.168.56.103 dev eth0 proto bird',
  );
  expect(lab.reaches(1)).toBe(true);
  expect(lab.reaches(2)).toBe(true);
  expect(lab.type(1, `docker exec box-1 curl -s http://${lab.addressOf(2)}/`)).not.toBe('');
});

test('weave: a mesh of tunnels, and an address range in parts', () => {
  const lab = new Lab('weave');
  lab.start('-d weavemesh --ipam-driver weavemesh');
  expect([lab.addressOf(1), lab.addressOf(2)]).toEqual(['10.32.0.1', '10.40.0.1']);
  expect(lab.reaches(1)).toBe(true);
  expect(lab.type(1, 'bridge fdb show dev vxlan-6784')).toContain(
    '00:00:00:00:00:00 dst 192.168.56.103 self permanent',
  );
  // nothing of the plugin leads out: docker_gwbridge does
  expect(lab.type(1, 'docker exec box-1 ip route')).toMatch(
    /^default via 172\.1\d\.0\.1 dev eth0 .*224\.0\.0\.0\/4 dev ethwe0 scope link$/s,
  );
  expect(lab.type(1, 'docker exec box-1 ip link show dev ethwe0')).toContain('mtu 1376');
});

test('contiv: one VLAN on all hosts', () => {
  const lab = new Lab('contiv');
  lab.start('-d netplugin --ipam-driver netplugin --subnet 20.1.1.0/24');
  expect([lab.addressOf(1), lab.addressOf(2)]).toEqual(['20.1.1.2', '20.1.1.3']);
  expect(lab.reaches(1)).toBe(true);
  expect(lab.type(2, 'ip -d link show dev eth0.100')).toContain('vlan protocol 802.1Q id 100');
  lab.type(1, 'docker network create -d netplugin --subnet 20.1.1.0/24 -o tenant=blue other');
  expect(lab.type(1, 'ip -d link show dev eth0.101')).toContain('vlan protocol 802.1Q id 101');
});

test('kuryr: ports of a cloud, active when the cloud says so', () => {
  const lab = new Lab('kuryr');
  const before = lab.cluster.world.nowNs;
  lab.start('-d kuryr --ipam-driver kuryr --subnet 10.5.0.0/24');
  expect(lab.cluster.world.nowNs - before).toBeGreaterThan(4 * SECOND_NS);
  expect([lab.addressOf(1), lab.addressOf(2)]).toEqual(['10.5.0.2', '10.5.0.3']);
  expect(lab.type(2, 'docker exec box-2 ip link show dev eth0')).toContain('link/ether fa:16:3e:');
  expect(lab.reaches(1)).toBe(true);
  expect(lab.reaches(2)).toBe(true);
  const flooded = lab.type(1, 'bridge fdb show dev vxlan-1001');
  expect(flooded).toContain('dst 192.168.56.103 self permanent');
  expect(flooded).not.toContain('00:00:00:00:00:00');
});

test('infoblox: addresses of one database for macvlans of two hosts', () => {
  const lab = new Lab('infoblox');
  lab.start('-d macvlan -o parent=eth0 --ipam-driver infoblox --subnet 10.77.0.0/24');
  expect([lab.addressOf(1), lab.addressOf(2)]).toEqual(['10.77.0.2', '10.77.0.3']);
  expect(lab.reaches(1)).toBe(true);
  const taken = 'docker run -d --name twin --network net --ip 10.77.0.2 nginx';
  expect(lab.type(2, taken)).toContain('remote: IP address 10.77.0.2 is already in use by ');
  expect(lab.type(1, 'docker network create --ipam-driver infoblox own')).toMatch(/^[0-9a-f]{64}$/);
  expect(lab.type(1, 'docker network inspect own')).toContain('"Subnet": "192.168.0.0/24"');
  lab.type(1, 'docker rm -f box-1');
  // the address is given back behind docker rm's back
  lab.wait(SECOND_NS);
  expect(lab.type(2, taken.replace('twin', 'heir'))).toMatch(/^[0-9a-f]{64}$/);
});

test('a plugin whose process is gone: nothing starts, and what runs goes on', () => {
  const lab = new Lab('calico');
  lab.start('-d calico --ipam-driver calico-ipam');
  lab.cluster.plugins.kill(1, 'calico');
  const startNs = lab.cluster.world.nowNs;
  expect(lab.type(1, 'docker run -d --name late --network net nginx')).toContain(
    'Error response from daemon: Post "http://plugin.moby.localhost/IpamDriver.RequestAddress": ' +
      'dial unix /run/docker/plugins/calico-ipam.sock: connect: connection refused',
  );
  expect(Math.floor((lab.cluster.world.nowNs - startNs) / SECOND_NS)).toBe(16);
  expect(lab.reaches(1)).toBe(true);
  lab.type(1, 'docker rm late');
  lab.cluster.plugins.start(1, 'calico');
  expect(lab.type(1, 'docker run -d --name late --network net nginx')).toMatch(/^[0-9a-f]{64}$/);
});

test('a controller that cannot be reached: the plugin says so, after its own patience', () => {
  const lab = new Lab('contiv');
  lab.start('-d netplugin --ipam-driver netplugin --subnet 20.1.1.0/24');
  lab.type(1, 'iptables -I OUTPUT -d 192.168.56.101 -p tcp --dport 9999 -j DROP');
  expect(lab.type(1, 'docker run -d --name late --network net nginx')).toContain(
    'remote: netmaster: dial tcp 192.168.56.101:9999: i/o timeout',
  );
  lab.type(1, 'iptables -R OUTPUT 1 -d 192.168.56.101 -p tcp -j REJECT --reject-with tcp-reset');
  expect(lab.type(1, 'docker network create -d netplugin --subnet 20.1.2.0/24 more')).toBe(
    'Error response from daemon: remote: netmaster: dial tcp 192.168.56.101:9999: ' +
      'connect: connection refused',
  );
  expect(lab.reaches(1)).toBe(true);
});

test('calico: the routes of a host that is gone are withdrawn after the hold time', () => {
  const lab = new Lab('calico');
  lab.start('-d calico --ipam-driver calico-ipam');
  lab.cluster.crash(2);
  lab.wait(60 * SECOND_NS);
  expect(lab.type(1, 'ip route')).toContain('10.244.0.64/26 via');
  lab.wait(60 * SECOND_NS);
  expect(lab.type(1, 'ip route')).not.toContain('10.244.0.64/26 via');
});

test('plugins that reach beyond their host hear of the nodes of the swarm', () => {
  const lab = new Lab('weave');
  lab.type(1, 'docker network create -d weavemesh --ipam-driver weavemesh net');
  lab.cluster.crash(2);
  lab.wait(60 * SECOND_NS);
  const { calls } = lab.cluster.machines[1]!.host!.drivers;
  const told = calls.filter(({ method }) => method.startsWith('NetworkDriver.Discover'));
  expect(told.map(({ method, request }) => `${method} ${request.trim()}`)).toEqual([
    'NetworkDriver.DiscoverNew {"DiscoveryType":1,"DiscoveryData":' +
      '{"Address":"192.168.56.102","BindAddress":"192.168.56.102","Self":true}}',
    'NetworkDriver.DiscoverDelete {"DiscoveryType":1,"DiscoveryData":' +
      '{"Address":"192.168.56.103","BindAddress":"","Self":false}}',
  ]);
});

test('a worker makes no network whose driver is for a whole swarm', () => {
  const lab = new Lab('weave');
  const { plugins } = lab.cluster.machines[1]!.host!;
  plugins.listen('/run/docker/plugins/wide.sock', {
    post: ({ method }, reply) => {
      const body =
        method === 'Plugin.Activate' ? '{"Implements":["NetworkDriver"]}' : '{"Scope":"global"}';
      reply({ status: 200, body });
    },
  });
  expect(lab.type(1, 'docker network create -d wide net')).toBe(
    'Error response from daemon: Cannot create a multi-host network from a worker node. ' +
      'Please create the network from a manager node.',
  );
});
