import { expect, test } from 'vitest';
import { formatMac, parseMac } from '../../wire/addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { bridgeFdbText } from '../show/bridge-fdb.ts';
import { linkText } from '../show/link.ts';
import { type PingResult, PingSocket } from '../socket/ping.ts';
import { ip, Lab } from '../testing/lab.ts';
import type { Device } from './device.ts';
import { Dummy } from './dummy.ts';
import { Ipvlan, type IpvlanMode } from './ipvlan.ts';
import { Macvlan, type MacvlanMode } from './macvlan.ts';
import { stackingError } from './stacked-device.ts';
import { Vlan } from './vlan.ts';

/** A host whose eth0 10.0.0.1 leads to a router 10.0.0.254. */
function hostAndRouter() {
  const lab = new Lab();
  const host = lab.namespace('host');
  const router = lab.namespace('router');
  const [eth0, wire] = lab.cable(host, 'eth0', '10.0.0.1/24', router, 'eth0', '10.0.0.254/24');
  const container = (name: string, device: Device, address: string): Namespace => {
    const namespace = lab.namespace(name);
    host.addDevice(device);
    host.moveDevice(device, namespace, 'eth0');
    lab.address(device, address);
    namespace.setUp(device, true);
    return namespace;
  };
  /** True when an echo request and its reply arrive. */
  const reaches = (from: Namespace, to: string): boolean => {
    let isAnswered = false;
    from.hooks.register(Hook.input, 0, 'answer', (packet) => {
      isAnswered ||= packet.bytes[packet.start + 20] === 0;
      return Verdict.accept;
    });
    from.sendIpv4(lab.echo(to));
    lab.run(4);
    from.hooks.unregister('answer');
    return isAnswered;
  };
  return { lab, host, router, eth0, wire, container, reaches };
}

test.each([
  ['bridge', true],
  ['vepa', false],
  ['private', false],
] as const)('macvlan %s: router yes, sibling %s, host no', (mode: MacvlanMode, isReached) => {
  const { lab, host, eth0, container, reaches } = hostAndRouter();
  const a = container('a', new Macvlan('m1', eth0, lab.nextMac(), mode), '10.0.0.11/24');
  const b = container('b', new Macvlan('m2', eth0, lab.nextMac(), mode), '10.0.0.12/24');
  expect(reaches(a, '10.0.0.254')).toBe(true);
  expect(reaches(a, '10.0.0.12')).toBe(isReached);
  expect(reaches(a, '10.0.0.1')).toBe(false);
  expect(reaches(host, '10.0.0.12')).toBe(false);
  expect(reaches(host, '10.0.0.254')).toBe(true);
  expect(b.deviceByName('eth0')!.index).toBe(4);
});

test('macvlan as iproute2 shows it', () => {
  const { container, eth0, host } = hostAndRouter();
  const device = new Macvlan('m1', eth0, parseMac('02:42:ac:10:0a:02')!);
  device.index = 90;
  const a = container('a', device, '10.0.0.11/24');
  expect(linkText(a, { hasDetails: true, device: 'eth0' })).toBe(
    '90: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP ' +
      'mode DEFAULT group default \n' +
      '    link/ether 02:42:ac:10:0a:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0  ' +
      'allmulti 0 minmtu 68 maxmtu 65535 \n' +
      '    macvlan mode bridge bcqueuelen 1000 usedbcqueuelen 1000 addrgenmode eui64 ' +
      'numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 524280 ' +
      'tso_max_segs 65535 gro_max_size 65536 \n',
  );
  expect(eth0.promiscuity).toBe(1);
  const own = '02:42:ac:10:0a:02 dev eth0 self permanent\n';
  expect(bridgeFdbText(host).startsWith(own)).toBe(true);
  a.setUp(device, false);
  expect(eth0.promiscuity).toBe(0);
  expect(bridgeFdbText(host)).not.toContain(own);
});

test('VLANs on one wire do not hear each other', () => {
  const { lab, host, router, eth0, wire, reaches } = hostAndRouter();
  const add = (namespace: Namespace, parent: Device, id: number, address: string): Vlan => {
    const vlan = new Vlan(`eth0.${id}`, parent, id);
    namespace.addDevice(vlan);
    lab.address(vlan, address);
    namespace.setUp(vlan, true);
    return vlan;
  };
  const vlan10 = add(host, eth0, 10, '10.10.0.1/24');
  add(host, eth0, 20, '10.20.0.1/24');
  add(router, wire, 10, '10.10.0.2/24');
  expect(reaches(host, '10.10.0.2')).toBe(true);
  expect(reaches(host, '10.20.0.2')).toBe(false);
  expect(reaches(host, '10.0.0.254')).toBe(true);
  expect(router.dropCounts.get('unhandled protocol')).toBe(3);
  host.setUp(eth0, false);
  expect(vlan10.hasCarrier).toBe(false);
});

test.each([
  ['l2', []],
  ['l3', [3, 4]],
  ['l3s', [3, 4, 0, 1]],
] as const)('ipvlan %s: router and sibling, but not the host', (mode: IpvlanMode, hooks) => {
  const { lab, host, eth0, router, container, reaches } = hostAndRouter();
  const subnet = mode === 'l2' ? '10.0.0' : '10.9.0';
  const a = container('a', new Ipvlan('i1', eth0, mode), `${subnet}.11/24`);
  container('b', new Ipvlan('i2', eth0, mode), `${subnet}.12/24`);
  if (mode !== 'l2') {
    lab.route(a, 'default', { device: a.deviceByName('eth0')! });
    lab.route(router, '10.9.0.0/24', { gateway: ip('10.0.0.1') });
  }
  const seen: number[] = [];
  for (const hook of Object.values(Hook)) {
    host.hooks.register(hook, 0, 'look', (_packet, at) => {
      seen.push(at);
      return Verdict.accept;
    });
  }
  expect(reaches(a, '10.0.0.254')).toBe(true);
  expect(seen).toEqual(hooks);
  expect(reaches(a, `${subnet}.12`)).toBe(true);
  if (mode === 'l2') expect(reaches(a, '10.0.0.1')).toBe(false);
});

test('VLAN, ipvlan and dummy as iproute2 shows them', () => {
  const { host, eth0 } = hostAndRouter();
  const dummy = new Dummy('dm-0123456789ab', parseMac('02:00:00:00:00:01')!, 1500);
  const vlan = new Vlan('eth0.10', eth0, 10);
  host.addDevice(dummy);
  host.addDevice(vlan);
  host.addDevice(new Ipvlan('i1', vlan, 'l3s'));
  host.setUp(dummy, true);
  const queues =
    'addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 ' +
    'tso_max_size 524280 tso_max_segs 65535 gro_max_size 65536 ';
  const view = (device: string) =>
    linkText(host, { hasDetails: true, device })
      .split(/\n +/)
      .map((line) => line.trimEnd());
  expect(view('dm-0123456789ab')).toEqual([
    '3: dm-0123456789ab: <BROADCAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN mode DEFAULT group default',
    'link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 0 maxmtu 0',
    `dummy ${queues}`.trimEnd(),
  ]);
  expect(view('eth0.10').slice(1)).toEqual([
    expect.stringContaining('promiscuity 0  allmulti 0 minmtu 0 maxmtu 65535'),
    `vlan protocol 802.1Q id 10 <REORDER_HDR> ${queues}`.trimEnd(),
  ]);
  expect(view('i1')[0]).toContain('i1@eth0.10: <BROADCAST,MULTICAST,NOARP,M-DOWN> mtu 1500');
  expect(view('i1')[2]).toBe(`ipvlan  mode l3s bridge ${queues}`.trimEnd());
});

test('what is stacked on a device follows it: up, down, MTU, MAC address and away', () => {
  const { lab, host, eth0 } = hostAndRouter();
  const vlan = new Vlan('eth0.10', eth0, 10);
  const macvlan = new Macvlan('m1', eth0, lab.nextMac());
  const ipvlan = new Ipvlan('i1', vlan);
  for (const device of [vlan, macvlan, ipvlan]) {
    host.addDevice(device);
    host.setUp(device, true);
  }
  lab.address(vlan, '10.10.0.1/24');
  host.setUp(eth0, false);
  const states = () => [vlan, macvlan, ipvlan].map(({ isUp, hasCarrier }) => [isUp, hasCarrier]);
  expect(states()).toEqual([
    [false, false],
    [true, false],
    [true, false],
  ]);
  expect(host.routeLookup({ destination: ip('10.10.0.2') })).toBeUndefined();
  host.setUp(eth0, true);
  expect(states()).toEqual([
    [true, true],
    [true, true],
    [true, true],
  ]);
  expect(host.routeLookup({ destination: ip('10.10.0.2') })?.device).toBe(vlan);
  host.setMtu(eth0, 1400);
  host.setMac(eth0, 0x0200_0000_00aa);
  expect([vlan.mtu, macvlan.mtu, ipvlan.mtu]).toEqual([1400, 1400, 1400]);
  expect([vlan.mac, ipvlan.mac]).toEqual([eth0.mac, eth0.mac]);
  host.setMtu(eth0, 1500);
  expect([vlan.mtu, macvlan.mtu, ipvlan.mtu]).toEqual([1400, 1400, 1400]);
  host.setMtu(vlan, 1500);
  expect(ipvlan.mtu).toBe(1500);
  host.removeDevice(eth0);
  expect(host.devices.list().map(({ name }) => name)).toEqual(['lo']);
});

test('a device leaves its frames to a bridge, macvlans or ipvlans, and to one passthru alone', () => {
  const { lab, host, eth0 } = hostAndRouter();
  const busy = 'RTNETLINK answers: Device or resource busy';
  const invalid = 'RTNETLINK answers: Invalid argument';
  const all = (): (string | undefined)[] => [
    stackingError(eth0, 'macvlan'),
    stackingError(eth0, 'macvlan', true),
    stackingError(eth0, 'ipvlan'),
  ];
  expect(all()).toEqual([undefined, undefined, undefined]);
  for (const [make, errors] of [
    [() => new Macvlan('m1', eth0, lab.nextMac()), [undefined, invalid, busy]],
    [() => new Macvlan('m2', eth0, 0, 'passthru'), [invalid, invalid, busy]],
    [() => new Ipvlan('i1', eth0), [busy, busy, undefined]],
    [() => new Vlan('eth0.7', eth0, 7), [undefined, undefined, undefined]],
  ] as const) {
    const device = make();
    host.addDevice(device);
    expect(all()).toEqual(errors);
    host.removeDevice(device);
  }
  host.setMaster(eth0, lab.bridge(host, 'br0'));
  expect(all()).toEqual([busy, busy, busy]);
});

test('passthru: the parent becomes promiscuous, and the one macvlan has its MAC address', () => {
  const { eth0, router, container, reaches } = hostAndRouter();
  const device = new Macvlan('m1', eth0, 0, 'passthru');
  const a = container('a', device, '10.0.0.11/24');
  expect([eth0.promiscuity, device.mac]).toEqual([1, eth0.mac]);
  expect(reaches(a, '10.0.0.254')).toBe(true);
  expect(reaches(router, '10.0.0.1')).toBe(false);
  expect(device.statistics.rxMulticast).toBe(1);
  expect(linkText(a, { hasStatistics: true, device: 'eth0' })).toMatch(/ 1 \n {4}TX/);
});

test('macvlan source: takes copies of what the senders on its list send, and nothing else', () => {
  const { lab, host, router, eth0, wire } = hostAndRouter();
  const device = new Macvlan('m1', eth0, lab.nextMac(), 'source');
  host.addDevice(device);
  host.setUp(device, true);
  const heard = () => device.statistics.rxPackets;
  router.sendIpv4(lab.echo('10.0.0.1'));
  lab.run(1);
  expect([heard(), host.deviceByName('eth0')!.statistics.rxPackets]).toEqual([0, 2]);
  device.sources.add(wire.mac);
  router.sendIpv4(lab.echo('10.0.0.1'));
  lab.run(1);
  expect([heard(), host.deviceByName('eth0')!.statistics.rxPackets]).toEqual([1, 3]);
  expect(linkText(host, { hasDetails: true, device: 'm1' })).toContain(
    `macvlan mode source bcqueuelen 1000 usedbcqueuelen 1000 remotes (1) ${formatMac(wire.mac)} addrgenmode`,
  );
});

test.each(['l2', 'l3', 'l3s'] as const)('ipvlan %s carries IPv6 to its sibling and out', (mode) => {
  const { lab, host, eth0, wire, router, container } = hostAndRouter();
  const subnet = mode === 'l2' ? 'fd00:' : 'fd09:';
  const live = (name: string, last: number) => {
    const device = new Ipvlan(`i${last}`, eth0, mode);
    const namespace = container(name, device, '');
    lab.address(device, `${subnet}:${last}/64`);
    lab.route(namespace, '::/0', { device });
    return namespace;
  };
  lab.address(eth0, 'fd00::1/64');
  lab.address(wire, 'fd00::fe/64');
  host.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.route(router, 'fd09::/64', { gateway: ip('fd00::1') });
  const [a, b] = [live('a', 11), live('b', 12)];
  lab.run(3);
  const answers: string[] = [];
  for (const to of [`${subnet}:12`, 'fd00::fe']) {
    const onResult = ({ from, error }: PingResult) => answers.push(error || formatIp(from));
    PingSocket.start(a.sockets, { address: ip(to), onResult });
    lab.run(5);
  }
  expect(answers).toEqual([`${subnet}:12`, 'fd00::fe']);
  expect(b.deviceByName('eth0')!.statistics.rxPackets).toBeGreaterThan(0);
});
