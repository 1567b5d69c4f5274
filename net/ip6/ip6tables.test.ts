import { expect, test } from 'vitest';
import type { Namespace } from '../namespace.ts';
import { formatPingResult, type PingResult, PingSocket } from '../socket/ping.ts';
import { ip, Lab } from '../testing/lab.ts';

/** client (2001:db8::2) - host (2001:db8::1) - container (fd00::2), who knows the host only. */
function published() {
  const lab = new Lab();
  const client = lab.namespace('client');
  const host = lab.namespace('host');
  const container = lab.namespace('container');
  lab.cable(client, 'eth0', '2001:db8::2/64', host, 'eth0', '2001:db8::1/64');
  lab.cable(host, 'br0', 'fd00::1/64', container, 'eth0', 'fd00::2/64');
  host.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.route(container, '::/0', { gateway: ip('fd00::1') });
  lab.run(2);
  const run = (line: string) => expect(host.ipv6.tables.run(line)).toBeUndefined();
  return { lab, client, host, container, run };
}

function ping(lab: Lab, from: Namespace, to: string): string {
  let line = '';
  const onResult = (result: PingResult) => {
    line = formatPingResult(result).replace(/ time=.*/, '');
  };
  PingSocket.start(from.sockets, { address: ip(to), onResult, lingerNs: 2e9 });
  lab.run(3);
  return line;
}

test('a published port and masquerading, forwards and back', () => {
  const { lab, client, host, container, run } = published();
  run(
    '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80',
  );
  run('-t nat -A POSTROUTING -s fd00::/64 ! -o br0 -j MASQUERADE');
  const peers: number[] = [];
  container.sockets.listen({
    port: 80,
    family: 'dual',
    onConnection: ({ remoteAddress }) => {
      peers.push(remoteAddress);
      return { onData: (bytes, connection) => connection.send(bytes) };
    },
  });
  let answer = '';
  client.sockets.connect({
    address: ip('2001:db8::1'),
    port: 8080,
    handlers: {
      onConnected: (connection) => connection.send(new TextEncoder().encode('hello')),
      onData: (bytes) => {
        answer += new TextDecoder().decode(bytes);
      },
    },
  });
  lab.run(1);
  expect(answer).toBe('hello');
  expect(peers).toEqual([ip('2001:db8::2')]);
  expect(ping(lab, container, '2001:db8::2')).toMatch(/^64 bytes from 2001:db8::2: .* ttl=63$/);
  const flows = host.connections
    .list()
    .replaceAll(/sport=[3-6]\d{4}|dport=[3-6]\d{4}|id=\d+|\] \d+/g, '*');
  expect(
    flows.split('\n').map((line) => line.replace(/ {2,}/g, ' ').replace(/ \d+ (\d+) /, ' ')),
  ).toEqual([
    'tcp ESTABLISHED src=2001:db8::2 dst=2001:db8::1 * dport=8080 ' +
      'src=fd00::2 dst=2001:db8::2 sport=80 * [ASSURED] mark=0 use=1',
    'icmpv6 src=fd00::2 dst=2001:db8::2 type=128 code=0 * ' +
      'src=2001:db8::2 dst=2001:db8::1 type=129 code=0 * mark=0 use=1',
    '',
  ]);
});

test('REJECT, and an ICMPv6 error about a rewritten packet comes back as it went', () => {
  const { lab, host, container, run, client } = published();
  run('-t nat -A POSTROUTING -s fd00::/64 ! -o br0 -j MASQUERADE');
  const errors: string[] = [];
  const socket = container.sockets.openUdp({
    onIcmpError: ({ type, code, from }) =>
      errors.push(`${type}/${code} ${from === ip('2001:db8::2')}`),
  });
  socket.connect(ip('2001:db8::2'), 9);
  socket.send(new Uint8Array(8));
  lab.run(1);
  expect(errors).toEqual(['1/4 true']);
  run(
    '-A FORWARD -d 2001:db8::/32 -p ipv6-icmp -m icmp6 --icmpv6-type echo-request ' +
      '-j REJECT --reject-with icmp6-adm-prohibited',
  );
  expect(ping(lab, container, '2001:db8::2')).toBe(
    'From fd00::1 icmp_seq=1 Destination unreachable: Administratively prohibited',
  );
  run('-I INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset');
  let reason = '';
  client.sockets.connect({
    address: ip('2001:db8::1'),
    port: 22,
    handlers: {
      onClosed: (why) => {
        reason = why;
      },
    },
  });
  lab.run(1);
  expect(reason).toBe('refused');
  expect(host.ipv6.tables.list('filter', 'INPUT')).toContain('reject-with tcp-reset');
});

test('neighbour discovery is not tracked, and a DROP of everything else leaves it alive', () => {
  const { lab, client, host, run } = published();
  run('-A INPUT -m conntrack --ctstate INVALID -j DROP');
  run('-A INPUT -p ipv6-icmp -m conntrack --ctstate UNTRACKED -j ACCEPT');
  run('-P INPUT DROP');
  expect(ping(lab, client, '2001:db8::1')).toBe('');
  expect(host.ipv6.neighbours.macOf(host.deviceByName('eth0')!, ip('2001:db8::2'))).toBeDefined();
});

test('the text of ip6tables, and its errors', () => {
  const { host, run } = published();
  run('-A FORWARD -s fd00::2 ! -i br0 -p icmpv6 -m icmp6 --icmpv6-type 128 -j ACCEPT');
  run('-A FORWARD ! -d fd00:1::/64 -o br0 -j DROP');
  run(
    '-t nat -A PREROUTING -d ::1/128 -p udp -m udp --dport 53 -j DNAT --to-destination [fd00::2]:53',
  );
  run('-t nat -A POSTROUTING -s ::/0 -j SNAT --to-source 2001:db8::1-2001:db8::9');
  expect(host.ipv6.tables.save().replaceAll(/\[\d+:\d+\]/g, '[]')).toBe(
    [
      '*nat',
      ':PREROUTING ACCEPT []',
      ':INPUT ACCEPT []',
      ':OUTPUT ACCEPT []',
      ':POSTROUTING ACCEPT []',
      '-A PREROUTING -d ::1/128 -p udp -m udp --dport 53 -j DNAT --to-destination [fd00::2]:53',
      '-A POSTROUTING -j SNAT --to-source 2001:db8::1-2001:db8::9',
      'COMMIT',
      '*filter',
      ':INPUT ACCEPT []',
      ':FORWARD ACCEPT []',
      ':OUTPUT ACCEPT []',
      '-A FORWARD -s fd00::2/128 ! -i br0 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
      '-A FORWARD ! -d fd00:1::/64 -o br0 -j DROP',
      'COMMIT',
      '',
    ].join('\n'),
  );
  expect(host.ipv6.tables.list('filter', 'FORWARD').split('\n').slice(1, 4)).toEqual([
    ' pkts bytes target     prot opt in     out     source               destination         ',
    '    0     0 ACCEPT     58   --  !br0   *       fd00::2              ::/0                 ipv6-icmptype 128',
    '    0     0 DROP       0    --  *      br0     ::/0                !fd00:1::/64         ',
  ]);
  expect(host.ipv6.tables.run('-A INPUT -s 10.0.0.1 -j DROP')).toContain(
    "ip6tables v1.8.9 (legacy): host/network `10.0.0.1' not found",
  );
  expect(host.ipv6.tables.run('-A INPUT -p icmp -m icmp --icmp-type 8 -j DROP')).toContain(
    "Couldn't load match `icmp'",
  );
  expect(host.tables.save()).toBe('');
});
