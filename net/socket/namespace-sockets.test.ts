/**
 * Sockets over real namespaces: loopback, neighbours that are not there, routes and rules that refuse.
 */
import { expect, test } from 'vitest';
import { formatInstant } from '../../sim/time.ts';
import type { Namespace } from '../namespace.ts';
import { ip, Lab } from '../testing/lab.ts';
import { Errno, formatErrno } from './errno.ts';

/** a 10.0.0.1 and b 10.0.0.2 on a cable; b listens on port 80 and echoes. */
function pair() {
  const lab = new Lab();
  const a = lab.namespace('a');
  const b = lab.namespace('b');
  lab.cable(a, 'eth0', '10.0.0.1/24', b, 'eth0', '10.0.0.2/24');
  lab.address(a.loopback, '127.0.0.1/8');
  for (const { sockets } of [a, b]) {
    sockets.listen({
      port: 80,
      onConnection: () => ({ onData: (bytes, connection) => void connection.send(bytes) }),
    });
  }
  return { lab, a, b };
}

/** Connects and tells what became of it within five minutes, and when. */
function call(lab: Lab, from: Namespace, address: string, port = 80): string {
  let outcome = 'nothing';
  const { nowNs } = lab.world;
  const tell = (what: string) => {
    outcome = `${formatInstant(lab.world.nowNs - nowNs).slice(0, 7)} ${what}`;
  };
  from.sockets.connect({
    address: ip(address),
    port,
    handlers: {
      onConnected: (connection) => {
        connection.send(new Uint8Array(10));
      },
      onData: () => tell('echo'),
      onClosed: (reason, connection) => tell(`${reason}: ${formatErrno(connection.errno)}`),
    },
  });
  lab.run(300);
  return outcome;
}

test('a connection within one namespace goes through loopback, by any local address', () => {
  const { lab, a } = pair();
  const sizes: number[] = [];
  a.sockets.onSend = ({ start, end }) => sizes.push(end - start);
  let received = 0;
  for (const address of ['127.0.0.1', '10.0.0.1']) {
    a.sockets.connect({
      address: ip(address),
      port: 80,
      handlers: {
        onConnected: (connection) => void connection.send(new Uint8Array(100_000)),
        onData: (bytes) => {
          received += bytes.length;
        },
      },
    });
    lab.run(1);
  }
  expect(received).toBe(200_000);
  expect(Math.max(...sizes)).toBe(65_535);
  expect(call(lab, a, '127.0.0.1', 81)).toBe('0.00000 refused: Connection refused');
});

test('nobody at the address: no route to host after three ARP requests', () => {
  const { lab, a } = pair();
  expect(call(lab, a, '10.0.0.9')).toBe('3.00000 unreachable: No route to host');
});

test('routes that lead nowhere fail at once', () => {
  const { lab, a } = pair();
  expect(call(lab, a, '10.9.0.1')).toBe('0.00000 unreachable: Network is unreachable');
  lab.route(a, '10.8.0.0/16', { type: 'prohibit' });
  expect(call(lab, a, '10.8.0.1')).toBe('0.00000 unreachable: Permission denied');
  lab.route(a, '10.7.0.0/16', { type: 'unreachable' });
  expect(call(lab, a, '10.7.0.1')).toBe('0.00000 unreachable: No route to host');
});

test('rules refuse: DROP is silence, REJECT is an answer of its kind', () => {
  const { lab, a, b } = pair();
  const rule = '-p tcp -m tcp --dport 80 -j';
  const outcomes: string[] = [];
  for (const target of [
    'DROP',
    'REJECT --reject-with icmp-port-unreachable',
    'REJECT --reject-with icmp-host-prohibited',
    'REJECT --reject-with tcp-reset',
  ]) {
    expect(b.tables.run(`-A INPUT ${rule} ${target}`)).toBeUndefined();
    outcomes.push(call(lab, a, '10.0.0.2'));
    expect(b.tables.run(`-D INPUT ${rule} ${target}`)).toBeUndefined();
  }
  expect(outcomes).toEqual([
    '127.000 timeout: Connection timed out',
    '0.00000 refused: Connection refused',
    '0.00000 unreachable: No route to host',
    '0.00000 refused: Connection refused',
  ]);
  expect(a.tables.run('-A OUTPUT -p udp -j DROP')).toBeUndefined();
  expect(a.sockets.openUdp().sendTo(new Uint8Array(1), ip('10.0.0.2'), 9)).toBe(Errno.EPERM);
});

test('a rule that comes later does not end a connection, it starves it', () => {
  const { lab, a, b } = pair();
  let outcome = '';
  const connection = a.sockets.connect({
    address: ip('10.0.0.2'),
    port: 80,
    handlers: {
      onClosed: (reason) => {
        outcome = reason;
      },
    },
  });
  lab.run(1);
  expect(b.tables.run('-A INPUT -j DROP')).toBeUndefined();
  connection.send(new Uint8Array(10));
  lab.run(60);
  expect(outcome).toBe('');
  expect(b.tables.run('-F INPUT')).toBeUndefined();
  lab.run(60);
  expect([outcome, connection.unacknowledgedBytes]).toEqual(['', 0]);
});
