/**
 * Tracking: the TCP table cell by cell, states, timeouts, ICMP, pressure, and the printed text.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import type { Device } from '../device/device.ts';
import { FakeNamespace } from '../netfilter/fake-namespace.ts';
import {
  address,
  echoPacket,
  errorPacket,
  tcpPacket,
  udpPacket,
} from '../netfilter/fake-packets.ts';
import { Verdict } from '../netfilter/hook.ts';
import { ConnectionState, type Packet } from '../packet.ts';
import { nextTcpState, TcpSegment } from './tcp-states.ts';

interface Tracked {
  host: FakeNamespace;
  eth0: Device;
  eth1: Device;
}

function tracked(): Tracked {
  const host = new FakeNamespace();
  host.connections.enable();
  return {
    host,
    eth0: host.addDevice('eth0', address('10.0.0.254'), 24),
    eth1: host.addDevice('eth1', address('10.1.0.254'), 24),
  };
}

const STATE_COLUMNS = ['NO', 'SS', 'SR', 'ES', 'FW', 'CW', 'LA', 'TW', 'CL', 'S2', 'IG', 'IV'];

/** From nf_conntrack_proto_tcp.c; `*` stands for cells that differ between kernel versions. */
const TABLE: readonly (readonly [boolean, number, string])[] = [
  [false, TcpSegment.syn, 'SS SS IG IG IG IG IG SS SS S2'],
  [false, TcpSegment.synAck, 'IV IV *  *  *  *  *  *  *  SR'],
  [false, TcpSegment.fin, 'IV IV FW FW LA LA LA TW CL IV'],
  [false, TcpSegment.ack, 'ES IV ES ES CW CW TW TW CL IV'],
  [false, TcpSegment.rst, 'IV CL CL CL CL CL CL CL CL CL'],
  [true, TcpSegment.syn, 'IV S2 IV IV IV IV IV SS IV S2'],
  [true, TcpSegment.synAck, 'IV SR IG IG IG IG IG IG IG SR'],
  [true, TcpSegment.fin, 'IV IV FW FW LA LA LA TW CL IV'],
  [true, TcpSegment.ack, 'IV IG SR ES CW CW TW TW CL IG'],
  [true, TcpSegment.rst, 'IV CL CL CL CL CL CL CL CL CL'],
];

test('the TCP table is the kernel’s', () => {
  for (const [isReply, segment, row] of TABLE) {
    const cells = row.split(/ +/);
    const got = cells.map((cell, state) =>
      cell === '*' ? cell : STATE_COLUMNS[nextTcpState(isReply, segment, state)],
    );
    expect([isReply, segment, ...got]).toEqual([isReply, segment, ...cells]);
  }
});

const { syn: SYN, ack: ACK, fin: FIN, rst: RST } = TcpFlag;
const CLIENT = '10.0.0.1:40000';
const SERVER = '10.1.0.1:80';

/** Sends segments of one conversation; a line says side, flags, sequence, ack, data bytes. */
class Conversation {
  readonly #tracked: Tracked;

  constructor(tracked: Tracked) {
    this.#tracked = tracked;
  }

  client(flags: number, sequence: number, acknowledgement = 0, dataBytes = 0): Packet {
    const { host, eth0, eth1 } = this.#tracked;
    const packet = tcpPacket(CLIENT, SERVER, { flags, sequence, acknowledgement, dataBytes });
    host.forward(packet, eth0, eth1);
    return packet;
  }

  server(flags: number, sequence: number, acknowledgement = 0, dataBytes = 0): Packet {
    const { host, eth0, eth1 } = this.#tracked;
    const packet = tcpPacket(SERVER, CLIENT, { flags, sequence, acknowledgement, dataBytes });
    host.forward(packet, eth1, eth0);
    return packet;
  }

  /** Seconds left, state and flags, as printed. */
  get text(): string {
    const line = this.#tracked.host.connections.list().trim();
    const found = /^tcp {6}6 (\d+) (\w+) /.exec(line);
    if (found === null) return line;
    const flags = ['[UNREPLIED]', '[ASSURED]'].filter((flag) => line.includes(flag));
    return [found[1], found[2], ...flags].join(' ');
  }

  open(): void {
    this.client(SYN, 100);
    this.server(SYN | ACK, 500, 101);
    this.client(ACK, 101, 501);
  }
}

test('a TCP connection from SYN to TIME_WAIT', () => {
  const all = tracked();
  const talk = new Conversation(all);
  const seen: string[] = [];
  const step = (packet: Packet) => seen.push(`${packet.connectionState} ${talk.text}`);
  step(talk.client(SYN, 100));
  step(talk.server(SYN | ACK, 500, 101));
  step(talk.client(ACK, 101, 501));
  step(talk.client(ACK | TcpFlag.psh, 101, 501, 10));
  step(talk.server(ACK, 501, 111));
  step(talk.client(FIN | ACK, 111, 501));
  step(talk.server(ACK, 501, 112));
  step(talk.server(FIN | ACK, 501, 112));
  step(talk.client(ACK, 112, 502));
  const { new: fresh, established } = ConnectionState;
  expect(seen).toEqual([
    `${fresh} 120 SYN_SENT [UNREPLIED]`,
    `${established} 60 SYN_RECV`,
    `${established} 432000 ESTABLISHED [ASSURED]`,
    `${established} 300 ESTABLISHED [ASSURED]`,
    `${established} 432000 ESTABLISHED [ASSURED]`,
    `${established} 120 FIN_WAIT [ASSURED]`,
    `${established} 60 CLOSE_WAIT [ASSURED]`,
    `${established} 30 LAST_ACK [ASSURED]`,
    `${established} 120 TIME_WAIT [ASSURED]`,
  ]);
  expect(all.host.connections.list()).toBe(
    'tcp      6 120 TIME_WAIT src=10.0.0.1 dst=10.1.0.1 sport=40000 dport=80 ' +
      'src=10.1.0.1 dst=10.0.0.1 sport=80 dport=40000 [ASSURED] mark=0 use=1\n',
  );
  expect(talk.client(SYN, 900).connectionState).toBe(fresh);
  expect(talk.text).toBe('120 SYN_SENT [UNREPLIED]');
});

test('segments outside the window are INVALID and leave the state alone', () => {
  const all = tracked();
  const talk = new Conversation(all);
  talk.open();
  expect(talk.client(ACK, 101 + 200_000, 501, 10).connectionState).toBe(ConnectionState.invalid);
  expect(talk.client(ACK, 101, 501 + 200_000, 10).connectionState).toBe(ConnectionState.invalid);
  expect(talk.server(RST, 1).connectionState).toBe(ConnectionState.invalid);
  expect(talk.text).toBe('432000 ESTABLISHED [ASSURED]');
  expect(talk.server(RST | ACK, 501, 101).connectionState).toBe(ConnectionState.established);
  expect(talk.text).toBe('10 CLOSE [ASSURED]');
});

test('a refused SYN leaves nothing behind, and flags that no TCP sends are INVALID', () => {
  const all = tracked();
  const talk = new Conversation(all);
  talk.client(SYN, 100);
  expect(talk.server(RST | ACK, 0, 101).connectionState).toBe(ConnectionState.established);
  expect(talk.text).toBe('');
  expect(talk.client(SYN | FIN, 100).connectionState).toBe(ConnectionState.invalid);
  expect(talk.client(0, 100).connectionState).toBe(ConnectionState.invalid);
  expect(talk.server(SYN | ACK, 1, 2).connectionState).toBe(ConnectionState.invalid);
  expect(all.host.connections.count).toBe(0);
});

test('a connection is picked up in the middle, for five minutes until somebody answers', () => {
  const all = tracked();
  const talk = new Conversation(all);
  expect(talk.client(ACK, 5000, 9000, 10).connectionState).toBe(ConnectionState.new);
  expect(talk.text).toBe('300 ESTABLISHED [UNREPLIED]');
  expect(talk.server(ACK, 9000, 5010).connectionState).toBe(ConnectionState.established);
  expect(talk.text).toMatch(/ESTABLISHED/);
});

test('sysctls: timeouts, strictness and the limit are those that were set last', () => {
  const all = tracked();
  const { host, eth0, eth1 } = all;
  const set = (name: string, value: number) =>
    host.sysctls.set(`net.netfilter.nf_conntrack_${name}`, value);
  set('tcp_timeout_established', 900);
  set('tcp_be_liberal', 1);
  const talk = new Conversation(all);
  talk.open();
  expect(talk.text).toBe('900 ESTABLISHED [ASSURED]');
  expect(talk.client(ACK, 101 + 200_000, 501, 10).connectionState).toBe(
    ConnectionState.established,
  );
  set('udp_timeout', 5);
  host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth1);
  expect(host.connections.list()).toMatch(/^udp +17 5 src=/m);
  set('tcp_loose', 0);
  const late = tcpPacket('10.0.0.1:7000', '10.1.0.1:80', { flags: ACK, sequence: 5 });
  host.forward(late, eth0, eth1);
  expect(late.connectionState).toBe(ConnectionState.invalid);
  set('max', 0);
  expect(host.forward(udpPacket('10.0.0.1:5001', '10.1.0.1:53'), eth0, eth1)).toBe(Verdict.accept);
});

test('UDP: 30 s, and 120 s and assured when both sides still talk after two seconds', () => {
  const { host, eth0, eth1 } = tracked();
  const ask = () => host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth1);
  const answer = () => host.forward(udpPacket('10.1.0.1:53', '10.0.0.1:5000'), eth1, eth0);
  const tuples = 'src=10.0.0.1 dst=10.1.0.1 sport=5000 dport=53';
  const back = 'src=10.1.0.1 dst=10.0.0.1 sport=53 dport=5000';
  ask();
  expect(host.connections.list()).toBe(
    `udp      17 30 ${tuples} [UNREPLIED] ${back} mark=0 use=1\n`,
  );
  answer();
  expect(host.connections.list()).toBe(`udp      17 30 ${tuples} ${back} mark=0 use=1\n`);
  host.world.queue.runUntil(3 * SECOND_NS);
  expect(host.connections.list()).toBe(`udp      17 27 ${tuples} ${back} mark=0 use=1\n`);
  ask();
  expect(host.connections.list()).toBe(
    `udp      17 120 ${tuples} ${back} [ASSURED] mark=0 use=1\n`,
  );
});

test('an ended connection is gone at once for look-ups, and soon from memory', () => {
  const { host, eth0, eth1 } = tracked();
  host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth1);
  host.world.queue.runUntil(30 * SECOND_NS);
  expect(host.connections.list()).toBe('');
  expect(host.connections.count).toBe(1);
  host.world.queue.runUntil(61 * SECOND_NS);
  expect(host.connections.count).toBe(0);
  expect(host.world.queue.pendingCount).toBe(0);
});

test('ICMP: queries, their answers, and errors about known and unknown packets', () => {
  const { host, eth0, eth1 } = tracked();
  const state = (packet: Packet, from: Device, to: Device) => {
    host.forward(packet, from, to);
    return packet.connectionState;
  };
  expect(state(echoPacket('10.0.0.1', '10.1.0.1', 7), eth0, eth1)).toBe(ConnectionState.new);
  expect(host.connections.list()).toBe(
    'icmp     1 30 src=10.0.0.1 dst=10.1.0.1 type=8 code=0 id=7 [UNREPLIED] ' +
      'src=10.1.0.1 dst=10.0.0.1 type=0 code=0 id=7 mark=0 use=1\n',
  );
  const answer = echoPacket('10.1.0.1', '10.0.0.1', 7, 0);
  expect(state(answer, eth1, eth0)).toBe(ConnectionState.established);
  const unasked = echoPacket('10.1.0.1', '10.0.0.1', 8, 0);
  expect(state(unasked, eth1, eth0)).toBe(ConnectionState.invalid);
  const query = udpPacket('10.0.0.1:5000', '10.1.0.1:53');
  state(query, eth0, eth1);
  const error = errorPacket('10.1.0.99', query, 3, 3);
  expect(state(error, eth1, eth0)).toBe(ConnectionState.related);
  expect([error.connection, error.isReply]).toEqual([query.connection, true]);
  const stranger = errorPacket('10.1.0.99', udpPacket('10.0.0.1:5001', '10.1.0.1:53'), 3, 3);
  expect(state(stranger, eth1, eth0)).toBe(ConnectionState.invalid);
});

test('a full table gives up what is not assured, or else the new packet', () => {
  const all = tracked();
  const { host, eth0, eth1 } = all;
  host.sysctls.set('net.netfilter.nf_conntrack_max', 1);
  host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth1);
  const buckets = 64;
  let dropped = 0;
  for (let port = 1; port <= buckets; port++) {
    const packet = udpPacket(`10.0.0.1:${port}`, '10.1.0.1:53');
    if (host.forward(packet, eth0, eth1) === Verdict.drop) dropped++;
    expect(host.connections.count).toBe(1);
  }
  expect(dropped).toBeGreaterThan(0);
  expect(dropped).toBeLessThan(buckets);
  expect(host.connections.fullDropCount).toBe(dropped);
});

test('the table finds every connection again while it grows and shrinks', () => {
  const { host, eth0, eth1 } = tracked();
  const packets: Packet[] = [];
  for (let i = 0; i < 3000; i++) {
    const packet = udpPacket(`10.0.${i >> 8}.${i & 255}:${1000 + i}`, '10.1.0.1:53', 0);
    host.forward(packet, eth0, eth1);
    packets.push(packet);
  }
  expect(host.connections.count).toBe(3000);
  for (const [index, packet] of packets.entries()) {
    const connection = packet.connection!;
    expect(host.connections.find(connection.original)).toBe(connection.original);
    expect(host.connections.find(connection.reply)).toBe(connection.reply);
    if (index % 2 === 0) host.connections.delete(connection);
  }
  expect(host.connections.count).toBe(1500);
  expect(host.connections.connections()).toEqual(
    packets.filter((_, index) => index % 2 === 1).map((packet) => packet.connection),
  );
});

test('nothing is tracked until a rule needs it', () => {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
  host.tables.run('-A INPUT -p tcp --dport 80 -j ACCEPT');
  host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth0);
  expect([host.connections.isEnabled, host.connections.count]).toEqual([false, 0]);
  host.tables.run('-A INPUT -m state --state NEW -j ACCEPT');
  host.forward(udpPacket('10.0.0.1:5000', '10.1.0.1:53'), eth0, eth0);
  expect([host.connections.isEnabled, host.connections.count]).toEqual([true, 1]);
});
