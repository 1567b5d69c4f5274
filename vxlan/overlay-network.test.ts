import { expect, test } from 'vitest';
import type { Bridge } from '../net/device/bridge.ts';
import { bridgeFdbText } from '../net/show/bridge-fdb.ts';
import { linkText } from '../net/show/link.ts';
import { neighbourText } from '../net/show/neighbour.ts';
import { routeText } from '../net/show/route.ts';
import { formatSockets } from '../net/socket/show.ts';
import { ip } from '../net/testing/lab.ts';
import { parsePrefix } from '../wire/addresses.ts';
import { hasDontFragment, tosOf, ttlOf } from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import { isUdpChecksumRight } from '../wire/udp.ts';
import { OverlayNetwork, overlayMtuBytes } from './overlay-network.ts';
import { OverlayLab, peer } from './testing/overlay-lab.ts';

/** c1 10.0.1.3 on a, c3 10.0.1.9 on b, both known everywhere. */
function pair(...args: ConstructorParameters<typeof OverlayLab>) {
  const lab = new OverlayLab(...args);
  const c1 = lab.a.container('c1', '10.0.1.3');
  const c3 = lab.b.container('c3', '10.0.1.9');
  lab.introduce();
  return { lab, c1, c3 };
}

test('W8: containers on one host meet on the bridge; vxlan0 consumes the ARP request', () => {
  const { lab, c1 } = pair();
  lab.a.container('c2', '10.0.1.4');
  const { lines, way } = lab.ping(c1, '10.0.1.4');
  expect(lines).toEqual(['64 bytes from 10.0.1.4: icmp_seq=1 ttl=64 time=0.000 ms']);
  expect(way).toEqual([
    'a/c1 send ICMP 10.0.1.3 > 10.0.1.4',
    'a/c1 route eth0 waits for the MAC address of 10.0.1.4',
    'a/c1 transmit eth0',
    'a/1-o3j74f546r receive veth0',
    'a/1-o3j74f546r transmit veth1',
    'a/c2 receive eth0',
    'a/c2 route lo local',
    'a/c2 deliver icmp type 8 code 0',
    'a/c2 send ICMP 10.0.1.4 > 10.0.1.3',
    'a/c2 transmit eth0',
    'a/1-o3j74f546r receive veth1',
    'a/1-o3j74f546r transmit veth0',
    'a/c1 receive eth0',
    'a/c1 route lo local',
    'a/c1 deliver icmp type 0 code 0',
    'a/c1 deliver ping',
  ]);
  const reason = 'no neighbour is known for the address';
  expect(lab.a.overlay.namespace!.dropCounts.get(reason)).toBe(1);
  expect(lab.a.overlay.vxlan!.l3MissCount).toBe(1);
});

test('W9: containers on two hosts meet through the tunnel, there and back', () => {
  const { lab, c1 } = pair();
  const { lines, way } = lab.ping(c1, '10.0.1.9');
  expect(lines).toEqual(['64 bytes from 10.0.1.9: icmp_seq=1 ttl=64 time=0.000 ms']);
  expect(way.filter((step) => !step.includes('waits for the MAC'))).toEqual([
    'a/c1 send ICMP 10.0.1.3 > 10.0.1.9',
    'a/c1 transmit eth0',
    'a/1-o3j74f546r receive veth0',
    'a/1-o3j74f546r transmit vxlan0',
    'a/1-o3j74f546r encapsulate vxlan0 VNI 4097 to 192.168.1.2',
    'a send UDP 192.168.1.1:33732 > 192.168.1.2:4789',
    'a transmit eth0',
    'b receive eth0',
    'b route lo local',
    'b deliver udp port 4789',
    'b decapsulate vxlan0 VNI 4097 from 192.168.1.1',
    'b/1-o3j74f546r receive vxlan0',
    'b/1-o3j74f546r transmit veth0',
    'b/c3 receive eth0',
    'b/c3 route lo local',
    'b/c3 deliver icmp type 8 code 0',
    'b/c3 send ICMP 10.0.1.9 > 10.0.1.3',
    'b/c3 transmit eth0',
    'b/1-o3j74f546r receive veth0',
    'b/1-o3j74f546r transmit vxlan0',
    'b/1-o3j74f546r encapsulate vxlan0 VNI 4097 to 192.168.1.1',
    'b send UDP 192.168.1.2:33732 > 192.168.1.1:4789',
    'b transmit eth0',
    'a receive eth0',
    'a route lo local',
    'a deliver udp port 4789',
    'a decapsulate vxlan0 VNI 4097 from 192.168.1.2',
    'a/1-o3j74f546r receive vxlan0',
    'a/1-o3j74f546r transmit veth0',
    'a/c1 receive eth0',
    'a/c1 route lo local',
    'a/c1 deliver icmp type 0 code 0',
    'a/c1 deliver ping',
  ]);
});

test('the outer packet is the kernel’s: TTL 64, no DF, a right checksum, ECN copied', () => {
  const { lab, c1 } = pair();
  const seen: string[] = [];
  lab.a.namespace.deviceByName('eth0')!.tap = (_, { bytes, start, end }, isOutgoing) => {
    const at = start + 14;
    if (!isOutgoing || bytes[at + 9] !== 17) return;
    const isRight = isUdpChecksumRight(
      bytes,
      at + 20,
      end - at - 20,
      ip('192.168.1.1'),
      ip('192.168.1.2'),
    );
    seen.push(`${ttlOf(bytes, at)} ${hasDontFragment(bytes, at)} ${isRight} ${tosOf(bytes, at)}`);
    expect([...bytes.subarray(at + 28, at + 36)]).toEqual([8, 0, 0, 0, 0, 0x10, 1, 0]);
  };
  lab.ping(c1, '10.0.1.9');
  c1.sockets.onSend = (packet) => {
    packet.bytes[packet.start + 1] = 3;
    packet.bytes[packet.start + 11]! -= 3;
  };
  const socket = c1.sockets.openUdp();
  socket.sendTo(new Uint8Array(8), ip('10.0.1.9'), 9);
  lab.run(1);
  expect(seen).toEqual(['64 false true 0', '64 false true 2']);
});

test('an address that nobody has: the ARP request stays on the host, the sender learns in 3 s', () => {
  const { lab, c1 } = pair();
  const { lines } = lab.ping(c1, '10.0.1.77', { count: 1 });
  expect(lines).toEqual(['From 10.0.1.3 icmp_seq=1 Destination Host Unreachable']);
  expect(lab.a.overlay.vxlan!.l3MissCount).toBe(3);
  expect(lab.a.namespace.deviceByName('eth0')!.statistics.txPackets).toBe(0);
});

test('an unknown MAC address has no VTEP: dropped on vxlan0', () => {
  const { lab, c1 } = pair();
  lab.ping(c1, '10.0.1.9');
  lab.a.overlay.vxlan!.fdb.remove(0x0242_0a00_0109, ip('192.168.1.2'));
  const { lines, way } = lab.ping(c1, '10.0.1.9');
  expect(lines).toEqual([]);
  expect(way.slice(-2)).toEqual([
    'a/1-o3j74f546r route vxlan0 frame for 02:42:0a:00:01:09',
    'a/1-o3j74f546r drop vxlan0 no VTEP is known for the MAC address',
  ]);
  expect(lab.a.overlay.vxlan!.statistics.txDropped).toBe(1);
});

test('a frame from a MAC that is permanent behind another VTEP is refused', () => {
  const { lab, c1 } = pair();
  lab.b.overlay.removePeer(peer('c1', '10.0.1.3', '192.168.1.1'));
  lab.b.overlay.addPeer(peer('other', '10.0.1.3', '192.168.1.99'));
  const { lines, way } = lab.ping(c1, '10.0.1.9');
  expect(lines).toEqual([]);
  expect(way.at(-1)).toBe(
    'b/1-o3j74f546r drop vxlan0 a permanent entry puts the source behind another VTEP',
  );
});

test('without an overlay the host says that its port is closed, and nobody in it hears', () => {
  const { lab, c1 } = pair();
  lab.b.overlay.leave('c3');
  let errorCount = 0;
  lab.a.namespace.deviceByName('eth0')!.tap = (_, { bytes, start }, isOutgoing) => {
    if (!isOutgoing && bytes[start + 14 + 9] === 1) errorCount++;
  };
  const { lines, way } = lab.ping(c1, '10.0.1.9');
  expect([lines, way.at(-1), errorCount]).toEqual([[], 'b drop socket UDP port is closed', 1]);
});

test('a frame for a VNI that the host does not have vanishes', () => {
  const { lab, c1 } = pair();
  lab.b.overlay.leave('c3');
  const other = new OverlayNetwork(lab.b, { ...lab.b.overlay.options, id: 'other', vni: 4098 });
  other.join('c9', lab.namespace('b/c9'), 'eth0', ip('10.0.1.9'));
  const { lines, way } = lab.ping(c1, '10.0.1.9');
  expect([lines, way.at(-1)]).toEqual([[], 'b drop vxlan no vxlan device has this VNI']);
});

test('a packet too big for the underlay is answered in the name of its destination', () => {
  const { lab, c1 } = pair({}, 1, 1400);
  const big = { payloadBytes: 1422, dontFragment: true };
  expect(lab.ping(c1, '10.0.1.9', big).lines).toEqual([
    'From 10.0.1.9 icmp_seq=1 Frag needed and DF set (mtu = 1350)',
  ]);
  expect(lab.ping(c1, '10.0.1.9', big).lines).toEqual([
    'ping: local error: message too long, mtu=1350',
  ]);
  expect(lab.ping(c1, '10.0.1.9', { payloadBytes: 1322, dontFragment: true }).lines).toEqual([
    '1330 bytes from 10.0.1.9: icmp_seq=1 ttl=64 time=0.000 ms',
  ]);
  expect(lab.ping(c1, '10.0.1.9', { payloadBytes: 2000 }).lines).toHaveLength(1);
});

test('the overlay’s own MTU is known to the sender', () => {
  const { lab, c1 } = pair();
  const fits = { payloadBytes: 1422, dontFragment: true };
  expect(lab.ping(c1, '10.0.1.9', fits).lines).toHaveLength(1);
  const tooBig = { payloadBytes: 1423, dontFragment: true };
  expect(lab.ping(c1, '10.0.1.9', tooBig).lines).toEqual([
    'ping: local error: message too long, mtu=1450',
  ]);
  expect([overlayMtuBytes(1500, false), overlayMtuBytes(1500, true)]).toEqual([1450, 1424]);
});

test('TCP over the tunnel: segments of 1410 bytes, no fragment on the underlay', () => {
  const { lab, c1, c3 } = pair();
  let receivedBytes = 0;
  c3.sockets.listen({
    port: 80,
    onConnection: () => ({
      onData: (bytes) => {
        receivedBytes += bytes.length;
      },
    }),
  });
  const offered: (number | undefined)[] = [];
  let longest = 0;
  c1.sockets.onSend = ({ bytes, start, end }) => {
    offered.push(tcp.parseTcpOptions(bytes, start + 20).maximumSegmentBytes);
    longest = Math.max(longest, end - start);
  };
  let fragments = 0;
  lab.a.namespace.deviceByName('eth0')!.tap = (_, { bytes, start }) => {
    if ((bytes[start + 20]! & 0x3f) !== 0) fragments++;
  };
  c1.sockets.connect({
    address: ip('10.0.1.9'),
    port: 80,
    handlers: { onConnected: (connection) => connection.send(new Uint8Array(200_000)) },
  });
  lab.run(2);
  expect(receivedBytes).toBe(200_000);
  expect([offered[0], longest, fragments]).toEqual([1410, 1450, 0]);
});

test('what the tools print is what a real node prints', () => {
  const { lab, c1 } = pair();
  lab.ping(c1, '10.0.1.9');
  const namespace = lab.a.overlay.namespace!;
  const fdb = bridgeFdbText(namespace).split('\n');
  expect(fdb.filter((line) => line.includes('02:42:0a:00:01:09'))).toEqual([
    '02:42:0a:00:01:09 dev vxlan0 master br0 ',
    '02:42:0a:00:01:09 dev vxlan0 dst 192.168.1.2 link-netnsid 0 self permanent',
  ]);
  expect(neighbourText(namespace)).toContain(
    '10.0.1.9 dev vxlan0 lladdr 02:42:0a:00:01:09 PERMANENT',
  );
  expect(linkText(namespace, { device: 'vxlan0', hasDetails: true })).toContain(
    'vxlan id 4097 srcport 0 0 dstport 4789 proxy l2miss l3miss ttl auto ageing 300 udpcsum ' +
      'noudp6zerocsumtx noudp6zerocsumrx ',
  );
  expect(linkText(namespace)).toContain('vxlan0@if');
  expect(routeText(namespace)).toBe('10.0.1.0/24 dev br0 proto kernel scope link src 10.0.1.1 \n');
  const sockets = formatSockets(lab.a.namespace.sockets, { udp: true, all: true });
  expect(sockets).toContain('UNCONN 0      0            0.0.0.0:4789');
  const bridge = namespace.deviceByName('br0') as Bridge;
  expect(bridge.mac).toBe(Math.min(...bridge.ports.map((port) => port.device.mac)));
});

test('the namespace goes with the last endpoint; the next one is 2-…, with all known peers', () => {
  const lab = new OverlayLab();
  lab.a.overlay.addPeer(peer('far', '10.0.1.9', '192.168.1.2'));
  expect(lab.a.overlay.namespace).toBeUndefined();
  lab.a.container('c1', '10.0.1.3');
  expect([...lab.a.namespaces.keys()]).toEqual(['1-o3j74f546r']);
  lab.a.overlay.leave('c1');
  expect([...lab.a.namespaces.keys()]).toEqual([]);
  expect(lab.a.namespace.sockets.udpSockets()).toEqual([]);
  lab.a.container('c2', '10.0.1.4');
  expect([...lab.a.namespaces.keys()]).toEqual(['2-o3j74f546r']);
  expect(lab.a.overlay.vxlan!.fdb.list(0)).toHaveLength(1);
  expect(lab.a.namespace.sysctls.number('net.ipv4.neigh.default.gc_thresh3')).toBe(65_536);
});

test('a VNI that the host has already: docker’s error; the peers of before are forgotten', () => {
  const lab = new OverlayLab();
  lab.a.container('c1', '10.0.1.3');
  const twin = new OverlayNetwork(lab.a, { ...lab.a.overlay.options, id: 'twin000000' });
  twin.addPeer(peer('early', '10.0.1.8', '192.168.1.2'));
  const join = () => twin.join('t1', lab.namespace('a/t1'), 'eth0', ip('10.0.1.4'));
  expect(join()).toBe(
    'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": ' +
      'error creating vxlan interface: file exists',
  );
  expect([...lab.a.namespaces.keys()]).toEqual(['1-o3j74f546r', '1-twin000000']);
  lab.a.overlay.leave('c1');
  expect(typeof join()).toBe('object');
  twin.addPeer(peer('late', '10.0.1.9', '192.168.1.2'));
  expect(neighbourText(twin.namespace!)).not.toContain('10.0.1.8');
  expect(neighbourText(twin.namespace!)).toContain('10.0.1.9 dev vxlan0');
});

test('a second subnet has its own bridge and VNI, and a route through the gateway', () => {
  const second = { subnet: parsePrefix('10.0.2.0/24')!, gateway: ip('10.0.2.1'), vni: 4098 };
  const lab = new OverlayLab({ moreSubnets: [second] });
  const c1 = lab.a.container('c1', '10.0.1.3');
  expect(routeText(c1)).toContain('10.0.2.0/24 via 10.0.1.1 dev eth0');
  const names = () => lab.a.overlay.namespace!.devices.list().map((device) => device.name);
  expect(names()).toEqual(['lo', 'br0', 'vxlan0', 'veth0']);
  lab.a.overlay.addPeer(peer('far', '10.0.2.9', '192.168.1.2'));
  expect(names().sort()).toEqual(['br0', 'br1', 'lo', 'veth0', 'vxlan0', 'vxlan1']);
});
