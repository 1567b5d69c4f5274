/**
 * What a vxlan device counts, and what it does not, as measured on Linux 6.18 with crafted frames: bytes
 * are those of inner packets without their Ethernet headers, refused frames are not counted at all.
 */
import { expect, test } from 'vitest';
import type { DeviceStatistics } from '../net/device/device.ts';
import { Packet } from '../net/packet.ts';
import { ip } from '../net/testing/lab.ts';
import { macOfIpv4 } from '../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, type EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import { OverlayLab } from './testing/overlay-lab.ts';
import { VxlanDevice } from './vxlan-device.ts';

const A1 = macOfIpv4(ip('10.0.1.3'));
const FAR = macOfIpv4(ip('10.0.1.9'));

function lab() {
  const overlay = new OverlayLab();
  overlay.a.container('a1', '10.0.1.3');
  const vxlan = overlay.a.overlay.vxlan!;
  const frame = (to: number, from = A1) => {
    const packet = Packet.allocate(ETHERNET_HEADER_BYTES + 28);
    writeEthernetHeader(packet.bytes, packet.start, to, from, 0x88b5 as EtherType);
    return packet;
  };
  /** What changed, by name. */
  const change = (act: () => void): Partial<DeviceStatistics> => {
    const before = { ...vxlan.statistics };
    act();
    overlay.run(0.1);
    const entries = Object.entries(vxlan.statistics) as [keyof DeviceStatistics, number][];
    return Object.fromEntries(
      entries.filter(([key, value]) => value !== before[key]).map(([k, v]) => [k, v - before[k]]),
    );
  };
  return { overlay, vxlan, frame, change };
}

test('received frames', () => {
  const { vxlan, frame, change } = lab();
  const from = (mac: number, remote = '192.168.1.2') => {
    return change(() => vxlan.decapsulate(frame(A1, mac), ip(remote), 0));
  };
  vxlan.fdb.replace(FAR, ip('192.168.1.7'), 0, 'static');
  expect(from(macOfIpv4(ip('10.0.1.4')))).toEqual({ rxPackets: 1, rxBytes: 28 });
  for (const mac of [vxlan.mac, 0, 0xffff_ffff_ffff, FAR]) expect(from(mac)).toEqual({});
  expect(from(FAR, '192.168.1.7')).toEqual({ rxPackets: 1, rxBytes: 28 });
});

test('sent frames', () => {
  const { overlay, vxlan, frame, change } = lab();
  const to = (mac: number) => change(() => vxlan.transmit(frame(mac)));
  expect([to(FAR), vxlan.l2MissCount]).toEqual([{ txDropped: 1 }, 1]);
  // nobody is told of a group without a VTEP
  expect([to(0xffff_ffff_ffff), vxlan.l2MissCount]).toEqual([{ txDropped: 1 }, 1]);
  vxlan.fdb.replace(FAR, ip('192.168.1.9'), 0);
  expect(to(FAR)).toEqual({ txPackets: 1, txBytes: 28 });
  overlay.a.namespace.addRoute({
    destination: ip('192.168.1.9'),
    prefixLength: 32,
    type: 'unreachable',
  });
  expect(to(FAR)).toEqual({ txErrors: 1, txCarrierErrors: 1 });
  overlay.a.namespace.tables.run('-A OUTPUT -p udp --dport 4789 -j DROP');
  vxlan.fdb.replace(FAR, ip('192.168.1.2'), 0);
  expect(to(FAR)).toEqual({ txErrors: 1 });
});

test('a VTEP that is the host itself: the frame goes to who has the VNI here, and both count it', () => {
  const { overlay, vxlan, frame, change } = lab();
  vxlan.fdb.replace(FAR, ip('192.168.1.1'), 0);
  const whole = { txPackets: 1, txBytes: 42, rxPackets: 1, rxBytes: 42 };
  expect(change(() => vxlan.transmit(frame(FAR)))).toEqual(whole);
  expect(vxlan.fdb.find(A1, 0)?.remote).toBe(ip('127.0.0.1'));
  expect(overlay.a.namespace.deviceByName('eth0')!.statistics.txPackets).toBe(0);
});

test('ARP of the proxy is not counted', () => {
  const { overlay, vxlan, change } = lab();
  overlay.b.container('b1', '10.0.1.4');
  overlay.introduce();
  const { namespace } = overlay.a.overlay;
  const other = overlay.a.container('a2', '10.0.1.5');
  expect(namespace!.deviceByName('vxlan0')).toBe(vxlan);
  const udp = () => other.sendIpv4(overlay.udp('10.0.1.5', '10.0.1.99', 9));
  expect(change(udp)).toEqual({});
  expect(vxlan.l3MissCount).toBe(1);
});

test('a device that goes down gives the port back and forgets what it has learned', () => {
  const { overlay, vxlan } = lab();
  const { namespace } = overlay.a;
  vxlan.fdb.snoop(FAR, ip('192.168.1.2'), 0);
  vxlan.fdb.add(A1, ip('192.168.1.2'), 0, 'static');
  const twin = new VxlanDevice({ ...vxlan.options, name: 'twin' });
  expect(twin.register()).toBe('file exists');
  vxlan.namespace.setUp(vxlan, false);
  expect(namespace.sockets.udpSockets()).toEqual([]);
  expect(vxlan.fdb.list(0).map(({ state }) => state)).toEqual(['static']);
  expect(twin.register()).toBe('file exists');
  const program = namespace.sockets.openUdp();
  program.bind(4789);
  expect(vxlan.openSocket()).toBe('address already in use');
});

test('a program that has the port keeps the overlay away', () => {
  const overlay = new OverlayLab();
  overlay.a.namespace.sockets.openUdp().bind(4789);
  const container = overlay.namespace('a/c1', overlay.a.namespace);
  expect(overlay.a.overlay.join('c1', container, 'eth0', ip('10.0.1.3'))).toBe(
    'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": vxlan interface ' +
      'creation failed for subnet "10.0.1.0/24": failed to set link up: address already in use',
  );
});
