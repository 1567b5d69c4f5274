import { expect, test } from 'vitest';
import { MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { IcmpType } from '../../wire/icmp.ts';
import { hasDontFragment, protocolOf } from '../../wire/ipv4.ts';
import { Errno, formatErrno } from './errno.ts';
import { formatPingResult, PingSocket } from './ping.ts';
import { formatSockets } from './show.ts';
import { TcpListener } from './tcp/listener.ts';
import { Pipe } from './testing/pipe.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (words: string) => new TextEncoder().encode(words);
const serveNothing = { onConnection: () => ({}) };

test('datagrams go there and back', () => {
  const { world, a, b } = new Pipe();
  const heard: string[] = [];
  const server = b.sockets.openUdp({
    onDatagram: (bytes, from, port, socket) => {
      heard.push(`server ${text(bytes)} from ${formatIpv4Address(from)}`);
      socket.sendTo(bytesOf('pong'), from, port);
    },
  });
  expect(server.bind(53)).toBe(Errno.none);
  const client = a.sockets.openUdp({
    onDatagram: (bytes, from, port) => {
      heard.push(`client ${text(bytes)} from ${formatIpv4Address(from)}:${port}`);
    },
  });
  expect(client.sendTo(bytesOf('ping'), b.address, 53)).toBe(Errno.none);
  expect(client.localPort).toBeGreaterThanOrEqual(32_768);
  expect(client.localPort).toBeLessThanOrEqual(60_999);
  world.queue.runUntil(SECOND_NS);
  expect(heard).toEqual(['server ping from 10.0.0.1', 'client pong from 10.0.0.2:53']);
});

test('a connected socket hears that a port is closed, an unconnected one does not', () => {
  const { world, a, b } = new Pipe();
  const errors: string[] = [];
  const connected = a.sockets.openUdp({ onError: (errno) => errors.push(formatErrno(errno)) });
  connected.connect(b.address, 9);
  connected.send(bytesOf('x'));
  const free = a.sockets.openUdp({ onError: () => errors.push('never') });
  free.sendTo(bytesOf('x'), b.address, 9);
  world.queue.runUntil(SECOND_NS);
  expect(errors).toEqual(['Connection refused']);
  expect(b.sockets.counters.udp.ipv4.unknownPorts).toBe(2);
});

test('the socket that fits best gets a datagram', () => {
  const { world, a, b } = new Pipe();
  const heard: string[] = [];
  const open = (name: string) =>
    b.sockets.openUdp({ onDatagram: (bytes) => heard.push(`${name} ${text(bytes)}`) });
  const bound = open('bound');
  expect(bound.bind(7, b.address)).toBe(Errno.none);
  expect(open('second').bind(7, b.address)).toBe(Errno.EADDRINUSE);
  expect(open('any').bind(7)).toBe(Errno.EADDRINUSE);
  expect(open('foreign').bind(7, a.address)).toBe(Errno.EADDRNOTAVAIL);
  const client = a.sockets.openUdp();
  client.bind(1000);
  bound.connect(a.address, 1000);
  client.sendTo(bytesOf('one'), b.address, 7);
  const other = a.sockets.openUdp();
  other.sendTo(bytesOf('two'), b.address, 7);
  world.queue.runUntil(SECOND_NS);
  expect(heard).toEqual(['bound one']);
});

test('a kernel consumer gets whole packets and holds its port', () => {
  const { world, a, b } = new Pipe();
  const seen: number[] = [];
  const handler = (packet: { bytes: Uint8Array; start: number }) => {
    seen.push(protocolOf(packet.bytes, packet.start));
  };
  expect(b.sockets.bindKernelUdp(4789, handler)).toBe(Errno.none);
  expect(b.sockets.openUdp().bind(4789)).toBe(Errno.EADDRINUSE);
  const client = a.sockets.openUdp();
  client.sendTo(bytesOf('x'), b.address, 4789);
  world.queue.runUntil(SECOND_NS);
  expect(seen).toEqual([17]);
  b.sockets.unbindKernelUdp(4789);
  client.sendTo(bytesOf('x'), b.address, 4789);
  world.queue.runUntil(2 * SECOND_NS);
  expect(b.sockets.counters.udp.ipv4.unknownPorts).toBe(1);
});

test('a datagram longer than the path is sent without don’t-fragment', () => {
  const { a, b, world } = new Pipe();
  const flags: boolean[] = [];
  b.sockets.bindKernelUdp(9, ({ bytes, start }) => flags.push(hasDontFragment(bytes, start)));
  const client = a.sockets.openUdp();
  client.sendTo(new Uint8Array(1472), b.address, 9);
  client.sendTo(new Uint8Array(1473), b.address, 9);
  expect(client.sendTo(new Uint8Array(65_508), b.address, 9)).toBe(Errno.EMSGSIZE);
  world.queue.runUntil(SECOND_NS);
  expect(flags).toEqual([true, false]);
});

test('listeners share a port only on different addresses', () => {
  const { b } = new Pipe();
  const { sockets } = b;
  expect(sockets.listen({ port: 80, address: b.address, ...serveNothing })).toBeInstanceOf(
    TcpListener,
  );
  expect(sockets.listen({ port: 80, ...serveNothing })).toBe(Errno.EADDRINUSE);
  expect(sockets.listen({ port: 80, address: 1, ...serveNothing })).toBe(Errno.EADDRNOTAVAIL);
  const chosen = sockets.listen({ port: 0, ...serveNothing });
  expect(chosen).toBeInstanceOf(TcpListener);
});

test('connections to one destination take every port before one comes back', () => {
  const { world, a, b } = new Pipe();
  a.sysctls.set('net.ipv4.ip_local_port_range', '40000 40009');
  b.sockets.listen({ port: 80, ...serveNothing });
  const errnos: number[] = [];
  const ports = new Set<number>();
  for (let i = 0; i < 11; i++) {
    const handlers = { onClosed: (_: string, { errno }: { errno: number }) => errnos.push(errno) };
    const connection = a.sockets.connect({ address: b.address, port: 80, handlers });
    if (connection.localPort !== 0) ports.add(connection.localPort);
  }
  world.queue.runUntil(SECOND_NS);
  expect(ports.size).toBe(10);
  expect(errnos).toEqual([Errno.EADDRNOTAVAIL]);
  const other = a.sockets.connect({ address: b.address, port: 81, handlers: {} });
  expect(other.localPort).toBeGreaterThanOrEqual(40_000);
});

test('everything a process had is closed, and then nothing is left', () => {
  const { world, a, b } = new Pipe();
  const reasons: string[] = [];
  b.sockets.listen({
    port: 80,
    onConnection: () => ({ onClosed: (reason) => reasons.push(`server ${reason}`) }),
  });
  const handlers = { onClosed: (reason: string) => reasons.push(`client ${reason}`) };
  a.sockets.connect({ address: b.address, port: 80, handlers });
  world.queue.runUntil(SECOND_NS);
  b.sockets.closeAll();
  world.queue.runUntil(2 * SECOND_NS);
  expect(reasons).toEqual(['server closed', 'client closed']);
  expect(b.sockets.listeners()).toEqual([]);
  world.queue.runUntil(2 * MINUTE_NS);
  expect(a.sockets.endpoints.size + b.sockets.endpoints.size).toBe(0);
});

test('a host without power sends nothing and tells nobody', () => {
  const pipe = new Pipe();
  const { world, a, b } = pipe;
  const reasons: string[] = [];
  b.sockets.listen({
    port: 80,
    onConnection: () => ({ onClosed: (reason) => reasons.push(reason) }),
  });
  a.sockets.connect({ address: b.address, port: 80, handlers: {} });
  world.queue.runUntil(SECOND_NS);
  pipe.isLogging = true;
  b.sockets.destroy();
  world.queue.runUntil(MINUTE_NS);
  expect(pipe.log).toEqual([]);
  expect(reasons).toEqual([]);
});

test('ping tells round trips, silence and errors', () => {
  const pipe = new Pipe();
  const { world, a, b } = pipe;
  let count = 0;
  pipe.filter = (packet, from) => {
    if (from !== a) return true;
    if (++count === 2) return false;
    if (count === 3) {
      b.sendIcmpError(packet, IcmpType.destinationUnreachable, 1);
      return false;
    }
    const echo = packet.clone();
    const { bytes, start } = echo;
    // what a namespace does: swap the addresses, change the type
    bytes.copyWithin(start + 12, start + 16, start + 20);
    bytes.set(packet.bytes.subarray(start + 12, start + 16), start + 16);
    bytes[start + 20] = 0;
    b.send(echo);
    return false;
  };
  const lines: string[] = [];
  let doneAtNs = 0;
  PingSocket.start(a.sockets, {
    address: b.address,
    count: 3,
    onResult: (result) => lines.push(formatPingResult(result)),
    onDone: () => {
      doneAtNs = world.nowNs;
    },
  });
  world.queue.runUntil(MINUTE_NS);
  expect(lines).toEqual([
    '64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=1.00 ms',
    'From 10.0.0.2 icmp_seq=3 Destination Host Unreachable',
  ]);
  expect(doneAtNs).toBe(12 * SECOND_NS);
});

test('ss prints its columns', () => {
  const { world, a, b } = new Pipe();
  b.sockets.listen({ port: 8080, program: '"httpd"', ...serveNothing });
  b.sockets.bindKernelUdp(4789, () => undefined);
  b.sockets.openUdp().bind(53, b.address);
  const { address } = b;
  a.sockets.connect({ address, port: 8080, sourcePort: 50_000, handlers: {} });
  const closing = a.sockets.connect({ address, port: 8080, sourcePort: 50_002, handlers: {} });
  world.queue.runUntil(SECOND_NS);
  closing.close();
  world.queue.runUntil(2 * SECOND_NS);
  expect(formatSockets(b.sockets, { tcp: true, udp: true, listening: true })).toBe(
    [
      'Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess           ',
      'udp   UNCONN 0      0            0.0.0.0:4789      0.0.0.0:*                     ',
      'udp   UNCONN 0      0           10.0.0.2:53        0.0.0.0:*                     ',
      'tcp   LISTEN 0      4096         0.0.0.0:8080      0.0.0.0:*    users:(("httpd"))',
      '',
    ].join('\n'),
  );
  expect(formatSockets(a.sockets)).toBe(
    [
      'State     Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess',
      'ESTAB     0      0           10.0.0.1:50000     10.0.0.2:8080       ',
      'TIME-WAIT 0      0           10.0.0.1:50002     10.0.0.2:8080       ',
      '',
    ].join('\n'),
  );
});
