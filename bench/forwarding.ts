/**
 * A packet through the stack: out of a container, over its veth and docker0, routed by the host, out
 * of the host's eth0. Two namespaces route it, four devices carry it; with rules, one connection is
 * tracked and masqueraded. The aim is 100,000 packets a second with rules.
 */

import { Bridge } from '../net/device/bridge.ts';
import type { Device } from '../net/device/device.ts';
import { Dummy } from '../net/device/dummy.ts';
import { createVethPair } from '../net/device/veth.ts';
import { HostCounters } from '../net/host-counters.ts';
import { Namespace } from '../net/namespace.ts';
import { HEADROOM_BYTES, Packet } from '../net/packet.ts';
import { World } from '../sim/world.ts';
import { parseIpv4Address } from '../wire/addresses.ts';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../wire/ipv4.ts';
import { writeUdpHeader } from '../wire/udp.ts';
import { nsPerOperation } from './support/measure.ts';
import { formatTable } from './support/table.ts';

const PACKET_COUNT = 400_000;
const BATCH = 100;
const PAYLOAD_BYTES = 100;
const PORT = 53;
const ip = (text: string): number => parseIpv4Address(text)!;

const world = new World('forwarding');
const counters = new HostCounters(world);
const host = new Namespace(world, { name: 'host', nodeIndex: 0, host: counters });
host.sysctls.set('net.ipv4.ip_forward', 1);
const container = new Namespace(world, { name: 'c1', nodeIndex: 0, host: counters, initial: host });

function bring(namespace: Namespace, device: Device, address: string, prefixLength: number): void {
  namespace.addDevice(device);
  if (address !== '') namespace.addAddress(device, { address: ip(address), prefixLength });
  namespace.setUp(device, true);
}

const bridge = new Bridge('docker0', 0x0242_0000_0001);
const uplink = new Dummy('eth0', 0x0200_0000_0001, 1500);
const [inner, outer] = createVethPair('eth0', 0x0242_ac11_0002, 'veth1', 0x0242_0000_0002);
bring(host, bridge, '172.17.0.1', 16);
bring(host, uplink, '203.0.113.10', 24);
bring(container, inner, '172.17.0.2', 16);
bring(host, outer, '', 0);
host.setMaster(outer, bridge);
container.addRoute({ destination: 0, prefixLength: 0, gateway: ip('172.17.0.1') });
container.neighbours.setPermanent(inner, ip('172.17.0.1'), bridge.mac);
host.neighbours.setPermanent(uplink, ip('203.0.113.1'), 0x0200_0000_0002);

const template = new Uint8Array(HEADROOM_BYTES + IPV4_HEADER_BYTES + PAYLOAD_BYTES);
writeIpv4Header(template, HEADROOM_BYTES, {
  totalLengthBytes: IPV4_HEADER_BYTES + PAYLOAD_BYTES,
  identification: 1,
  dontFragment: true,
  ttl: 64,
  protocol: IpProtocol.udp,
  source: ip('172.17.0.2'),
  destination: ip('203.0.113.1'),
});

writeUdpHeader(template, HEADROOM_BYTES + IPV4_HEADER_BYTES, 4000, PORT, PAYLOAD_BYTES, 0);

const packet = new Packet(template, HEADROOM_BYTES, template.length);
const { queue } = world;
let sentCount = 0;

function send(): void {
  for (let i = 0; i < PACKET_COUNT; i++) {
    container.sendIpv4(packet.clone());
    if (++sentCount % BATCH === 0) queue.runUntil(queue.nowNs + 1_000_000);
  }
}

/** What Docker 20.10 writes for one bridge, without published ports. */
const RULES = [
  '-t nat -N DOCKER',
  '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
  '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
  '-t nat -A DOCKER -i docker0 -j RETURN',
  '-P FORWARD DROP',
  '-N DOCKER',
  '-N DOCKER-ISOLATION-STAGE-1',
  '-N DOCKER-ISOLATION-STAGE-2',
  '-N DOCKER-USER',
  '-A FORWARD -j DOCKER-USER',
  '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
  '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A FORWARD -o docker0 -j DOCKER',
  '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
  '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
  '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
  '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
  '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
  '-A DOCKER-ISOLATION-STAGE-2 -j RETURN',
  '-A DOCKER-USER -j RETURN',
];

const bareNs = nsPerOperation(PACKET_COUNT, send, 3);
for (const rule of RULES) {
  const error = host.tables.run(rule);
  if (error !== undefined) throw new Error(error);
}
const filteredNs = nsPerOperation(PACKET_COUNT, send, 3);
if (uplink.statistics.txPackets < sentCount - BATCH) throw new Error('packets were lost');
console.log(
  formatTable(
    ['container, bridge, host', 'ns a packet', 'ratio'],
    [
      ['without netfilter', bareNs.toFixed(0), '1.0'],
      ["with Docker's rules", filteredNs.toFixed(0), (filteredNs / bareNs).toFixed(1)],
    ],
  ),
);
