/**
 * Packets through a host with Docker's rules: published port, masquerading, isolation. Every step
 * of the first packet is compared, and what both ends see.
 */
import { expect, test } from 'vitest';
import { formatIpv4Address } from '../wire/addresses.ts';
import type { Namespace } from './namespace.ts';
import type { Packet } from './packet.ts';
import { ip, Lab, wayOf } from './testing/lab.ts';
import { Way } from './way.ts';

const RULES = [
  '-t nat -N DOCKER',
  '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
  '-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
  '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
  '-t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE',
  '-t nat -A DOCKER -i docker0 -j RETURN',
  '-t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
  '-P FORWARD DROP',
  '-N DOCKER',
  '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A FORWARD -o docker0 -j DOCKER',
  '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
  '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
  '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
];

/** Client - host 203.0.113.10 with docker0 - container 172.17.0.2, whose port 80 is 8080 outside. */
function publishedPort() {
  const lab = new Lab();
  const host = lab.namespace('host');
  host.sysctls.set('net.ipv4.ip_forward', 1);
  const client = lab.namespace('client');
  const c1 = lab.namespace('c1', host);
  const c2 = lab.namespace('c2', host);
  lab.cable(host, 'eth0', '203.0.113.10/24', client, 'eth0', '203.0.113.7/24');
  const bridge = lab.bridge(host, 'docker0', '172.17.0.1/16');
  for (const [container, address] of [
    [c1, '172.17.0.2/16'],
    [c2, '172.17.0.3/16'],
  ] as const) {
    const [, port] = lab.cable(container, 'eth0', address, host, `veth-${container.name}`, '');
    host.setMaster(port, bridge);
    lab.route(container, 'default', { gateway: ip('172.17.0.1') });
  }
  for (const rule of RULES) expect(host.tables.run(rule), rule).toBeUndefined();
  const seen: string[] = [];
  c1.sockets.listen({
    port: 80,
    onConnection: (connection) => {
      seen.push(formatIpv4Address(connection.remoteAddress));
      return { onData: (bytes) => connection.send(bytes) };
    },
  });
  /** Connects, sends four bytes and tells what came back, and the way of the first packet. */
  const ask = (from: Namespace, to: string, port: number) => {
    const answer: number[] = [];
    let first: Packet | undefined;
    from.sockets.onSend = (packet) => {
      if (first !== undefined) return;
      first = packet;
      packet.way = new Way();
    };
    from.sockets.connect({
      address: ip(to),
      port,
      handlers: {
        onConnected: (connection) => connection.send(Uint8Array.of(1, 2, 3, 4)),
        onData: (bytes) => answer.push(...bytes),
      },
    });
    lab.run(0.5);
    from.sockets.onSend = undefined;
    return { answer: answer.join(''), steps: first === undefined ? [] : wayOf(first) };
  };
  return { lab, host, client, c1, c2, seen, ask };
}

test('W1: a client reaches a published port, and the container sees its address', () => {
  const { host, client, seen, ask } = publishedPort();
  const { answer, steps } = ask(client, '203.0.113.10', 8080);
  expect(answer).toBe('1234');
  expect(seen).toEqual(['203.0.113.7']);
  expect(steps.filter((step) => step.startsWith('host') && !step.includes(' rule '))).toEqual([
    'host receive eth0',
    'host rewrite PREROUTING dst 203.0.113.10:8080 -> 172.17.0.2:80',
    'host route docker0 dev docker0',
    'host route docker0 waits for the MAC address of 172.17.0.2',
    'host transmit docker0',
    'host transmit veth-c1',
  ]);
  expect(host.connections.list()).toMatch(
    /src=203.0.113.7 dst=203.0.113.10 sport=\d+ dport=8080 src=172.17.0.2 dst=203.0.113.7 sport=80/,
  );
});

test('W2: a container reaches the outside with the address of the host', () => {
  const { client, c2, ask } = publishedPort();
  const seen: string[] = [];
  client.sockets.listen({
    port: 443,
    onConnection: (connection) => {
      seen.push(formatIpv4Address(connection.remoteAddress));
      return { onData: (bytes) => connection.send(bytes) };
    },
  });
  expect(ask(c2, '203.0.113.7', 443).answer).toBe('1234');
  expect(seen).toEqual(['203.0.113.10']);
});

test('W3: containers on one bridge through br_netfilter; without the rule, the policy', () => {
  const { host, c2, seen, ask } = publishedPort();
  expect(ask(c2, '172.17.0.2', 80).answer).toBe('1234');
  expect(seen).toEqual(['172.17.0.3']);
  expect(host.connections.list()).toMatch(/src=172.17.0.3 dst=172.17.0.2 sport=\d+ dport=80/);
  expect(host.tables.run('-D FORWARD -i docker0 -o docker0 -j ACCEPT')).toBeUndefined();
  expect(ask(c2, '172.17.0.2', 80).answer).toBe('');
  expect(host.dropCounts.get('netfilter FORWARD')).toBeGreaterThan(0);
});

test('W7b: the host itself reaches the published port', () => {
  const { host, seen, ask } = publishedPort();
  expect(ask(host, '203.0.113.10', 8080).answer).toBe('1234');
  expect(seen).toEqual(['203.0.113.10']);
});

test('an unpublished port of a container is closed to the outside by the policy', () => {
  const { lab, host, client, ask } = publishedPort();
  lab.route(client, '172.17.0.0/16', { gateway: ip('203.0.113.10') });
  expect(ask(client, '172.17.0.2', 81).answer).toBe('');
  expect(host.dropCounts.get('netfilter FORWARD')).toBe(1);
});
