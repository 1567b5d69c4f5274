import { expect, test } from 'vitest';
import { formatIp } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { neighbourProxyText } from '../show/neighbour.ts';
import { formatPingResult, type PingResult, PingSocket } from '../socket/ping.ts';
import type { SctpAssociation } from '../socket/sctp/association.ts';
import { ip, Lab } from '../testing/lab.ts';

/** a (fd00:a::2) - router - b (fd00:b::2); the link to b may be narrower. */
function routed(mtu = 1500) {
  const lab = new Lab();
  const a = lab.namespace('a');
  const router = lab.namespace('router');
  const b = lab.namespace('b');
  lab.cable(a, 'eth0', 'fd00:a::2/64', router, 'left', 'fd00:a::1/64');
  lab.cable(router, 'right', 'fd00:b::1/64', b, 'eth0', 'fd00:b::2/64', mtu);
  router.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.route(a, '::/0', { gateway: ip('fd00:a::1') });
  lab.route(b, '::/0', { gateway: ip('fd00:b::1') });
  return { lab, a, router, b };
}

/** What `ping -c 1` from a namespace prints. */
function ping(lab: Lab, from: Namespace, to: string, more: object = {}): string {
  const lines: string[] = [];
  const onResult = (result: PingResult) => {
    lines.push(formatPingResult(result).replace(/ time=.*/, ''));
  };
  PingSocket.start(from.sockets, { address: ip(to), lingerNs: 5e9, onResult, ...more });
  lab.run(6);
  return lines.join('\n');
}

test('neighbours are found, packets forwarded, and the hop limit counts', () => {
  const { lab, a, router } = routed();
  expect(ping(lab, a, 'fd00:b::2')).toBe('64 bytes from fd00:b::2: icmp_seq=1 ttl=63');
  expect(ping(lab, a, 'fd00:a::1')).toBe('64 bytes from fd00:a::1: icmp_seq=1 ttl=64');
  expect(ping(lab, a, '::1')).toBe('64 bytes from ::1: icmp_seq=1 ttl=64');
  expect(ping(lab, a, 'fd00:b::2', { ttl: 1 })).toBe(
    'From fd00:a::1 icmp_seq=1 Time exceeded: Hop limit',
  );
  expect(router.dropCounts.get('hop limit exceeded')).toBe(1);
});

test('SCTP crosses a router, an address translation and a path that becomes narrower', () => {
  const { lab, a, router, b } = routed(1400);
  router.ipv6.tables.run('-t nat -A POSTROUTING -o right -j MASQUERADE');
  const heard: string[] = [];
  b.sockets.sctp.listen({
    port: 3868,
    onAssociation: ({ remoteAddress }) => ({
      onMessage: (bytes) => heard.push(`${bytes.length} bytes of ${formatIp(remoteAddress)}`),
    }),
  });
  const onConnected = (own: SctpAssociation) => {
    own.send(new Uint8Array(5000));
    own.close();
  };
  const onClosed = (reason: string) => heard.push(reason);
  const handlers = { onConnected, onClosed };
  a.sockets.sctp.connect({ address: ip('fd00:b::2'), port: 3868, handlers });
  lab.run(10);
  expect(heard).toEqual(['5000 bytes of fd00:b::1', 'closed']);
  a.sockets.sctp.connect({ address: ip('fd00:b::2'), port: 9, handlers: { onClosed } });
  lab.run(1);
  expect(heard.slice(2)).toEqual(['refused']);
  expect(router.dropCounts.get('packet is too big')).toBeGreaterThan(0);
});

test('a packet that a rule has marked is routed again, by its source too', () => {
  const { lab, a } = routed();
  const source = ip('fd00:a::2');
  const gateway = ip('fd00:a::1');
  const [any, own] = [ip('::'), { address: source, lengthBits: 128 }];
  a.ipv6.routes.take({ destination: any, prefixLength: 0 });
  a.ipv6.routes.add({ destination: any, prefixLength: 0, gateway, table: 100 });
  a.ipv6.routes.rules.add({ priority: 100, table: 100, source: own });
  expect(ping(lab, a, 'fd00:b::2', { source })).toBe('64 bytes from fd00:b::2: icmp_seq=1 ttl=63');
  a.ipv6.tables.run('-t mangle -A OUTPUT -j MARK --set-mark 7');
  expect(ping(lab, a, 'fd00:b::2', { source })).toBe('64 bytes from fd00:b::2: icmp_seq=1 ttl=63');
});

test('a router says what it has no way to, and who is not there', () => {
  const { lab, a, router } = routed();
  expect(ping(lab, a, 'fd00:c::1')).toBe(
    'From fd00:a::1 icmp_seq=1 Destination unreachable: No route',
  );
  expect(ping(lab, a, 'fd00:b::9')).toBe(
    'From fd00:a::1 icmp_seq=1 Destination unreachable: Address unreachable',
  );
  router.sysctls.set('net.ipv6.conf.all.forwarding', 0);
  expect(ping(lab, a, 'fd00:b::2')).toBe('');
  expect(router.dropCounts.get('not forwarding')).toBe(1);
});

test('a router never fragments: the sender learns the MTU and does it', () => {
  const { lab, a, router } = routed(1400);
  expect(ping(lab, a, 'fd00:b::2', { payloadBytes: 1452 })).toBe(
    'From fd00:a::1 icmp_seq=1 Packet too big: mtu=1400',
  );
  expect(router.dropCounts.get('packet is too big')).toBe(1);
  const route = a.routeLookup({ destination: ip('fd00:b::2') })!;
  expect(a.pathMtuBytes(ip('fd00:b::2'), route)).toBe(1400);
  expect(ping(lab, a, 'fd00:b::2', { payloadBytes: 4000 })).toBe(
    '4008 bytes from fd00:b::2: icmp_seq=1 ttl=63',
  );
  expect(ping(lab, a, 'fd00:b::2', { payloadBytes: 1452, dontFragment: true })).toBe(
    'ping: local error: message too long, mtu=1400',
  );
});

test('fragments that stay alone are dropped after a minute, and their sender is told', () => {
  const { lab, a, b } = routed();
  const device = b.deviceByName('eth0')!;
  const receive = device.receive.bind(device);
  ping(lab, a, 'fd00:b::2');
  device.receive = (packet) => {
    // the second, short fragment of the request is lost
    if (packet.bytes[packet.start + 20] === 44 && packet.end - packet.start < 1400) return;
    receive(packet);
  };
  PingSocket.start(a.sockets, { address: ip('fd00:b::2'), payloadBytes: 1800 });
  lab.run(59);
  expect(b.ipv6.reassembly.count).toBe(1);
  lab.run(2);
  expect(b.ipv6.reassembly.count).toBe(0);
  expect(b.dropCounts.get('fragments are missing')).toBe(1);
});

test('on one link a router points to the better next hop', () => {
  const lab = new Lab();
  const hub = lab.namespace('hub');
  const bridge = lab.bridge(hub, 'br0');
  const names = ['a', 'router', 'b'];
  const [a, router] = names.map((name, i) => {
    const namespace = lab.namespace(name);
    const [, port] = lab.cable(namespace, 'eth0', `fd00:a::${i + 1}/64`, hub, `port${i}`, '');
    hub.setMaster(port, bridge);
    return namespace;
  }) as [Namespace, Namespace];
  router.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  const gateway = router.ipv6.addresses.linkLocalOf(router.deviceByName('eth0')!)!;
  const device = a.deviceByName('eth0')!;
  a.ipv6.routes.take({ destination: ip('fd00:a::'), prefixLength: 64 });
  lab.run(2);
  expect(lab.route(a, '::/0', { gateway, device })).toBeUndefined();
  const nextHop = () => a.routeLookup({ destination: ip('fd00:a::3') })!.nextHop;
  expect(nextHop()).toBe(gateway);
  expect(ping(lab, a, 'fd00:a::3')).toBe('64 bytes from fd00:a::3: icmp_seq=1 ttl=64');
  expect(nextHop()).toBe(ip('fd00:a::3'));
});

test('TCP and UDP: a listener of both families, a refusal, a segment size of 1440', () => {
  const { lab, a, b } = routed();
  const heard: string[] = [];
  b.sockets.listen({
    port: 80,
    family: 'dual',
    onConnection: (connection) => {
      heard.push(`mss ${connection.mssBytes}`);
      return { onData: (bytes) => heard.push(new TextDecoder().decode(bytes)) };
    },
  });
  a.sockets.connect({
    address: ip('fd00:b::2'),
    port: 80,
    handlers: { onConnected: (connection) => connection.send(new TextEncoder().encode('hello')) },
  });
  const closed: string[] = [];
  a.sockets.connect({
    address: ip('fd00:b::2'),
    port: 81,
    handlers: { onClosed: (reason) => closed.push(reason) },
  });
  const udp = a.sockets.openUdp({ onError: (errno) => closed.push(`errno ${errno}`) });
  udp.connect(ip('fd00:b::2'), 53);
  udp.send(new Uint8Array(3));
  lab.run(5);
  expect(heard).toEqual(['mss 1440', 'hello']);
  expect(closed.sort()).toEqual(['errno 111', 'refused']);
});

test('a router answers for the addresses that it was given, and forwards what comes for them', () => {
  const { lab, a, router, b } = routed();
  const [left, right] = [router.deviceByName('left')!, router.deviceByName('right')!];
  lab.address(b.deviceByName('eth0')!, 'fd00:a::9/128');
  lab.route(router, 'fd00:a::9/128', { device: right });
  const asked = () => ping(lab, a, 'fd00:a::9');
  expect(asked()).toBe('From fd00:a::2 icmp_seq=1 Destination unreachable: Address unreachable');
  router.sysctls.set('net.ipv6.conf.left.proxy_ndp', 1);
  router.ipv6.neighbours.addProxy(ip('fd00:a::9'), left);
  expect(asked()).toBe('64 bytes from fd00:a::9: icmp_seq=1 ttl=63');
  expect(a.ipv6.neighbours.macOf(a.deviceByName('eth0')!, ip('fd00:a::9'))).toBe(left.mac);
  expect(neighbourProxyText(router)).toBe('fd00:a::9 dev left proxy \n');
  router.setUp(left, false);
  expect(neighbourProxyText(router)).toBe('');
});
