/**
 * What becomes of packets whose connection is over, or whose real server was quiesced or removed, with
 * each kernel and setting: the table in `reuse.ts`, row by row.
 */
import { describe, expect, test } from 'vitest';
import type { KernelRelease } from '../net/kernel-release.ts';
import { flowOf, udpPacket, watched } from '../net/netfilter/fake-packets.ts';
import { ip } from '../net/testing/lab.ts';
import { flagsOf, TcpFlag } from '../wire/tcp.ts';
import { BalancedNetwork } from './testing/balanced-network.ts';

const { syn, ack, fin, rst } = TcpFlag;
const FIRST = ip('10.0.1.11');

/** A network with this kernel, one server that has a connection from port 40000, then a second one. */
function used(kernel: KernelRelease, mode: number, expires: number): BalancedNetwork {
  const network = new BalancedNetwork('rr', kernel);
  const { sysctls } = network.balancer;
  sysctls.set('net.ipv4.vs.conn_reuse_mode', mode);
  sysctls.set('net.ipv4.vs.expire_nodest_conn', expires);
  const server = network.addServer();
  network.request(40000);
  network.answer(server, syn | ack);
  network.request(40000, ack);
  network.addServer();
  return network;
}

/** Where a packet went: to a server by its number, back as a RST, or nowhere. */
function fateOf(network: BalancedNetwork, flags: number): string {
  const { received } = network.client;
  const answersBefore = received.length;
  const before = network.servers.map((server) => server.received.length);
  network.request(40000, flags);
  const at = network.servers.findIndex((server, i) => server.received.length > before[i]!);
  if (at >= 0) return `server ${at + 1}`;
  if (received.length === answersBefore) return 'lost';
  const answer = received.at(-1)!;
  return (flagsOf(answer.bytes, answer.start + 20) & rst) !== 0 ? 'RST' : 'answered';
}

/** What the kernels do with two packets, one behind the other: `5.4 6.1`. */
function fates(
  kernels: string,
  settings: readonly [mode: number, expires: number],
  prepare: (network: BalancedNetwork) => void,
  flags: number,
): string[] {
  return kernels.split(' ').map((kernel) => {
    const network = used(kernel as KernelRelease, ...settings);
    prepare(network);
    return `${kernel}: ${fateOf(network, flags)}, ${fateOf(network, flags)}`;
  });
}

describe('a SYN from the port of a connection that is over', () => {
  const over = (network: BalancedNetwork) => {
    network.request(40000, fin | ack);
    network.answer(network.servers[0]!, fin | ack);
  };
  /** The client's own entry has ended before ipvs' one, as TIME_WAIT's does when the port is used again. */
  const untracked = (network: BalancedNetwork) => {
    over(network);
    network.balancer.connections.deleteByAddress(ip('10.0.1.9'));
  };

  test('mode 0: it goes where the old one went', () => {
    expect(fates('5.4 5.15 6.1', [0, 1], untracked, syn)).toEqual([
      '5.4: server 1, server 1',
      '5.15: server 1, server 1',
      '6.1: server 1, server 1',
    ]);
  });

  test('mode 1: before 5.9 it is lost, whatever conntrack knows; since then another is chosen', () => {
    expect(fates('5.4 5.15 6.1', [1, 1], untracked, syn)).toEqual([
      '5.4: lost, server 2',
      '5.15: server 2, server 2',
      '6.1: server 2, server 2',
    ]);
  });

  test("mode 1, since 5.9: it is lost when it belongs to conntrack's old entry, as in LAST_ACK", () => {
    const closed = (network: BalancedNetwork) => {
      over(network);
      network.request(40000, ack);
    };
    expect(fates('6.1', [1, 1], over, syn)).toEqual(['6.1: lost, server 2']);
    expect(fates('6.1', [1, 1], closed, syn)).toEqual(['6.1: server 2, server 2']);
  });

  test('mode 2 adds requests whose answers go by, in FIN_WAIT', () => {
    for (const [mode, expected] of [
      [1, 'server 1'],
      [3, 'server 2'],
    ] as const) {
      const network = new BalancedNetwork();
      network.balancer.sysctls.set('net.ipv4.vs.conn_reuse_mode', mode);
      network.balancer.sysctls.set('net.ipv4.vs.conntrack', 0);
      for (const address of ['10.0.1.11', '10.0.1.12']) {
        const { loopback } = network.addServer().namespace;
        network.lab.address(loopback, '10.0.1.2/32');
        network.service.remove(ip(address), 0);
      }
      network.service.add(FIRST, 0, 1, 'route');
      for (const flags of [syn, ack, fin | ack]) network.request(40000, flags);
      network.service.add(ip('10.0.1.12'), 0, 1, 'route');
      network.balancer.connections.deleteByAddress(ip('10.0.1.9'));
      expect([mode, fateOf(network, syn)]).toEqual([mode, expected]);
    }
  });
});

describe('a SYN from the port of a connection whose server has weight 0', () => {
  const quiesce = ({ service }: BalancedNetwork) => void service.setWeight(FIRST, 0, 0);

  test('mode 0 (Docker): since 5.16 it leaves the server, one packet late; before, it stays', () => {
    expect(fates('5.4 5.15 6.1', [0, 1], quiesce, syn)).toEqual([
      '5.4: server 1, server 1',
      '5.15: server 1, server 1',
      '6.1: lost, server 2',
    ]);
  });

  test('mode 1: it leaves the server everywhere', () => {
    expect(fates('5.4 5.15 6.1', [1, 1], quiesce, syn)).toEqual([
      '5.4: lost, server 2',
      '5.15: lost, server 2',
      '6.1: lost, server 2',
    ]);
  });

  test('without expire_nodest_conn it stays', () => {
    expect(fates('5.4 6.1', [1, 0], quiesce, syn)).toEqual([
      '5.4: server 1, server 1',
      '6.1: server 1, server 1',
    ]);
  });

  test('its other packets go on to the server', () => {
    expect(fates('5.4 6.1', [0, 1], quiesce, ack)).toEqual([
      '5.4: server 1, server 1',
      '6.1: server 1, server 1',
    ]);
  });
});

describe('a packet whose server was removed', () => {
  const remove = ({ service }: BalancedNetwork) => void service.remove(FIRST, 0);
  const removeAndWait = (network: BalancedNetwork) => {
    remove(network);
    network.lab.run(0.005);
  };

  test("in the same tick: one is lost, the next is nobody's and gets a RST from the VIP", () => {
    expect(fates('5.4 6.1', [0, 1], remove, ack)).toEqual(['5.4: lost, RST', '6.1: lost, RST']);
  });

  test('since 5.9 the connections have ended by the next tick, conntrack entries too: a RST at once', () => {
    expect(fates('5.4 6.1', [0, 1], removeAndWait, ack)).toEqual([
      '5.4: lost, RST',
      '6.1: RST, RST',
    ]);
    const network = used('6.1', 0, 1);
    expect([network.ipvs.connections.count, network.balancer.connections.count]).toEqual([1, 1]);
    removeAndWait(network);
    expect([network.ipvs.connections.count, network.balancer.connections.count]).toEqual([0, 0]);
  });

  test('a server that comes back within the tick keeps its connections', () => {
    const network = used('6.1', 0, 1);
    remove(network);
    network.service.add(FIRST, 0, 1, 'masq');
    network.lab.run(1);
    expect(fateOf(network, ack)).toBe('server 1');
  });

  test('without expire_nodest_conn all are lost, until the server comes back', () => {
    expect(fates('5.4 6.1', [0, 0], removeAndWait, ack)).toEqual([
      '5.4: lost, lost',
      '6.1: lost, lost',
    ]);
    const network = used('6.1', 0, 0);
    removeAndWait(network);
    network.service.add(FIRST, 0, 1, 'masq');
    expect(fateOf(network, ack)).toBe('server 1');
  });

  test('a flow of datagrams lost that way is chosen for again 300 s after the last that was not', () => {
    const network = new BalancedNetwork('rr', '5.4');
    network.balancer.sysctls.set('net.ipv4.vs.expire_nodest_conn', 0);
    network.addServer();
    const send = () => {
      const packet = watched(udpPacket('10.0.1.9:5000', '10.0.1.2:53'));
      network.client.namespace.sendIpv4(packet);
      network.lab.run();
      const wasDropped = packet.way!.steps.some(({ event }) => event === 'drop');
      return wasDropped ? 'lost' : flowOf(packet);
    };
    expect(send()).toBe('10.0.1.6:5000 > 10.0.1.11:53');
    network.service.remove(FIRST, 0);
    network.addServer();
    const sent: string[] = [];
    for (let second = 0; second < 300; second += 10) {
      sent.push(send());
      network.lab.run(10);
    }
    expect(new Set(sent)).toEqual(new Set(['lost']));
    expect(send()).toBe('10.0.1.6:5000 > 10.0.1.12:53');
  });

  test('with expire_nodest_conn it loses one datagram before 5.9, and none since', () => {
    for (const [kernel, lost] of [
      ['5.4', 1],
      ['6.1', 0],
    ] as const) {
      const network = new BalancedNetwork('rr', kernel);
      network.addServer();
      const arrived = () => network.servers.map(({ received }) => received.length);
      const send = () => {
        network.client.namespace.sendIpv4(udpPacket('10.0.1.9:5000', '10.0.1.2:53'));
        network.lab.run(1);
      };
      send();
      network.service.remove(FIRST, 0);
      network.addServer();
      network.lab.run(1);
      for (let i = 0; i < 5; i++) send();
      expect([kernel, arrived()]).toEqual([kernel, [1, 5 - lost]]);
    }
  });
});
