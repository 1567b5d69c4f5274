/**
 * Persistent services: a client comes back to its server as long as the template lives, and what
 * quiescing and removing a server does to that.
 */
import { expect, test } from 'vitest';
import { flowOf, tcpPacket, udpPacket } from '../net/netfilter/fake-packets.ts';
import { ip } from '../net/testing/lab.ts';
import { assert } from '../sim/assert.ts';
import { SECOND_NS } from '../sim/time.ts';
import { TcpFlag } from '../wire/tcp.ts';
import { formatConnections, formatRates, formatRules, formatServices } from './show.ts';
import { BalancedNetwork } from './testing/balanced-network.ts';

const { syn, ack } = TcpFlag;

function persistent(servers = 2, maskBits = 32): BalancedNetwork {
  const network = new BalancedNetwork();
  for (let i = 0; i < servers; i++) network.addServer();
  network.service.persistence = { timeoutNs: 300 * SECOND_NS, maskBits };
  return network;
}

test('a client keeps its server until the template has not been used for its time', () => {
  const network = persistent();
  expect([1, 2, 3].map((i) => network.serverOf(40000 + i))).toEqual([2, 2, 2]);
  expect(formatConnections(network.ipvs)).toContain(
    'IP  05:00  NONE        10.0.1.9:0         0.0.1.1:0          10.0.1.12:0\n',
  );
  expect(formatServices(network.ipvs)).toContain('FWM  257 rr persistent 300\n');
  expect(formatRules(network.ipvs)).toContain('-A -f 257 -s rr -p 300\n');
  network.lab.run(299);
  expect(network.serverOf(40010)).toBe(2);
  network.lab.run(299);
  expect(network.serverOf(40011)).toBe(2);
  network.lab.run(361);
  expect(network.ipvs.connections.count).toBe(0);
  expect(network.serverOf(40012)).toBe(1);
});

test('a template is assured once a connection of it is established, and void with its server', () => {
  const network = persistent();
  network.request(40000);
  network.answer(network.servers[1]!, syn | ack);
  network.request(40000, ack);
  expect(formatConnections(network.ipvs)).toContain('IP  05:00  ASSURED     10.0.1.9:0 ');
  network.balancer.sysctls.set('net.ipv4.vs.expire_nodest_conn', 0);
  network.service.remove(ip('10.0.1.12'), 0);
  expect(network.serverOf(40001)).toBe(1);
  const lines = formatConnections(network.ipvs).split('\n');
  expect(lines.filter((line) => line.startsWith('IP '))).toEqual([
    'IP  05:00  ASSURED     10.0.1.9:0         0.0.1.1:65535      10.0.1.12:65535',
    'IP  05:00  NONE        10.0.1.9:0         0.0.1.1:0          10.0.1.11:0',
  ]);
});

test('a persistent service with port 0 takes a client to one server on all ports', () => {
  const network = new BalancedNetwork();
  network.balancer.tables.run('-t mangle -F');
  for (let i = 0; i < 3; i++) network.addServer();
  const key = { protocol: 6, address: ip('10.0.1.2'), port: 0 };
  const service = network.ipvs.addService(key, 'rr');
  assert(typeof service !== 'string', 'it is new');
  for (const { address } of network.service.destinations) service.add(address, 0, 1, 'masq');
  service.persistence = { timeoutNs: 60 * SECOND_NS, maskBits: 32 };
  const ports = [80, 443, 80].map((port, i) => {
    const packet = tcpPacket(`10.0.1.9:${5000 + i}`, `10.0.1.2:${port}`, { flags: syn });
    network.client.namespace.sendIpv4(packet);
    network.lab.run();
    return flowOf(packet).split(' > ')[1];
  });
  expect(ports).toEqual(['10.0.1.11:80', '10.0.1.11:443', '10.0.1.11:80']);
  expect(formatConnections(network.ipvs)).toContain('TCP 01:00  NONE        10.0.1.9:0 ');
});

test('one-packet scheduling: each datagram is a connection of its own, which nobody sees', () => {
  const network = new BalancedNetwork();
  for (let i = 0; i < 2; i++) network.addServer();
  network.service.isOnePacket = true;
  const targets = [1, 2, 3].map(() => {
    const packet = udpPacket('10.0.1.9:5000', '10.0.1.2:53');
    network.client.namespace.sendIpv4(packet);
    network.lab.run();
    network.balancer.connections.deleteByAddress(ip('10.0.1.9'));
    return flowOf(packet).split(' > ')[1];
  });
  expect(targets).toEqual(['10.0.1.12:53', '10.0.1.11:53', '10.0.1.12:53']);
  expect(network.ipvs.connections.count).toBe(0);
  expect(network.service.connectionCount).toBe(3);
  expect(network.service.destinations.map(({ inactiveCount }) => inactiveCount)).toEqual([0, 0]);
});

test('a template waits for the connections that it has chosen for', () => {
  const network = persistent();
  network.service.persistence = { timeoutNs: SECOND_NS, maskBits: 32 };
  network.request(40000);
  network.lab.run(30);
  expect(network.ipvs.connections.count).toBe(2);
  expect(network.serverOf(40001)).toBe(2);
  network.lab.run(200);
  expect(network.ipvs.connections.count).toBe(0);
});

test('clients of one subnet are the same client to a mask', () => {
  const network = persistent(2, 24);
  expect(formatServices(network.ipvs)).toContain('rr persistent 300 mask 255.255.255.0\n');
  const other = network.station('other', '10.0.1.20/24');
  expect(network.serverOf(40000)).toBe(2);
  other.namespace.sendIpv4(tcpPacket('10.0.1.20:40000', '10.0.1.2:80', { flags: 2 }));
  network.lab.run();
  expect(network.servers.map(({ received }) => received.length)).toEqual([0, 2]);
});

test('a quiesced server keeps its clients, unless expire_quiescent_template says otherwise', () => {
  for (const [isStrict, expected] of [
    [0, 2],
    [1, 1],
  ] as const) {
    const network = persistent();
    network.balancer.sysctls.set('net.ipv4.vs.expire_quiescent_template', isStrict);
    expect(network.serverOf(40000)).toBe(2);
    network.service.setWeight(ip('10.0.1.12'), 0, 0);
    expect([isStrict, network.serverOf(40001)]).toEqual([isStrict, expected]);
  }
});

test('a removed server loses its clients', () => {
  const network = persistent();
  expect(network.serverOf(40000)).toBe(2);
  network.service.remove(ip('10.0.1.12'), 0);
  expect(network.serverOf(40001)).toBe(1);
  network.service.remove(ip('10.0.1.11'), 0);
  network.request(40002);
  expect(network.ipvs.counters.noDestination).toBe(1);
});

test('rates: a quarter of the way every 2 s, and down again', () => {
  const network = new BalancedNetwork();
  network.addServer();
  const rate = () => formatRates(network.ipvs).split('\n')[3]!.split(/ +/).slice(2).map(Number);
  expect(rate()).toEqual([0, 0, 0, 0, 0]);
  for (let i = 0; i < 40; i++) network.request(40000 + i);
  network.lab.run(2);
  expect(rate()).toEqual([5, 5, 0, 200, 0]);
  for (let i = 0; i < 40; i++) network.request(41000 + i);
  network.lab.run(2);
  expect(rate()).toEqual([9, 9, 0, 350, 0]);
  network.lab.run(120);
  expect(rate()).toEqual([0, 0, 0, 0, 0]);
  expect(formatRates(network.ipvs)).toContain(
    'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n' +
      '  -> RemoteAddress:Port\n' +
      'FWM  257                                 0        0        0        0        0\n',
  );
});
