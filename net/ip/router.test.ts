/**
 * What a router does beside forwarding: redirects, martians, reverse path filtering, and a path
 * that swallows what is too big.
 */
import { expect, test } from 'vitest';
import { MINUTE_NS } from '../../sim/time.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { routeGetText } from '../show/route.ts';
import { ip, Lab, wayOf } from '../testing/lab.ts';

/** a, near and far on one LAN 10.0.0.0/24; far leads to b 10.1.0.2. a knows near only. */
function twoRouters() {
  const lab = new Lab();
  const lan = lab.namespace('lan');
  const bridge = lab.bridge(lan, 'br0');
  const join = (name: string, address: string): Namespace => {
    const namespace = lab.namespace(name);
    const [, port] = lab.cable(namespace, 'eth0', address, lan, `p-${name}`, '');
    lan.setMaster(port, bridge);
    return namespace;
  };
  const a = join('a', '10.0.0.2/24');
  const near = join('near', '10.0.0.1/24');
  const far = join('far', '10.0.0.254/24');
  const b = lab.namespace('b');
  lab.cable(far, 'eth1', '10.1.0.1/24', b, 'eth0', '10.1.0.2/24');
  for (const router of [near, far]) router.sysctls.set('net.ipv4.ip_forward', 1);
  lab.route(a, 'default', { gateway: ip('10.0.0.1') });
  lab.route(near, '10.1.0.0/24', { gateway: ip('10.0.0.254') });
  lab.route(b, 'default', { gateway: ip('10.1.0.1') });
  const forwarded = { near: 0, far: 0 };
  for (const name of ['near', 'far'] as const) {
    const router = name === 'near' ? near : far;
    router.hooks.register(Hook.forward, 0, 'count', () => {
      forwarded[name]++;
      return Verdict.accept;
    });
  }
  return { lab, a, near, far, b, forwarded };
}

test('a router sends a packet on, tells of the shorter way, and the sender takes it', () => {
  const { lab, a, forwarded } = twoRouters();
  a.sendIpv4(lab.echo('10.1.0.2'));
  lab.run(0.1);
  expect(forwarded).toEqual({ near: 1, far: 2 });
  expect(routeGetText(a, ip('10.1.0.2'))).toContain('via 10.0.0.254 dev eth0');
  a.sendIpv4(lab.echo('10.1.0.2'));
  lab.run(0.1);
  expect(forwarded).toEqual({ near: 1, far: 4 });
});

test('redirects are neither sent nor believed where that is off', () => {
  const { lab, a, near, forwarded } = twoRouters();
  a.sysctls.set('net.ipv4.conf.all.accept_redirects', 0);
  a.sysctls.set('net.ipv4.conf.eth0.accept_redirects', 0);
  for (let i = 0; i < 3; i++) {
    a.sendIpv4(lab.echo('10.1.0.2'));
    lab.run(0.1);
  }
  expect(forwarded.near).toBe(3);
  const { txPackets } = near.deviceByName('eth0')!.statistics;
  for (const name of ['all', 'eth0']) near.sysctls.set(`net.ipv4.conf.${name}.send_redirects`, 0);
  a.sendIpv4(lab.echo('10.1.0.2'));
  lab.run(0.1);
  expect(near.deviceByName('eth0')!.statistics.txPackets - txPackets).toBe(1);
});

test.each([
  ['127.0.0.1', '10.0.0.1', 'martian source 10.0.0.1 from 127.0.0.1, on dev eth0'],
  ['10.0.0.1', '10.0.0.1', 'martian source 10.0.0.1 from 10.0.0.1, on dev eth0'],
  ['224.0.0.1', '10.0.0.1', 'martian source 10.0.0.1 from 224.0.0.1, on dev eth0'],
  ['0.1.2.3', '10.0.0.1', 'martian source 10.0.0.1 from 0.1.2.3, on dev eth0'],
  ['10.0.0.2', '127.0.0.1', 'martian destination 127.0.0.1 from 10.0.0.2, dev eth0'],
  ['10.0.0.2', '0.0.0.9', 'martian destination 0.0.0.9 from 10.0.0.2, dev eth0'],
])('%s to %s is a martian, and logged', (source, destination, text) => {
  const { lab, near } = twoRouters();
  near.sysctls.set('net.ipv4.conf.all.log_martians', 1);
  const lines: string[] = [];
  lab.world.observations.subscribe(undefined, ({ kind, text: line }) => {
    if (kind.name === 'ip.martian') lines.push(line);
  });
  const packet = lab.udp(source, destination, 53);
  near.receiveIpv4(near.deviceByName('eth0')!, packet);
  expect(lines).toEqual([`IPv4: ${text}`]);
  const reason = text.startsWith('martian source') ? 'martian source' : 'martian destination';
  expect(wayOf(packet).at(-1)).toBe(`near drop eth0 ${reason}`);
});

test.each([
  [0, 0, true],
  [1, 0, false],
  [0, 1, false],
  [2, 0, true],
  [2, 1, true],
])('rp_filter all %i, eth0 %i: a source behind another device passes: %s', (all, own, passes) => {
  const { lab, far } = twoRouters();
  far.sysctls.set('net.ipv4.conf.all.rp_filter', all);
  far.sysctls.set('net.ipv4.conf.eth0.rp_filter', own);
  far.receiveIpv4(far.deviceByName('eth0')!, lab.udp('10.1.0.2', '10.0.0.254', 53));
  expect(far.dropCounts.get('rp_filter') === undefined).toBe(passes);
  far.receiveIpv4(far.deviceByName('eth0')!, lab.udp('172.31.0.1', '10.0.0.254', 53));
  const isFiltered = (far.dropCounts.get('rp_filter') ?? 0) > (passes ? 0 : 1);
  expect(isFiltered).toBe(all + own > 0);
});

test('arp_notify: who comes up or moves tells everybody at once', () => {
  const { lab, a, b, near } = twoRouters();
  a.sendIpv4(lab.echo('10.0.0.1'));
  lab.run(0.1);
  const device = near.deviceByName('eth0')!;
  near.sysctls.set('net.ipv4.conf.eth0.arp_notify', 1);
  near.setMac(device, 0x0200_0000_0abc);
  lab.run();
  expect(a.neighbours.macOf(a.deviceByName('eth0')!, ip('10.0.0.1'))).toBe(0x0200_0000_0abc);
  const before = b.deviceByName('eth0')!.statistics.txPackets;
  b.setUp(b.deviceByName('eth0')!, false);
  b.setUp(b.deviceByName('eth0')!, true);
  expect(b.deviceByName('eth0')!.statistics.txPackets).toBe(before);
});

/** Opens a connection to b, sends `bytes`, and tells what arrived and how it ended. */
function transfer(lab: Lab, a: Namespace, b: Namespace, bytes: number, seconds: number) {
  let arrivedBytes = 0;
  let end = '';
  b.sockets.listen({
    port: 80,
    onConnection: () => ({
      onData: (data) => {
        arrivedBytes += data.length;
      },
    }),
  });
  a.sockets.connect({
    address: ip('10.1.0.2'),
    port: 80,
    handlers: {
      onConnected: (own) => own.send(new Uint8Array(bytes)),
      onClosed: (reason) => {
        end = reason;
      },
    },
  });
  lab.run(seconds);
  return { arrivedBytes, end };
}

test('a path MTU black hole: what is small arrives, what is large never does', () => {
  for (const [swallowsErrors, sentBytes, arrived] of [
    [false, 100, 100],
    [false, 20_000, 20_000],
    [true, 100, 100],
    [true, 20_000, 0],
  ] as const) {
    const { lab, a, far, b } = twoRouters();
    far.setMtu(far.deviceByName('eth1')!, 1300);
    if (swallowsErrors) {
      const rule = '-A OUTPUT -p icmp -m icmp --icmp-type fragmentation-needed -j DROP';
      expect(far.tables.run(rule)).toBeUndefined();
    }
    const { arrivedBytes, end } = transfer(lab, a, b, sentBytes, swallowsErrors ? 1100 : 2);
    expect([swallowsErrors, sentBytes, arrivedBytes]).toEqual([swallowsErrors, sentBytes, arrived]);
    expect(end).toBe(arrived === 0 ? 'timeout' : '');
  }
});

test('TCP gives up, keeps alive and lingers as long as the sysctls say', () => {
  const { lab, a, b } = twoRouters();
  a.sysctls.set('net.ipv4.tcp_syn_retries', 2);
  a.sysctls.set('net.ipv4.tcp_keepalive_time', 600);
  a.sysctls.set('net.ipv4.tcp_keepalive_probes', 2);
  a.sysctls.set('net.ipv4.tcp_keepalive_intvl', 10);
  const events: string[] = [];
  const note = (what: string) => events.push(`${what} ${Math.floor(lab.world.nowNs / 1e9)}`);
  expect(b.tables.run('-A INPUT -p tcp --dport 81 -j DROP')).toBeUndefined();
  b.sockets.listen({ port: 80, onConnection: () => ({}) });
  const address = ip('10.1.0.2');
  a.sockets.connect({
    address,
    port: 81,
    handlers: { onClosed: (reason) => note(`81 ${reason}`) },
  });
  const kept = a.sockets.connect({
    address,
    port: 80,
    handlers: { onClosed: (reason) => note(`80 ${reason}`) },
  });
  lab.run(1);
  if (typeof kept === 'object') kept.configure({ keepAlive: true });
  lab.run(100);
  b.setUp(b.deviceByName('eth0')!, false);
  lab.run((20 * MINUTE_NS) / 1e9);
  expect(events).toEqual(['81 timeout 7', expect.stringMatching(/^80 timeout 62\d$/)]);
});
