import { expect, test } from 'vitest';
import { macOfIpv4 } from '../../wire/addresses.ts';
import { ArpOperation, parseArp, writeArp } from '../../wire/arp.ts';
import {
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  writeEthernetHeader,
} from '../../wire/ethernet.ts';
import type { Device } from '../device/device.ts';
import { kernelOf } from '../kernel-release.ts';
import { Packet } from '../packet.ts';
import { ip, Lab } from '../testing/lab.ts';
import { NeighbourState } from './neighbour.ts';

const { incomplete, reachable, stale, delay, probe, failed, permanent } = NeighbourState;

/** Notes every ARP request that leaves by a device: `<seconds> broadcast|unicast <source>`. */
function watchRequests(lab: Lab, device: Device): string[] {
  const seen: string[] = [];
  device.tap = (_, packet, isOutgoing) => {
    if (!isOutgoing || etherTypeOf(packet.bytes, packet.start) !== EtherType.arp) return;
    const message = parseArp(packet.bytes, packet.start + ETHERNET_HEADER_BYTES, packet.end)!;
    if (message.operation !== ArpOperation.request) return;
    const kind = packet.bytes[packet.start] === 255 ? 'broadcast' : 'unicast';
    seen.push(`${lab.world.nowNs / 1e9} ${kind} ${message.senderAddress & 255}`);
  };
  return seen;
}

function pair() {
  const lab = new Lab();
  const a = lab.namespace('a');
  const b = lab.namespace('b');
  const [left, right] = lab.cable(a, 'eth0', '10.0.0.1/24', b, 'eth0', '10.0.0.2/24');
  const stateOf = (namespace = a, text = '10.0.0.2') => {
    const device = namespace.deviceByName('eth0')!;
    const neighbour = namespace.neighbours.find(device, ip(text));
    return neighbour === undefined ? undefined : namespace.neighbours.stateOf(neighbour);
  };
  return { lab, a, b, left, right, stateOf };
}

test('nobody answers: three requests a second apart, then FAILED and who waited is told', () => {
  const { lab, a, left, stateOf } = pair();
  const requests = watchRequests(lab, left);
  for (let i = 0; i < 103; i++) a.sendIpv4(lab.echo('10.0.0.9'));
  expect(a.dropCounts.get('neighbour queue is full')).toBe(2);
  lab.run(2.9);
  expect(stateOf(a, '10.0.0.9')).toBe(incomplete);
  lab.run(0.2);
  expect(requests).toEqual(['0 broadcast 1', '1 broadcast 1', '2 broadcast 1']);
  expect(stateOf(a, '10.0.0.9')).toBe(failed);
  expect(a.dropCounts.get('neighbour unreachable')).toBe(101);
  expect(a.loopback.statistics.rxPackets).toBeGreaterThan(0);
  a.sendIpv4(lab.echo('10.0.0.9'));
  expect(stateOf(a, '10.0.0.9')).toBe(incomplete);
});

test('an answer: REACHABLE, STALE, DELAY, PROBE by unicast, REACHABLE, FAILED', () => {
  const { lab, a, b, left, stateOf } = pair();
  const requests = watchRequests(lab, left);
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run();
  expect(stateOf()).toBe(reachable);
  expect(stateOf(b, '10.0.0.1')).toBe(delay);
  lab.run(14.9);
  expect(stateOf()).toBe(reachable);
  lab.run(30.2);
  expect(stateOf()).toBe(stale);
  a.sendIpv4(lab.echo('10.0.0.2'));
  expect(stateOf()).toBe(delay);
  lab.run(4.9);
  expect(stateOf()).toBe(delay);
  lab.run(0.2);
  expect(stateOf()).toBe(reachable);
  lab.run(60);
  b.sysctls.set('net.ipv4.conf.all.arp_ignore', 8);
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(5.1);
  expect(stateOf()).toBe(probe);
  lab.run(3);
  expect(stateOf()).toBe(failed);
  expect(requests).toEqual([
    '0 broadcast 1',
    '50.1 unicast 1',
    '115.2 unicast 1',
    '116.2 unicast 1',
    '117.2 unicast 1',
  ]);
});

test('what proves that a neighbour answers keeps it out of PROBE', () => {
  const { lab, a, stateOf } = pair();
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(50);
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(1);
  const packet = lab.echo('10.0.0.2');
  packet.confirmsNeighbour = true;
  a.sendIpv4(packet);
  lab.run(4);
  expect(stateOf()).toBe(reachable);
});

test('a permanent entry is used as it is and never changes', () => {
  const { lab, a, left, stateOf } = pair();
  const requests = watchRequests(lab, left);
  a.neighbours.setPermanent(left, ip('10.0.0.2'), macOfIpv4(ip('10.0.0.2')));
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(100);
  expect(stateOf()).toBe(permanent);
  expect(requests).toEqual([]);
  expect(lab.host.arpCount.count).toBe(0);
});

test.each([
  [0, '10.0.0.2', true],
  [0, '10.7.7.7', true],
  [1, '10.0.0.2', true],
  [1, '10.7.7.7', false],
  [2, '10.0.0.2', true],
  [8, '10.0.0.2', false],
])('arp_ignore %i, asked for %s: answered %s', (level, target, isAnswered) => {
  const { lab, b, left, right } = pair();
  lab.address(b.loopback, '10.7.7.7/32');
  b.sysctls.set('net.ipv4.conf.eth0.arp_ignore', level);
  ask(lab, left, '10.0.0.1', target);
  lab.run();
  expect(right.statistics.txPackets).toBe(isAnswered ? 1 : 0);
});

test('gratuitous ARP moves an entry at once, other messages after the lock time', () => {
  const { lab, a, left, right } = pair();
  a.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(0.5);
  ask(lab, right, '10.0.0.2', '10.0.0.77', 0xaaaa);
  lab.run();
  expect(a.neighbours.macOf(left, ip('10.0.0.2'))).toBe(right.mac);
  ask(lab, right, '10.0.0.2', '10.0.0.2', 0xbbbb);
  lab.run();
  expect(a.neighbours.macOf(left, ip('10.0.0.2'))).toBe(0xbbbb);
  ask(lab, right, '10.0.0.3', '10.0.0.3', 0xcccc);
  lab.run();
  expect(a.neighbours.find(left, ip('10.0.0.3'))).toBeUndefined();
});

test('proxy ARP answers for what would be forwarded, within 0.8 s', () => {
  const { lab, b, left, right } = pair();
  const c = lab.namespace('c');
  lab.cable(b, 'eth1', '10.1.0.1/24', c, 'eth0', '10.1.0.2/24');
  b.sysctls.set('net.ipv4.ip_forward', 1);
  ask(lab, left, '10.0.0.1', '10.1.0.2');
  lab.run(1);
  expect(right.statistics.txPackets).toBe(0);
  b.sysctls.set('net.ipv4.conf.eth0.proxy_arp', 1);
  ask(lab, left, '10.0.0.1', '10.1.0.2');
  lab.run(0.8);
  expect(right.statistics.txPackets).toBe(1);
});

test('the table overflows at gc_thresh3', () => {
  const { lab, a } = pair();
  a.sysctls.set('net.ipv4.neigh.default.gc_thresh3', 5);
  const results = [];
  for (let i = 10; i < 17; i++) results.push(a.sendIpv4(lab.echo(`10.0.0.${i}`)));
  expect(results).toEqual([0, 0, 0, 0, 0, 105, 105]);
});

test('permanent entries fill the one table of all namespaces before Linux 5.0, and not since', () => {
  for (const [release, expected] of [
    ['4.15', [true, true, false]],
    ['5.4', [true, true, true]],
  ] as const) {
    const lab = new Lab(kernelOf(release));
    const host = lab.namespace('host');
    const overlay = lab.namespace('1-net', host);
    const [, device] = lab.cable(host, 'eth0', '10.0.0.1/24', overlay, 'eth0', '10.0.0.2/24');
    host.sysctls.set('net.ipv4.neigh.default.gc_thresh3', 2);
    expect(overlay.sysctls.text('net.ipv4.neigh.default.gc_thresh3')).toBe('2');
    const added = [5, 6, 7].map((last) =>
      overlay.neighbours.setPermanent(device, ip(`10.0.0.${last}`), lab.nextMac()),
    );
    expect([release, added]).toEqual([release, expected]);
    const overflow = lab.host.log.lines.filter(({ text }) => text.includes('table overflow'));
    expect(overflow).toHaveLength(added.includes(false) ? 1 : 0);
  }
});

/** Sends an ARP request out of a device. */
function ask(lab: Lab, device: Device, sender: string, target: string, mac = device.mac): void {
  const packet = Packet.allocate(42);
  writeEthernetHeader(packet.bytes, packet.start, 0xffff_ffff_ffff, mac, EtherType.arp);
  writeArp(packet.bytes, packet.start + 14, {
    operation: ArpOperation.request,
    senderMac: mac,
    senderAddress: ip(sender),
    targetMac: 0,
    targetAddress: ip(target),
  });
  device.transmit(packet);
  lab.run();
}
