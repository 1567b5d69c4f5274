/**
 * Matches and targets that ask about more than a header: sockets, amounts, time, routes, the log.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { ip, Lab } from '../testing/lab.ts';
import { FakeNamespace } from './fake-namespace.ts';
import { address, echoPacket, hasRightChecksums, tcpPacket, udpPacket } from './fake-packets.ts';
import { Hook, Verdict } from './hook.ts';

/** A client 10.0.0.1 and a server 10.0.0.2 that listens on port 80 and serves UDP on 53. */
function twoHosts(...rules: string[]) {
  const lab = new Lab();
  const client = lab.namespace('client');
  const server = lab.namespace('server');
  lab.cable(client, 'eth0', '10.0.0.1/24', server, 'eth0', '10.0.0.2/24');
  for (const rule of rules) expect([rule, server.tables.run(rule)]).toEqual([rule, undefined]);
  server.sockets.listen({
    port: 80,
    onConnection: () => ({ onData: (_, own) => void own.send(new Uint8Array(1000)) }),
  });
  const echo = server.sockets.openUdp({
    onDatagram: (bytes, from, port) => void echo.sendTo(bytes, from, port),
  });
  echo.bind(53);
  return { lab, client, server };
}

/** `packets` of each rule of a chain. */
function countsOf({ server }: ReturnType<typeof twoHosts>, chain: string, table = 'filter') {
  const lines = server.tables.execute(`-t ${table} -nvxL ${chain}`).stdout.split('\n').slice(2, -1);
  return lines.map((line) => Number(line.trim().split(/\s+/)[0]));
}

test('owner: programs are root, and what the kernel answers by itself is nobody', () => {
  const hosts = twoHosts(
    '-A OUTPUT -m owner --uid-owner 0',
    '-A OUTPUT -m owner --uid-owner 1000',
    '-A OUTPUT -m owner ! --socket-exists',
    '-A OUTPUT -m cgroup --cgroup 0',
    '-A INPUT -m socket',
  );
  const { lab, client } = hosts;
  const udp = client.sockets.openUdp({});
  udp.connect(ip('10.0.0.2'), 53);
  udp.send(new Uint8Array(1)); // answered by a program
  client.sockets.connect({ address: ip('10.0.0.2'), port: 81, handlers: {} }); // reset by the kernel
  client.sendIpv4(lab.echo('10.0.0.2')); // echoed by the kernel
  lab.run(1);
  expect(countsOf(hosts, 'OUTPUT')).toEqual([1, 0, 2, 1]);
  expect(countsOf(hosts, 'INPUT')).toEqual([1]);
});

test('connbytes and quota: after so much it is over; conntrack -L counts along', () => {
  const hosts = twoHosts(
    '-A OUTPUT -m connbytes --connbytes 1000: --connbytes-dir reply --connbytes-mode bytes',
    '-A OUTPUT -m connbytes --connbytes 0:2 --connbytes-dir original --connbytes-mode packets',
    '-A INPUT -p udp -m quota --quota 100 -j ACCEPT',
    '-A INPUT -p udp -j DROP',
  );
  const { lab, client, server } = hosts;
  const connection = client.sockets.connect({ address: ip('10.0.0.2'), port: 80, handlers: {} });
  lab.run(0.1);
  connection.send(new Uint8Array(10));
  lab.run(1);
  // SYN-ACK, acknowledgement, data: from the data on more than 1000 bytes, behind two packets
  expect(countsOf(hosts, 'OUTPUT')).toEqual([1, 1]);
  expect(server.connections.list()).toMatch(
    /dport=80 packets=4 bytes=\d{3} src=10.0.0.2 dst=10.0.0.1 sport=80 dport=\d+ packets=3 bytes=11\d\d \[ASSURED]/,
  );
  const udp = client.sockets.openUdp({});
  udp.connect(ip('10.0.0.2'), 53);
  for (let i = 0; i < 5; i++) udp.send(new Uint8Array(10)); // 38 bytes each
  lab.run(1);
  expect(countsOf(hosts, 'INPUT')).toEqual([2, 3]);
});

test('time: virtual time begins on Thursday, 1970-01-01, at midnight', () => {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
  const holdsAt = (options: string, seconds: number): boolean => {
    host.tables.run('-F');
    expect(host.tables.run(`-A INPUT -m time ${options} -j DROP`)).toBeUndefined();
    host.world.queue.runUntil(seconds * SECOND_NS);
    const packet = udpPacket('10.0.0.1:5', '10.0.0.254:5');
    return host.hooks.run(packet, Hook.input, eth0, undefined) === Verdict.drop;
  };
  expect(holdsAt('--timestart 00:00:05 --timestop 00:00:10', 4)).toBe(false);
  expect(holdsAt('--timestart 00:00:05 --timestop 00:00:10', 5)).toBe(true);
  expect(holdsAt('--timestart 22:00 --timestop 06:00', 10)).toBe(true);
  expect(holdsAt('--weekdays Thu', 20)).toBe(true);
  expect(holdsAt('! --weekdays Thu,Fri', 20)).toBe(false);
  expect(holdsAt('--timestart 22:00 --timestop 06:00 --weekdays Wed --contiguous', 20)).toBe(true);
  expect(holdsAt('--monthdays 2', 20)).toBe(false);
  expect(holdsAt('--datestop 1970-01-01T00:00:30', 31)).toBe(false);
  expect(holdsAt('--weekdays Fri', 86_400)).toBe(true);
});

test('rpfilter: the way back is by the device that it came in by, or by any', () => {
  const { lab, server } = twoHosts(
    '-t raw -A PREROUTING -m rpfilter --invert -j DROP',
    '-t raw -A PREROUTING -m rpfilter --loose --invert',
  );
  const other = lab.namespace('other');
  lab.cable(server, 'eth1', '10.1.0.2/24', other, 'eth0', '10.1.0.1/24');
  const verdict = (source: string, device: string) => {
    const packet = lab.udp(source, '10.0.0.2', 53);
    return server.hooks.run(packet, Hook.prerouting, server.deviceByName(device), undefined);
  };
  expect(verdict('10.0.0.1', 'eth0')).toBe(Verdict.accept);
  expect(verdict('10.0.0.1', 'eth1')).toBe(Verdict.drop);
  expect(verdict('10.9.0.1', 'eth0')).toBe(Verdict.drop);
  server.tables.run('-t raw -D PREROUTING 1');
  expect(verdict('10.0.0.1', 'eth1')).toBe(Verdict.accept);
  expect(server.tables.execute('-t raw -nvxL PREROUTING').stdout).toMatch(/\n +0 /);
});

test('NFQUEUE without a listener drops, unless it is bypassed; TPROXY without one drops', () => {
  const verdict = (rule: string, hook: Hook) => {
    const host = new FakeNamespace();
    const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
    expect(host.tables.run(rule)).toBeUndefined();
    return host.hooks.run(tcpPacket('10.0.0.1:5', '10.0.0.254:80'), hook, eth0, undefined);
  };
  expect(verdict('-A INPUT -j NFQUEUE', Hook.input)).toBe(Verdict.drop);
  expect(verdict('-A INPUT -j NFQUEUE --queue-bypass', Hook.input)).toBe(Verdict.accept);
  const proxy = '-t mangle -A PREROUTING -p tcp -j TPROXY --on-port 3128';
  expect(verdict(proxy, Hook.prerouting)).toBe(Verdict.drop);
});

test('TCPOPTSTRIP overwrites an option, and the checksum stays right', () => {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
  host.tables.run('-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options timestamp,wscale');
  const lab = new Lab();
  const sender = lab.namespace('sender');
  const [device] = lab.cable(sender, 'eth0', '10.0.0.1/24', lab.namespace('x'), 'eth0', '');
  let options: number[] = [];
  sender.hooks.register(Hook.output, 0, 'look', (packet) => {
    host.hooks.run(packet, Hook.forward, eth0, eth0);
    options = [...packet.bytes.subarray(packet.start + 40, packet.end)];
    expect(hasRightChecksums(packet)).toBe(true);
    return Verdict.drop;
  });
  sender.sockets.connect({ address: ip('10.0.0.9'), port: 80, handlers: {} });
  expect(device.isUp).toBe(true);
  // the MSS stays, the window scale became three no-operations
  expect(options).toEqual([2, 4, 5, 180, 1, 1, 1, 1]);
});

test('TRACE logs every rule that a packet matches, and the policy at the end', () => {
  const hosts = twoHosts(
    '-t raw -A PREROUTING -p icmp -j TRACE',
    '-N LIST',
    '-A LIST -s 10.9.0.0/16 -j DROP',
    '-A INPUT -p icmp -j LIST',
    '-A INPUT -p icmp -m comment --comment pings',
  );
  const { lab, client, server } = hosts;
  client.sendIpv4(lab.echo('10.0.0.2'));
  lab.run(0.1);
  const traced = server.host.log.lines.map(({ text }) => text.replace(/ IN=.*/, ''));
  expect(traced).toEqual([
    'TRACE: raw:PREROUTING:policy:2',
    'TRACE: filter:INPUT:rule:1',
    'TRACE: filter:LIST:return:2',
    'TRACE: filter:INPUT:rule:2',
    'TRACE: filter:INPUT:policy:3',
  ]);
  expect(server.host.log.lines[0]!.text).toContain('SRC=10.0.0.1 DST=10.0.0.2 LEN=84');
});

test('the log tells why the kernel refused a rule, and only the first namespace may log packets', () => {
  const host = new FakeNamespace();
  host.tables.run('-A INPUT -m owner --uid-owner 5 -j DROP');
  host.tables.run('-A INPUT -j TRACE');
  host.tables.run('-t mangle -A PREROUTING -j CLASSIFY --set-class 1:2');
  expect(host.host.log.lines.map(({ text }) => text)).toEqual([
    'x_tables: ip_tables: owner match: used from hooks INPUT, but only valid from OUTPUT/POSTROUTING',
    'x_tables: ip_tables: TRACE target: only valid in raw table, not filter',
    'x_tables: ip_tables: CLASSIFY target: used from hooks PREROUTING, but only usable from FORWARD/OUTPUT/POSTROUTING',
  ]);
  const lab = new Lab();
  const first = lab.namespace('host');
  const container = lab.namespace('container', first);
  for (const namespace of [first, container]) {
    namespace.tables.run('-A INPUT -j LOG --log-prefix "in: "');
    const packet = echoPacket('10.0.0.1', '10.0.0.2', 1);
    namespace.hooks.run(packet, Hook.input, namespace.loopback, undefined);
  }
  expect(lab.host.log.lines.map(({ text }) => text.slice(0, 12))).toEqual(['in: IN=lo OU']);
  container.sysctls.set('net.netfilter.nf_log_all_netns', 1);
  container.hooks.run(
    echoPacket('10.0.0.1', '10.0.0.2', 1),
    Hook.input,
    container.loopback,
    undefined,
  );
  expect(lab.host.log.lines).toHaveLength(2);
});
