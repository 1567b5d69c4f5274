/**
 * Overlays over an IPv6 underlay. The outer headers, the MTU of 1430 that a sender is told, and that
 * what it may not be told is lost were measured on Linux 6.18 with such a device in a namespace.
 */
import { expect, test } from 'vitest';
import { linkText } from '../net/show/link.ts';
import { formatSockets } from '../net/socket/show.ts';
import { ip } from '../net/testing/lab.ts';
import { readU16, readU32 } from '../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.ts';
import { isUdpChecksumRight } from '../wire/udp.ts';
import { OverlayLab, peer } from './testing/overlay-lab.ts';

function pair(underlayMtuBytes = 1500) {
  const lab = new OverlayLab({}, 1, underlayMtuBytes, 'ipv6');
  const c1 = lab.a.container('c1', '10.0.1.3');
  const c3 = lab.b.container('c3', '10.0.1.4');
  lab.introduce();
  return { lab, c1, c3 };
}

test('W9 over IPv6: the outer packet is the kernel’s', () => {
  const { lab, c1 } = pair();
  const seen: string[] = [];
  lab.a.namespace.deviceByName('eth0')!.tap = (_, { bytes, start, end }, isOutgoing) => {
    const at = start + ETHERNET_HEADER_BYTES;
    if (!isOutgoing || bytes[at + 6] !== 17) return;
    const isRight = isUdpChecksumRight(bytes, at + 40, end - at - 40, ip('fd00::1'), ip('fd00::2'));
    const head = readU32(bytes, at).toString(16);
    seen.push(`${head} ${readU16(bytes, at + 4)} ${bytes[at + 7]} ${isRight}`);
    expect([...bytes.subarray(at + 48, at + 56)]).toEqual([8, 0, 0, 0, 0, 0x10, 1, 0]);
  };
  const { lines, way } = lab.ping(c1, '10.0.1.4');
  expect(lines).toEqual(['64 bytes from 10.0.1.4: icmp_seq=1 ttl=64 time=0.000 ms']);
  // version 6, traffic class 0, flow label 0; payload 114; hop limit 64; a checksum
  expect(seen).toEqual(['60000000 114 64 true']);
  expect(way.filter((step) => /encapsulate|decapsulate| send /.test(step))).toEqual(
    [
      'a/c1 send ICMP 10.0.1.3 > 10.0.1.4',
      'a/1-o3j74f546r encapsulate vxlan0 VNI 4097 to fd00::2',
      'a send UDP [fd00::1]:33732 > [fd00::2]:4789',
      'b decapsulate vxlan0 VNI 4097 from fd00::1',
      'b/c3 send ICMP 10.0.1.4 > 10.0.1.3',
      'b/1-o3j74f546r encapsulate vxlan0 VNI 4097 to fd00::1',
      'b send UDP [fd00::2]:33732 > [fd00::1]:4789',
      'a decapsulate vxlan0 VNI 4097 from fd00::2',
    ].map((line) => line.replaceAll('33732', String(sourcePortOf(way)))),
  );
});

/** The port that the flow's hash gives. */
function sourcePortOf(way: readonly string[]): number {
  return Number(/\]:(\d+) > /.exec(way.join('\n'))![1]);
}

test('the overlay’s MTU stays 1450: who sets DF is told 1430, who does not loses the packet', () => {
  const { lab, c1 } = pair();
  const big = { payloadBytes: 1422, dontFragment: true };
  expect(lab.ping(c1, '10.0.1.4', big).lines).toEqual([
    'From 10.0.1.4 icmp_seq=1 Frag needed and DF set (mtu = 1430)',
  ]);
  expect(lab.ping(c1, '10.0.1.4', big).lines).toEqual([
    'ping: local error: message too long, mtu=1430',
  ]);
  c1.pathMtus.flush();
  const { statistics } = lab.a.overlay.vxlan!;
  const { txPackets } = statistics;
  // three fragments without DF: two of 1450 bytes, and one that fits
  expect(lab.ping(c1, '10.0.1.4', { payloadBytes: 3000 }).lines).toEqual([]);
  expect(lab.a.namespace.dropCounts.get('packet is too big')).toBe(2);
  expect([statistics.txErrors, statistics.txPackets]).toEqual([2, txPackets + 1]);
  expect(lab.ping(c1, '10.0.1.4', { payloadBytes: 1402 }).lines).toHaveLength(1);
});

test('devices and tools know the family', () => {
  const { lab } = pair();
  const { vxlan, namespace } = lab.a.overlay;
  expect(vxlan!.fdbLines()).toEqual([
    '02:42:0a:00:01:04 dev vxlan0 dst fd00::2 link-netnsid 0 self permanent',
  ]);
  expect(linkText(namespace!, { hasDetails: true, device: 'vxlan0' })).toContain(
    '\n    vxlan id 4097 srcport 0 0 dstport 4789 proxy l2miss l3miss ttl auto ageing 300 udpcsum ' +
      'noudp6zerocsumtx noudp6zerocsumrx \n',
  );
  expect(formatSockets(lab.a.namespace.sockets, { udp: true, all: true })).toMatch(
    /^UNCONN +0 +0 +\[::\]:4789 +\[::\]:\*/m,
  );
});

test.each([1, 2, 3] as const)(
  'generation %i: a device of the other family takes no VTEP',
  (generation) => {
    const lab = new OverlayLab({}, generation);
    const c1 = lab.a.container('c1', '10.0.1.3');
    const failure = lab.a.overlay.addPeer(peer('far', '10.0.1.9', 'fd00::2'));
    expect(failure).toMatch(/fd00::2 02:42:0a:00:01:09:? (error:)?address family not supported/);
    expect(lab.a.kernel()).toEqual(['10.0.1.9 02:42:0a:00:01:09']);
    expect(lab.ping(c1, '10.0.1.9').way.at(-1)).toMatch(/drop vxlan0 no VTEP is known/);
  },
);

test('a packet without a checksum is taken where the device allows it', () => {
  for (const zeroChecksum6Rx of [false, true]) {
    const { lab, c1 } = pair();
    for (const { namespace } of [lab.a, lab.b]) {
      const [socket] = namespace.sockets.udpSockets();
      socket!.takesNoChecksum6 = zeroChecksum6Rx;
    }
    lab.a.namespace.deviceByName('eth0')!.linked!.tap = (_, { bytes, start }) => {
      if (bytes[start + 20] === 17) bytes.fill(0, start + 60, start + 62);
    };
    const { lines, way } = lab.ping(c1, '10.0.1.4');
    expect(lines).toHaveLength(zeroChecksum6Rx ? 1 : 0);
    if (!zeroChecksum6Rx) expect(way.at(-1)).toBe('b drop socket UDP checksum is missing');
  }
});
