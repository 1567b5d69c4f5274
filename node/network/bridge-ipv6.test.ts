import { expect, test } from 'vitest';
import { createVethPair } from '../../net/device/veth.ts';
import { HostCounters } from '../../net/host-counters.ts';
import { Namespace } from '../../net/namespace.ts';
import { formatPingResult, PingSocket } from '../../net/socket/ping.ts';
import { World } from '../../sim/world.ts';
import { formatIp, parseIp } from '../../wire/ip-address.ts';
import { docker } from '../docker/docker.ts';
import type { Host } from '../host/host.ts';
import { bootHost, withoutCounters } from '../testing/docker-host.ts';
import type { DaemonConfig } from './network-host.ts';

const ip = (text: string) => parseIp(text)!;

/** A host with 2001:db8::10 on its uplink, and a client at the other end, 2001:db8::99. */
function street(engine: string, flags: Partial<DaemonConfig> = {}) {
  const world = new World('bridge-ipv6');
  const client = new Namespace(world, {
    name: 'client',
    nodeIndex: 1,
    host: new HostCounters(world),
  });
  const [uplink, far] = createVethPair('eth0', 0x0200_0000_0001, 'eth0', 0x0200_0000_0002, 1500);
  const host = bootHost(engine, world, uplink, flags);
  client.addDevice(far);
  for (const [namespace, text] of [
    [host.namespace, '2001:db8::10'],
    [client, '2001:db8::99'],
  ] as const) {
    const device = namespace.deviceByName('eth0')!;
    const address = ip(text);
    namespace.setUp(device, true);
    namespace.ipv6.addresses.add(device, { address, prefixLength: 64, skipsDetection: true });
  }
  const run = (line: string): string => {
    const { stdout, stderr } = docker(host.daemon, line);
    expect(stderr, line).toBe('');
    world.queue.runUntil(world.nowNs + 3e9);
    return stdout.trim();
  };
  return { world, host, client, run };
}

type Street = ReturnType<typeof street>;

function inspect({ run }: Street, container: string) {
  return JSON.parse(run(`inspect ${container}`))[0].NetworkSettings;
}

function ping({ world }: Street, from: Namespace, to: string): string {
  let line = '';
  PingSocket.start(from.sockets, {
    address: ip(to),
    onResult: (result) => {
      line = formatPingResult(result).replace(/ time=.*/, '');
    },
  });
  world.queue.runUntil(world.nowNs + 5e9);
  return line;
}

function sandboxOf(host: Host, name: string): Namespace {
  return host.daemon.list().find((container) => container.name === name)!.sandbox!.namespace;
}

/** What a TCP listener hears from `from`: the peer's address, or nothing. */
function reach({ world, host }: Street, from: Namespace, to: string, port: number): string {
  const peers: number[] = [];
  const listener = sandboxOf(host, 'web').sockets.listen({
    port: 8000,
    family: 'dual',
    onConnection: ({ remoteAddress }) => {
      peers.push(remoteAddress);
      return {};
    },
  });
  from.sockets.connect({ address: ip(to), port, handlers: {} });
  world.queue.runUntil(world.nowNs + 2e9);
  if (typeof listener === 'object') listener.close();
  return peers.map((peer) => formatIp(peer)).join(' ');
}

test('addresses, gateways and what inspect says of them', () => {
  const own = street('28');
  own.run('network create --ipv6 --subnet fd00:1::/64 --subnet 172.20.0.0/16 six');
  own.run('run -d --name web --network six nginx');
  own.run('run -d --name api --network six --ip6 fd00:1::42 nginx');
  expect(inspect(own, 'web').Networks.six).toMatchObject({
    IPv6Gateway: 'fd00:1::1',
    GlobalIPv6Address: 'fd00:1::2',
    GlobalIPv6PrefixLen: 64,
    Gateway: '172.20.0.1',
  });
  expect(inspect(own, 'api').Networks.six.IPAMConfig).toEqual({ IPv6Address: 'fd00:1::42' });
  const network = JSON.parse(own.run('network inspect six'))[0];
  expect(network.EnableIPv6).toBe(true);
  expect(network.IPAM.Config).toEqual([{ Subnet: 'fd00:1::/64' }, { Subnet: '172.20.0.0/16' }]);
  const addresses = Object.values<{ IPv6Address: string }>(network.Containers);
  expect(addresses.map(({ IPv6Address }) => IPv6Address).sort()).toEqual([
    'fd00:1::2/64',
    'fd00:1::42/64',
  ]);
  const web = sandboxOf(own.host, 'web');
  expect(ping(own, web, 'fd00:1::42')).toBe('64 bytes from fd00:1::42: icmp_seq=1 ttl=64');
  const container = own.host.daemon.list().find(({ name }) => name === 'web')!;
  expect(container.sandbox!.hosts.text).toMatch(/172.20.0.2\t\w{12}\nfd00:1::2\t\w{12}\n$/);
});

test('out by masquerading where ip6tables are written, and not otherwise', () => {
  for (const [engine, isHeard] of [
    ['28', true],
    ['26', false],
  ] as const) {
    const own = street(engine);
    own.run('network create --ipv6 --subnet fd00:1::/64 six');
    own.run('run -d --name web --network six nginx');
    const web = sandboxOf(own.host, 'web');
    expect(ping(own, web, '2001:db8::99') !== '', engine).toBe(isHeard);
    const rules = own.host.namespace.ipv6.tables.save();
    expect(rules.includes('-s fd00:1::/64 ! -o'), engine).toBe(isHeard);
  }
});

test('a published port: DNAT keeps the client, docker-proxy does not', () => {
  const expected: [string, string, string][] = [
    ['29', '2001:db8::99', 'fd00:1::1'],
    ['27', '2001:db8::99', 'fd00:1::1'],
    ['24', 'fd00:1::1', 'fd00:1::1'],
  ];
  for (const [engine, outside, inside] of expected) {
    const own = street(engine);
    own.run('network create --ipv6 --subnet fd00:1::/64 six');
    own.run('run -d --name web --network six -p 8080:8000 nginx');
    expect(reach(own, own.client, '2001:db8::10', 8080), engine).toBe(outside);
    expect(reach(own, own.host.namespace, '::1', 8080), engine).toBe(inside);
    expect(inspect(own, 'web').Ports['8000/tcp']).toEqual([
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ]);
  }
});

test('a container without IPv6 is reached at [::] by docker-proxy over IPv4', () => {
  const own = street('28');
  own.run('run -d --name web -p 8080:8000 nginx');
  expect(reach(own, own.client, '2001:db8::10', 8080)).toBe('172.17.0.1');
  const other = street('28');
  other.run('run -d --name web -p [::1]:8081:8000 nginx');
  expect(reach(other, other.client, '2001:db8::10', 8081)).toBe('');
  expect(reach(other, other.host.namespace, '::1', 8081)).toBe('172.17.0.1');
});

test('bridges are kept apart in every generation; internal ones from the world', () => {
  for (const engine of ['27', '28', '29']) {
    const own = street(engine);
    own.run('network create --ipv6 --subnet fd00:1::/64 one');
    own.run('network create --ipv6 --subnet fd00:2::/64 two');
    own.run('network create --ipv6 --subnet fd00:3::/64 --internal three');
    own.run('run -d --name aa --network one nginx');
    own.run('run -d --name bb --network two nginx');
    own.run('run -d --name cc --network three nginx');
    const [a, c] = [sandboxOf(own.host, 'aa'), sandboxOf(own.host, 'cc')];
    expect(ping(own, a, '2001:db8::99'), engine).toContain('64 bytes');
    expect(ping(own, a, 'fd00:2::2'), engine).toBe('');
    expect(ping(own, c, '2001:db8::99'), engine).not.toContain('64 bytes');
    expect(ping(own, c, 'fd00:3::1'), engine).toContain('64 bytes');
  }
});

test('subnets that nobody chose come from one prefix of the host, from 27 on', () => {
  const own = street('27');
  own.run('network create --ipv6 one');
  own.run('network create --ipv6 two');
  const subnets = ['one', 'two'].map(
    (name) => JSON.parse(own.run(`network inspect ${name}`))[0].IPAM.Config[1].Subnet,
  );
  expect(subnets[0]).toMatch(/^fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+::\/64$/);
  expect(subnets[1]).toBe(subnets[0]!.replace('::/64', ':1::/64'));
  expect(docker(street('26').host.daemon, 'network create --ipv6 one').stderr).toContain(
    'could not find an available, non-overlapping IPv6 address pool',
  );
});

test("docker0's addresses end in the MAC address up to 27", () => {
  const flags = { hasIpv6: true, bridgeIpv6Range: { address: ip('fd00:9::'), lengthBits: 64 } };
  const own = street('25', flags);
  own.run('run -d --name web nginx');
  expect(inspect(own, 'web').GlobalIPv6Address).toBe('fd00:9::242:ac11:2');
  expect(inspect(own, 'web').IPv6Gateway).toBe('fd00:9::1');
  const docker0 = own.host.namespace.deviceByName('docker0')!;
  const addresses = own.host.namespace.ipv6.addresses.of(docker0);
  expect(addresses.map(({ address }) => formatIp(address))).toContain('fe80::1');
});

test.each(['27', '28', '29'])('the rules of %s', async (engine) => {
  const own = street(engine);
  own.run(
    'network create --ipv6 --subnet fd00:1::/64 -o com.docker.network.bridge.name=br-six six',
  );
  own.run('run -d --name web --network six -p 8080:8000 nginx');
  const text = withoutCounters(own.host.namespace.ipv6.tables.save());
  await expect(text).toMatchFileSnapshot(`testdata/ip6tables-${engine}.txt`);
});
