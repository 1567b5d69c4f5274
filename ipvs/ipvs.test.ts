/**
 * ipvs through real namespaces: the walk of a request to a VIP and back, and what happens to
 * connections whose destination is quiesced, removed, or comes back.
 */
import { expect, test } from 'vitest';
import {
  errorPacket,
  flowOf,
  flowText,
  hasRightChecksums,
  udpPacket,
  watched,
} from '../net/netfilter/fake-packets.ts';
import type { Packet } from '../net/packet.ts';
import { ip } from '../net/testing/lab.ts';
import { ttlOf } from '../wire/ipv4.ts';
import { flagsOf, TcpFlag } from '../wire/tcp.ts';
import { formatConnections } from './show.ts';
import { BalancedNetwork } from './testing/balanced-network.ts';

const { syn, ack, fin, rst } = TcpFlag;

function changesOf(packet: Packet): string[] {
  return packet
    .way!.steps.filter(({ event }) => event === 'rewrite' || event === 'schedule')
    .map(({ namespace, detail }) => `${namespace}: ${detail}`);
}

function flagsAt(packet: Packet): number {
  return flagsOf(packet.bytes, packet.start + 20);
}

test('W10: a request to a VIP goes to a server under the name of the balancer, and back', () => {
  const network = new BalancedNetwork();
  const server = network.addServer();
  const request = network.request(40000);
  expect(changesOf(request)).toEqual([
    expect.stringContaining('lb_net1: mark'),
    'lb_net1: FWM 257 rr -> 10.0.1.11',
    'lb_net1: dst 10.0.1.2:80 -> 10.0.1.11:80',
    'lb_net1: src 10.0.1.9:40000 -> 10.0.1.6:40000',
  ]);
  expect(server.received).toEqual([request]);
  expect(flowOf(request)).toBe('10.0.1.6:40000 > 10.0.1.11:80');
  expect(hasRightChecksums(request)).toBe(true);
  expect(ttlOf(request.bytes, request.start)).toBe(63);

  const answer = network.answer(server, syn | ack);
  expect(changesOf(answer)).toEqual([
    'lb_net1: dst 10.0.1.6:40000 -> 10.0.1.9:40000',
    'lb_net1: src 10.0.1.11:80 -> 10.0.1.2:80',
  ]);
  expect(network.client.received).toEqual([answer]);
  expect(flowOf(answer)).toBe('10.0.1.2:80 > 10.0.1.9:40000');
  expect(hasRightChecksums(answer)).toBe(true);
  expect(network.balancer.connections.list()).toMatch(
    /src=10.0.1.9 dst=10.0.1.2 sport=40000 dport=80 src=10.0.1.11 dst=10.0.1.6 sport=80 dport=40000/,
  );
});

test('a connection from its first packet to its last', () => {
  const network = new BalancedNetwork();
  const server = network.addServer();
  const line = () => formatConnections(network.ipvs).split('\n')[2];
  const { service } = network;
  const counts = () => [
    service.destinations[0]!.activeCount,
    service.destinations[0]!.inactiveCount,
  ];

  network.request(40000);
  expect(line()).toBe('TCP 01:00  SYN_RECV    10.0.1.9:40000     10.0.1.2:80        10.0.1.11:80');
  expect(counts()).toEqual([1, 0]);
  network.answer(server, syn | ack);
  network.request(40000, ack);
  expect(line()).toBe('TCP 15:00  ESTABLISHED 10.0.1.9:40000     10.0.1.2:80        10.0.1.11:80');
  expect(counts()).toEqual([1, 0]);
  network.lab.run(899.5);
  expect(line()).toMatch(/^TCP 00:00 {2}ESTABLISHED/);
  network.request(40000, fin | ack);
  network.answer(server, fin | ack);
  expect(line()).toMatch(/^TCP 02:00 {2}TIME_WAIT/);
  expect(counts()).toEqual([0, 1]);
  expect(network.balancer.connections.count).toBe(1);
  network.lab.run(120);
  expect(line()).toBe('');
  expect(counts()).toEqual([0, 0]);
  expect(network.balancer.connections.count).toBe(0);
  expect(network.lab.world.queue.pendingCount).toBeLessThan(20);
});

test('requests go round: the youngest server first', () => {
  const network = new BalancedNetwork();
  for (let i = 0; i < 3; i++) network.addServer();
  const choices = [1, 2, 3, 4, 5, 6].map((i) => network.serverOf(40000 + i));
  expect(choices).toEqual([3, 2, 1, 3, 2, 1]);
});

test('a quiesced server keeps its connections and gets no new ones', () => {
  const network = new BalancedNetwork();
  const first = network.addServer();
  expect(network.serverOf(40000)).toBe(1);
  const second = network.addServer();
  network.answer(first, syn | ack);
  network.service.setWeight(ip('10.0.1.11'), 0, 0);
  for (const port of [40001, 40002, 40003]) expect(network.serverOf(port)).toBe(2);
  network.request(40000, ack);
  expect(flagsAt(first.received.at(-1)!)).toBe(ack);
  expect(second.received).toHaveLength(3);
});

test('without expire_nodest_conn a removed server swallows packets until it comes back', () => {
  const network = new BalancedNetwork();
  network.balancer.sysctls.set('net.ipv4.vs.expire_nodest_conn', 0);
  const server = network.addServer();
  network.request(40000);
  network.answer(server, syn | ack);
  network.service.remove(ip('10.0.1.11'), 0);
  network.request(40000, ack);
  expect(server.received).toHaveLength(1);
  expect(network.ipvs.connections.count).toBe(1);
  network.service.add(ip('10.0.1.11'), 0, 1, 'masq');
  network.request(40000, ack);
  expect(server.received).toHaveLength(2);
  expect(network.service.destinations[0]!.activeCount).toBe(1);
});

test('no server, or none with a weight: ICMP port unreachable', () => {
  const network = new BalancedNetwork();
  network.request(40000);
  network.addServer(0);
  network.request(40001);
  const answers = network.client.received.map((p) => [
    flowText(p.bytes, p.start + 28),
    ...p.bytes.slice(p.start + 20, p.start + 22),
  ]);
  expect(answers).toEqual([
    ['10.0.1.9:40000 > 10.0.1.2:80', 3, 3],
    ['10.0.1.9:40001 > 10.0.1.2:80', 3, 3],
  ]);
  expect(network.ipvs.counters.noDestination).toBe(2);
});

test('a first packet that is no SYN finds nobody at the VIP', () => {
  const network = new BalancedNetwork();
  network.addServer();
  network.request(40000, ack);
  expect(flagsAt(network.client.received[0]!)).toBe(rst);
  network.balancer.sysctls.set('net.ipv4.vs.sloppy_tcp', 1);
  network.request(40000, ack);
  expect(network.servers[0]!.received).toHaveLength(1);
});

test('UDP: a flow stays with its server for 300 s after its last packet', () => {
  const network = new BalancedNetwork();
  for (let i = 0; i < 2; i++) network.addServer();
  const send = (port: number) => {
    const packet = watched(udpPacket(`10.0.1.9:${port}`, '10.0.1.2:53'));
    network.client.namespace.sendIpv4(packet);
    network.lab.run();
    return flowOf(packet);
  };
  expect(send(5000)).toBe('10.0.1.6:5000 > 10.0.1.12:53');
  expect(send(5001)).toBe('10.0.1.6:5001 > 10.0.1.11:53');
  network.lab.run(299);
  expect(send(5000)).toBe('10.0.1.6:5000 > 10.0.1.12:53');
  expect(formatConnections(network.ipvs)).toContain('UDP 05:00  UDP         10.0.1.9:5000 ');
  network.lab.run(301);
  expect(network.ipvs.connections.count).toBe(0);
});

test('an ICMP error about a request looks to the client as if the VIP had sent it', () => {
  const network = new BalancedNetwork();
  const server = network.addServer();
  const request = network.request(40000);
  const error = watched(errorPacket('10.0.1.11', request));
  server.namespace.sendIpv4(error);
  network.lab.run();
  expect(network.client.received).toEqual([error]);
  expect(flowText(error.bytes, error.start).split(' id')[0]).toBe('10.0.1.2 > 10.0.1.9');
  expect(flowText(error.bytes, error.start + 28)).toBe('10.0.1.9:40000 > 10.0.1.2:80');
  expect(hasRightChecksums(error)).toBe(true);
});

test('an ICMP error about a reply reaches the server', () => {
  const network = new BalancedNetwork();
  const server = network.addServer();
  network.request(40000);
  const answer = network.answer(server, syn | ack);
  const error = watched(errorPacket('10.0.1.9', answer));
  network.client.namespace.sendIpv4(error);
  network.lab.run();
  expect(server.received.at(-1)).toBe(error);
  expect(flowText(error.bytes, error.start + 28)).toBe('10.0.1.11:80 > 10.0.1.6:40000');
  expect(hasRightChecksums(error)).toBe(true);
});

test('route and tunnel bring the packet to the server as the client sent it', () => {
  for (const method of ['route', 'tunnel'] as const) {
    const network = new BalancedNetwork();
    network.balancer.sysctls.set('net.ipv4.vs.conntrack', 0);
    const server = network.addServer();
    network.service.remove(ip('10.0.1.11'), 0);
    network.service.add(ip('10.0.1.11'), 0, 1, method);
    network.lab.address(server.namespace.loopback, '10.0.1.2/32');
    network.request(40000);
    const received = server.received[0]!;
    const inner = received.start + (method === 'tunnel' ? 20 : 0);
    expect(flowText(received.bytes, inner)).toBe('10.0.1.9:40000 > 10.0.1.2:80');
    if (method === 'tunnel') {
      expect(received.bytes[received.start + 9]).toBe(4);
      expect(flowText(received.bytes, received.start)).toContain('10.0.1.6:');
    }
    network.request(40000, ack);
    network.request(40000, fin | ack);
    expect(formatConnections(network.ipvs)).toContain('TCP 02:00  FIN_WAIT ');
  }
});

test('thresholds: a full server gets no more until it has room again', () => {
  const network = new BalancedNetwork();
  const server = network.addServer();
  network.service.setThresholds(ip('10.0.1.11'), 0, 4, 0);
  for (let i = 0; i < 6; i++) network.request(40000 + i);
  expect(server.received).toHaveLength(4);
  network.lab.run(30);
  network.answer(server, rst);
  network.lab.run(10);
  network.request(40010);
  expect(server.received).toHaveLength(4);
  network.lab.run(20);
  network.request(40011);
  expect(server.received).toHaveLength(5);
});

test('each reason with which ipvs drops a packet stands on its way', () => {
  const endOf = (packet: Packet) => packet.way!.steps.at(-1)!.detail;
  const empty = new BalancedNetwork();
  expect(endOf(empty.request(40000))).toBe('ipvs has no destination');

  const gone = new BalancedNetwork();
  const server = gone.addServer();
  gone.request(40000);
  gone.answer(server, syn | ack);
  gone.service.remove(ip('10.0.1.11'), 0);
  expect(endOf(gone.request(40000, ack))).toBe(
    'ipvs destination is gone, conntrack still knows the connection',
  );

  const routed = new BalancedNetwork();
  routed.service.add(ip('192.0.2.1'), 0, 1, 'route');
  expect(endOf(routed.request(40000))).toBe('no route to the ipvs destination');
});
