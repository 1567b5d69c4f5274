/** The tools over IPv6: what is typed in two namespaces with a router between them, and what it prints. */
import { expect, test } from 'vitest';
import type { Namespace } from '../../net/namespace.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { Lab } from '../../net/testing/lab.ts';
import { launch } from './launch.ts';
import type { Place } from './place.ts';

function routed() {
  const lab = new Lab();
  const [a, router, b] = ['aa', 'router', 'bb'].map((name) => lab.namespace(name)) as [
    Namespace,
    Namespace,
    Namespace,
  ];
  lab.cable(a, 'eth0', 'fd00:a::2/64', router, 'left', 'fd00:a::1/64');
  lab.cable(router, 'right', 'fd00:b::1/64', b, 'eth0', 'fd00:b::2/64', 1400);
  router.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.run(2);
  const type = (namespace: Namespace, line: string, seconds = 10): string => {
    let output = '';
    const place: Place = {
      namespace,
      resolver: { servers: [], search: [] },
      hosts: new Map(),
      files: new Map([['/etc/hosts', '10.0.0.9\tfar\nfd00:b::2\tfar\n']]),
      source: 0,
      namespaces: new Map(),
    };
    launch(place, splitWords(line), {
      onOutput: (text) => {
        output += text;
      },
      onExit: () => {},
    });
    lab.run(seconds);
    return output;
  };
  for (const [namespace, gateway] of [
    [a, 'fd00:a::1'],
    [b, 'fd00:b::1'],
  ] as const) {
    expect(type(namespace, `ip -6 route add default via ${gateway}`)).toBe('');
  }
  return { lab, a, router, b, type };
}

test('ip -6: addresses, routes, neighbours, rules', () => {
  const { a, type } = routed();
  expect(type(a, 'ip -6 addr show dev eth0').split('\n').slice(1)).toEqual([
    '    inet6 fd00:a::2/64 scope global nodad ',
    '       valid_lft forever preferred_lft forever',
    '    inet6 fe80::ff:fe00:1/64 scope link ',
    '       valid_lft forever preferred_lft forever',
    '',
  ]);
  expect(type(a, 'ip -6 route')).toBe(
    '::1 dev lo proto kernel metric 256 pref medium\n' +
      'fd00:a::/64 dev eth0 proto kernel metric 256 pref medium\n' +
      'fe80::/64 dev eth0 proto kernel metric 256 pref medium\n' +
      'default via fd00:a::1 dev eth0 metric 1024 pref medium\n',
  );
  expect(type(a, 'ip -6 route show table local')).toBe(
    'local ::1 dev lo proto kernel metric 0 pref medium\n' +
      'local fd00:a::2 dev eth0 proto kernel metric 0 pref medium\n' +
      'local fe80::ff:fe00:1 dev eth0 proto kernel metric 0 pref medium\n' +
      'multicast ff00::/8 dev eth0 proto kernel metric 256 pref medium\n',
  );
  expect(type(a, 'ip route get fd00:b::2')).toBe(
    'fd00:b::2 from :: via fd00:a::1 dev eth0 src fd00:a::2 metric 1024 pref medium\n',
  );
  expect(type(a, 'ip -6 rule')).toBe('0:\tfrom all lookup local\n32766:\tfrom all lookup main\n');
  type(a, 'ping -c 1 fd00:a::1');
  expect(type(a, 'ip -6 neigh')).toMatch(
    /^fd00:a::1 dev eth0 lladdr 02:00:00:00:00:02 router (REACHABLE|STALE|DELAY) \n$/,
  );
});

test('addresses are tested on the link before they are used', () => {
  const { a, router, type } = routed();
  expect(type(a, 'ip addr add fd00:a::1/64 dev eth0', 3)).toBe('');
  expect(type(a, 'ip -6 addr show dev eth0')).toContain(
    'inet6 fd00:a::1/64 scope global dadfailed tentative \n',
  );
  type(a, 'ip addr add fd00:a::7/64 dev eth0', 0.1);
  expect(type(a, 'ip -6 addr show dev eth0', 3)).toContain('fd00:a::7/64 scope global tentative');
  expect(type(a, 'ip -6 addr show dev eth0')).toContain('fd00:a::7/64 scope global \n');
  expect(type(router, 'ping -c 1 fd00:a::7')).toContain('64 bytes from fd00:a::7');
  expect(type(a, 'ip addr add fd00:a::7/64 dev eth0')).toBe('RTNETLINK answers: File exists\n');
});

test('ping, traceroute, nc, curl, tcpdump', () => {
  const { a, b, type } = routed();
  expect(type(a, 'ping -6 -n -c 1 far')).toMatch(
    /^PING far\(fd00:b::2\) 56 data bytes\n64 bytes from fd00:b::2: icmp_seq=1 ttl=63 time=/,
  );
  expect(type(a, 'ping -c 1 fe80::1')).toBe('ping: connect: Invalid argument\n');
  expect(type(a, 'ping6 -c 1 fe80::ff:fe00:2%eth0')).toContain('64 bytes from fe80::ff:fe00:2');
  expect(type(a, 'ping -c 1 fd00:b::9')).toContain(
    'From fd00:a::1 icmp_seq=1 Destination unreachable: Address unreachable',
  );
  expect(type(a, 'traceroute6 -n -q 1 fd00:b::2').split('\n').slice(0, 3)).toEqual([
    'traceroute to fd00:b::2 (fd00:b::2), 30 hops max, 80 byte packets',
    ' 1  fd00:a::1  0.000 ms',
    ' 2  fd00:b::2  0.000 ms',
  ]);
  b.sockets.listen({
    port: 80,
    family: 'dual',
    onConnection: () => ({
      onData: (_, connection) => {
        const body = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes';
        connection.send(new TextEncoder().encode(body));
      },
    }),
  });
  expect(type(a, 'nc -6 -zv fd00:b::2 80')).toContain('80 port [tcp/http] succeeded!');
  expect(type(a, 'nc -zv fd00:b::2 81')).toContain('Connection refused');
  expect(type(a, 'curl -s http://[fd00:b::2]/')).toBe('yes');
  expect(type(b, 'ss -tln').split('\n')[1]).toMatch(/^LISTEN 0 +4096 +\*:80 +\*:\* *$/);
});

test('tcpdump tells neighbours, echoes and errors', () => {
  const { lab, a, router, type } = routed();
  let output = '';
  const place: Place = {
    namespace: a,
    resolver: { servers: [], search: [] },
    hosts: new Map(),
    source: 0,
    namespaces: new Map(),
  };
  const follower = { onOutput: (text: string) => void (output += text), onExit: () => {} };
  launch(place, splitWords('tcpdump -n -t -i eth0 ip6'), follower);
  lab.run(0.1);
  router.ipv6.neighbours.flush(router.deviceByName('left')!);
  type(a, 'ping -c 1 fd00:c::1', 1);
  type(a, 'ping -c 1 -s 1380 fd00:b::2', 1);
  expect(output.split('\n').filter((line) => line.startsWith('IP6'))).toEqual([
    'IP6 fd00:a::2 > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has fd00:a::1, length 32',
    'IP6 fd00:a::1 > fd00:a::2: ICMP6, neighbor advertisement, tgt is fd00:a::1, length 32',
    expect.stringMatching(
      /^IP6 fd00:a::2 > fd00:c::1: ICMP6, echo request, id \d+, seq 1, length 64$/,
    ),
    'IP6 fd00:a::1 > fd00:a::2: ICMP6, destination unreachable, unreachable route fd00:c::1, length 112',
    expect.stringMatching(/echo request, id \d+, seq 1, length 1388$/),
    'IP6 fd00:a::1 > fd00:a::2: ICMP6, packet too big, mtu 1400, length 1240',
  ]);
});
