import { expect, test } from 'vitest';
import { EtherType, writeEthernetHeader } from '../../wire/ethernet.ts';
import type { Namespace } from '../namespace.ts';
import { Packet } from '../packet.ts';
import { Lab } from '../testing/lab.ts';
import { Bridge } from './bridge.ts';
import { createVethPair, type Veth } from './veth.ts';

const BROADCAST = 0xffff_ffff_ffff;

/** A bridge with `count` ports whose other ends only listen. */
function switchOf(count: number) {
  const lab = new Lab();
  const host = lab.namespace('host');
  const bridge = lab.bridge(host, 'br0', '10.0.0.1/24');
  const ends: Veth[] = [];
  const ports: Veth[] = [];
  for (let i = 0; i < count; i++) {
    const [end, port] = lab.cable(lab.namespace(`c${i}`), 'eth0', '', host, `p${i}`, '');
    host.setMaster(port, bridge);
    ends.push(end);
    ports.push(port);
  }
  const heard = (from: number, destination: number, source = ends[from]!.mac, bytes = 60) => {
    const before = ends.map(({ statistics }) => statistics.rxPackets);
    const up = bridge.statistics.rxPackets;
    ends[from]!.transmit(frame(destination, source, bytes));
    lab.run();
    const who = ends.map((end, i) => end.statistics.rxPackets - before[i]!);
    return `${who.join('')} ${bridge.statistics.rxPackets - up}`;
  };
  return { lab, host, bridge, ends, ports, heard };
}

function frame(destination: number, source: number, bytes = 60): Packet {
  const packet = Packet.allocate(bytes);
  writeEthernetHeader(packet.bytes, packet.start, destination, source, EtherType.ipv6);
  return packet;
}

test('floods what is unknown, sends what it knows to one port, and goes up for its own', () => {
  const { heard, ends, bridge, ports } = switchOf(3);
  expect(heard(0, BROADCAST)).toBe('011 1');
  expect(heard(0, 0x0100_5e00_0001)).toBe('011 1');
  expect(heard(0, ends[1]!.mac)).toBe('011 0');
  expect(heard(1, ends[0]!.mac)).toBe('100 0');
  expect(heard(0, ends[1]!.mac)).toBe('010 0');
  expect(heard(0, bridge.mac)).toBe('000 1');
  expect(heard(0, ports[2]!.mac)).toBe('000 1');
  expect(heard(0, 0x0180_c200_000e)).toBe('000 0');
  expect(heard(0, ends[1]!.mac, 0x0100_0000_0001)).toBe('000 0');
});

test('an entry moves with its frames, ages after 300 s, and goes with its port', () => {
  const { lab, heard, ends, bridge, host, ports } = switchOf(3);
  heard(0, BROADCAST);
  heard(2, BROADCAST, ends[0]!.mac);
  expect(heard(1, ends[0]!.mac)).toBe('001 0');
  lab.run(299);
  expect(heard(1, ends[0]!.mac)).toBe('001 0');
  lab.run(1);
  expect(heard(1, ends[0]!.mac)).toBe('101 0');
  heard(0, BROADCAST);
  host.setUp(ports[0]!, false);
  host.setUp(ports[0]!, true);
  expect(heard(1, ends[0]!.mac)).toBe('101 0');
  host.setMaster(ports[0]!, undefined);
  expect(bridge.fdb.list(lab.world.nowNs).map(({ port }) => port?.device.name)).toEqual([
    undefined,
    'p1',
    'p2',
    'p1',
  ]);
});

test('hairpin, isolated, learning and flood flags', () => {
  const { heard, ends, ports, host } = switchOf(3);
  heard(0, BROADCAST, 0xaa);
  expect(heard(0, 0xaa)).toBe('000 0');
  expect(host.dropCounts.get('bridge port is no hairpin')).toBe(1);
  ports[0]!.bridgePort!.isHairpin = true;
  expect(heard(0, 0xaa)).toBe('100 0');
  ports[0]!.bridgePort!.isHairpin = false;
  ports[0]!.bridgePort!.isIsolated = true;
  ports[1]!.bridgePort!.isIsolated = true;
  expect(heard(0, BROADCAST)).toBe('001 1');
  ports[2]!.bridgePort!.isFlooding = false;
  expect(heard(0, 0xbb)).toBe('000 0');
  ports[2]!.bridgePort!.isLearning = false;
  heard(2, BROADCAST, 0xcc);
  ports[1]!.bridgePort!.isIsolated = false;
  expect(heard(0, 0xcc)).toBe('010 0');
  expect(ends.length).toBe(3);
});

test('carrier, MTU and MAC address follow the ports', () => {
  const lab = new Lab();
  const host = lab.namespace('host');
  const bridge = new Bridge('br0', 0x0600_0000_0000, 1500, false);
  host.addDevice(bridge);
  host.setUp(bridge, true);
  expect(bridge.hasCarrier).toBe(false);
  const add = (namespace: Namespace, name: string, mac: number, mtu: number): Veth => {
    const [end, port] = createVethPair('eth0', 1, name, mac, mtu);
    namespace.addDevice(end);
    host.addDevice(port);
    namespace.setUp(end, true);
    host.setUp(port, true);
    host.setMaster(port, bridge);
    return port;
  };
  add(lab.namespace('a'), 'p0', 0x0500, 1400);
  expect([bridge.hasCarrier, bridge.mtu, bridge.mac]).toEqual([true, 1400, 0x0500]);
  const second = add(lab.namespace('b'), 'p1', 0x0400, 1450);
  expect([bridge.mtu, bridge.mac]).toEqual([1400, 0x0400]);
  host.removeDevice(second);
  expect([bridge.mac, bridge.ports.length]).toEqual([0x0500, 1]);
});

test('a loop of two bridges does not end, but time goes on', () => {
  const lab = new Lab();
  const host = lab.namespace('host');
  const bridges = ['br0', 'br1'].map((name) => lab.bridge(host, name));
  for (let i = 0; i < 2; i++) {
    const [a, b] = lab.cable(host, `a${i}`, '', host, `b${i}`, '');
    host.setMaster(a, bridges[0]);
    host.setMaster(b, bridges[1]);
  }
  bridges[0]!.transmit(frame(BROADCAST, bridges[0]!.mac));
  lab.run(0.01);
  expect(bridges[1]!.statistics.rxPackets).toBeGreaterThan(1000);
  expect(lab.world.nowNs).toBe(10_000_000);
});
