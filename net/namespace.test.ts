import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isIcmpChecksumRight } from '../wire/icmp.ts';
import { headerBytesOf, isValidIpv4Header, ttlOf } from '../wire/ipv4.ts';
import type { Bridge } from './device/bridge.ts';
import type { Device } from './device/device.ts';
import type { Namespace } from './namespace.ts';
import { Hook, type HookFunction, Verdict } from './netfilter/hook.ts';
import { Packet } from './packet.ts';
import { ip, Lab, wayOf } from './testing/lab.ts';

/** Two containers on docker0 of a host whose eth0 leads to an outside namespace. */
function dockerHost(): {
  lab: Lab;
  host: Namespace;
  outside: Namespace;
  c1: Namespace;
  c2: Namespace;
  bridge: Bridge;
  ports: Device[];
} {
  const lab = new Lab();
  const host = lab.namespace('host');
  host.sysctls.set('net.ipv4.ip_forward', 1);
  const outside = lab.namespace('outside');
  lab.cable(host, 'eth0', '203.0.113.10/24', outside, 'eth0', '203.0.113.1/24');
  const bridge = lab.bridge(host, 'docker0', '172.17.0.1/16');
  const containers = ['172.17.0.2', '172.17.0.3'].map((address, i) => {
    const container = lab.namespace(`c${i + 1}`, host);
    const end = lab.cable(container, 'eth0', `${address}/16`, host, `veth${i + 1}`, '');
    host.setMaster(end[1], bridge);
    lab.route(container, 'default', { gateway: ip('172.17.0.1') });
    return { container, port: end[1] };
  });
  const [first, second] = containers;
  const ports = containers.map(({ port }) => port);
  return { lab, host, outside, c1: first!.container, c2: second!.container, bridge, ports };
}

test('W3: container to container on one bridge', () => {
  const { lab, c1, ports, host } = dockerHost();
  const hooks: string[] = [];
  const look: HookFunction = (packet, hook, inDevice, outDevice) => {
    hooks.push(`${hook} ${inDevice?.name} ${outDevice?.name} ${packet.inPort?.name}`);
    return Verdict.accept;
  };
  for (const hook of Object.values(Hook)) host.hooks.register(hook, 0, 'look', look);
  const packet = lab.echo('172.17.0.3');
  expect(c1.sendIpv4(packet)).toBe(0);
  lab.run();
  expect(wayOf(packet).slice(0, 15)).toEqual([
    'c1 send ICMP 172.17.0.2 > 172.17.0.3',
    'c1 route eth0 waits for the MAC address of 172.17.0.3',
    'c1 transmit eth0',
    'host receive veth1',
    'host transmit veth2',
    'c2 receive eth0',
    'c2 route lo local',
    'c2 deliver icmp type 8 code 0',
    'c2 send ICMP 172.17.0.3 > 172.17.0.2',
    'c2 transmit eth0',
    'host receive veth2',
    'host transmit veth1',
    'c1 receive eth0',
    'c1 route lo local',
    'c1 deliver icmp type 0 code 0',
  ]);
  expect(hooks).toEqual([
    '0 docker0 undefined veth1',
    '2 docker0 docker0 veth1',
    '4 undefined docker0 veth1',
    '0 docker0 undefined veth2',
    '2 docker0 docker0 veth2',
    '4 undefined docker0 veth2',
  ]);
  hooks.length = 0;
  host.sysctls.set('net.bridge.bridge-nf-call-iptables', 0);
  c1.sendIpv4(lab.echo('172.17.0.3'));
  lab.run();
  expect(hooks).toEqual([]);
  expect(ports[0]!.statistics).toMatchObject({ rxPackets: 3, txPackets: 3 });
});

test('W2 without NAT: container to outside and back through the host', () => {
  const { lab, c1, host, outside } = dockerHost();
  lab.route(outside, '172.17.0.0/16', { gateway: ip('203.0.113.10') });
  const hooks: string[] = [];
  for (const hook of Object.values(Hook)) {
    host.hooks.register(hook, 0, 'look', (packet, at, inDevice, outDevice) => {
      const ttl = ttlOf(packet.bytes, packet.start);
      hooks.push(`${at} ${inDevice?.name} ${outDevice?.name} ttl ${ttl}`);
      return Verdict.accept;
    });
  }
  const packet = lab.echo('203.0.113.1');
  c1.sendIpv4(packet);
  lab.run();
  expect(hooks).toEqual([
    '0 docker0 undefined ttl 64',
    '2 docker0 eth0 ttl 63',
    '4 docker0 eth0 ttl 63',
    '0 eth0 undefined ttl 64',
    '2 eth0 docker0 ttl 63',
    '4 eth0 docker0 ttl 63',
  ]);
  expect(wayOf(packet).filter((step) => step.startsWith('host'))).toEqual([
    'host receive veth1',
    'host receive docker0',
    'host route eth0 dev eth0',
    'host route eth0 waits for the MAC address of 203.0.113.1',
    'host transmit eth0',
    'host receive eth0',
    'host route docker0 dev docker0',
    'host transmit docker0',
    'host transmit veth1',
  ]);
});

test.each([
  ['no route', 'drop', '198.51.100.1', 64, 'no route', 3, 0],
  ['ttl exceeded', 'drop', '203.0.113.1', 1, 'ttl exceeded', 11, 0],
  ['neighbour unreachable', 'drop', '203.0.113.77', 64, 'neighbour unreachable', 3, 1],
] as const)('a router that must not forward says so: %s', (_, __, to, ttl, reason, type, code) => {
  const { lab, c1, host } = dockerHost();
  const answers: string[] = [];
  c1.hooks.register(Hook.input, 0, 'look', (packet) => {
    const at = packet.start + 20;
    expect(isValidIpv4Header(packet.bytes, packet.start, packet.end)).toBe(true);
    expect(isIcmpChecksumRight(packet.bytes, at, packet.end - at)).toBe(true);
    answers.push(
      `${packet.bytes[at]} ${packet.bytes[at + 1]} tos ${packet.bytes[packet.start + 1]}`,
    );
    return Verdict.accept;
  });
  c1.sendIpv4(lab.echo(to, { ttl }));
  lab.run(2.999_999);
  if (reason === 'neighbour unreachable') expect(answers).toEqual([]);
  lab.run(1);
  expect(host.dropCounts.get(reason)).toBe(1);
  expect(answers).toEqual([`${type} ${code} tos 192`]);
});

test('a host that does not forward is silent', () => {
  const { lab, c1, host } = dockerHost();
  host.sysctls.set('net.ipv4.ip_forward', 0);
  c1.sendIpv4(lab.echo('203.0.113.1'));
  c1.sendIpv4(lab.echo('198.51.100.1'));
  lab.run();
  expect([...host.dropCounts]).toEqual([['not forwarding', 2]]);
});

test.each([
  ['martian source', '127.0.0.1', '203.0.113.1', {}],
  ['martian destination', '172.17.0.2', '127.0.0.1', {}],
  ['martian source', '172.17.0.1', '203.0.113.1', {}],
  ['rp_filter', '10.9.9.9', '203.0.113.1', { 'net.ipv4.conf.all.rp_filter': 1 }],
  ['rp_filter', '203.0.113.7', '172.17.0.1', { 'net.ipv4.conf.docker0.rp_filter': 1 }],
  [undefined, '203.0.113.7', '172.17.0.1', { 'net.ipv4.conf.docker0.rp_filter': 2 }],
  [undefined, '172.17.0.2', '127.0.0.1', { 'net.ipv4.conf.all.route_localnet': 1 }],
] as const)('sources are checked: %s for %s to %s', (reason, source, to, sysctls) => {
  const { lab, host, bridge } = dockerHost();
  for (const [name, value] of Object.entries(sysctls)) host.sysctls.set(name, value);
  host.receiveIpv4(bridge, lab.udp(source, to, 9));
  lab.run();
  for (const checked of ['martian source', 'martian destination', 'rp_filter']) {
    expect(host.dropCounts.get(checked), checked).toBe(reason === checked ? 1 : undefined);
  }
});

test('OUTPUT that changes mark or destination is routed again', () => {
  const { lab, host, outside } = dockerHost();
  const [extra] = lab.cable(host, 'eth1', '10.5.0.1/24', outside, 'eth1', '10.5.0.2/24');
  lab.route(host, 'default', { gateway: ip('203.0.113.1') });
  host.addRoute({ destination: 0, prefixLength: 0, gateway: ip('10.5.0.2'), table: 100 });
  host.rules.add({ priority: 100, table: 100, mark: 0x10 });
  host.hooks.register(Hook.output, -150, 'mark', (packet) => {
    packet.mark = 0x10;
    return Verdict.accept;
  });
  host.sendIpv4(lab.echo('198.51.100.1'));
  lab.run();
  expect(extra.statistics.txPackets).toBe(2);
  expect(outside.dropCounts.get('not forwarding')).toBe(1);
  expect(host.routeLookup({ destination: ip('198.51.100.1') })?.device.name).toBe('eth0');
});

test('a dropped OUTPUT is EPERM, no route ENETUNREACH', () => {
  const { lab, host } = dockerHost();
  expect(host.sendIpv4(lab.echo('198.51.100.1'))).toBe(101);
  host.hooks.register(Hook.output, 0, 'deny', () => Verdict.drop);
  expect(host.sendIpv4(lab.echo('203.0.113.1'))).toBe(1);
});

test('errors to one receiver: six at once, then one a second', () => {
  const { lab, c1, host } = dockerHost();
  for (let i = 0; i < 20; i++) c1.sendIpv4(lab.echo('203.0.113.1', { ttl: 1 }));
  lab.run();
  const received = () => c1.deviceByName('eth0')!.statistics.rxPackets;
  const atOnce = received();
  expect(host.dropCounts.get('icmp error is rate limited')).toBe(14);
  lab.run(1);
  for (let i = 0; i < 20; i++) c1.sendIpv4(lab.echo('203.0.113.1', { ttl: 1 }));
  lab.run();
  expect(received() - atOnce).toBe(1);
});

test('random frames never throw, and what is passed on has right checksums', () => {
  const { lab, host, c1, c2, outside } = dockerHost();
  host.hooks.register(Hook.postrouting, 0, 'check', (packet) => {
    expect(isValidIpv4Header(packet.bytes, packet.start, packet.end)).toBe(true);
    return Verdict.accept;
  });
  const frame = fc.record({
    noise: fc.uint8Array({ minLength: 0, maxLength: 90 }),
    isProper: fc.boolean(),
    ttl: fc.nat(255),
    to: fc.constantFrom('172.17.0.3', '172.17.0.1', '203.0.113.1', '255.255.255.255', '224.0.0.1'),
    at: fc.nat(60),
    value: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
      for (const { noise, isProper, ttl, to, at, value } of frames) {
        const packet = isProper
          ? lab.echo(to, { ttl, source: '172.17.0.2' })
          : new Packet(noise, 0, noise.length);
        if (isProper) {
          packet.bytes[packet.start + at] = value;
          c1.sendIpv4(packet);
        } else {
          for (const namespace of [c1, c2, host, outside]) {
            namespace.deviceByName('eth0')!.receive(packet.clone());
          }
        }
      }
      lab.run(0.01);
    }),
    { numRuns: 60 },
  );
  expect(headerBytesOf(lab.echo('1.2.3.4').bytes, 128)).toBe(20);
});
