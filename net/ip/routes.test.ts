import { expect, test } from 'vitest';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { ip, Lab } from '../testing/lab.ts';
import { Scope } from './route.ts';

/** eth0 10.0.0.5/24 and .6, eth1 10.0.1.5/25, a VIP on lo; a few routes. */
function router() {
  const lab = new Lab();
  const ns = lab.namespace('ns');
  const peer = lab.namespace('peer');
  const [eth0] = lab.cable(ns, 'eth0', '10.0.0.5/24', peer, 'p0', '');
  const [eth1] = lab.cable(ns, 'eth1', '10.0.1.5/25', peer, 'p1', '');
  lab.address(eth0, '10.0.0.6/24');
  lab.address(eth0, '192.0.2.9/32');
  lab.address(ns.loopback, '10.9.9.9/32');
  lab.route(ns, 'default', { gateway: ip('10.0.0.1') });
  lab.route(ns, '10.20.0.0/16', { gateway: ip('10.0.1.1'), metric: 20 });
  lab.route(ns, '10.20.0.0/16', { gateway: ip('10.0.0.2'), metric: 10 });
  lab.route(ns, '10.20.30.0/24', { gateway: ip('10.0.1.2'), preferredSource: ip('192.0.2.9') });
  lab.route(ns, '10.20.40.0/24', { type: 'blackhole' });
  lab.route(ns, '10.20.50.0/24', { type: 'unreachable' });
  return { lab, ns, eth0, eth1 };
}

test.each([
  ['10.0.0.77', 'unicast eth0 10.0.0.77 10.0.0.5'],
  ['10.0.1.77', 'unicast eth1 10.0.1.77 10.0.1.5'],
  ['10.0.1.200', 'unicast eth0 10.0.0.1 10.0.0.5'],
  ['10.20.1.1', 'unicast eth0 10.0.0.2 10.0.0.5'],
  ['10.20.30.1', 'unicast eth1 10.0.1.2 192.0.2.9'],
  ['10.20.40.1', 'blackhole lo 10.20.40.1 0.0.0.0'],
  ['10.20.50.1', 'unreachable lo 10.20.50.1 0.0.0.0'],
  ['8.8.8.8', 'unicast eth0 10.0.0.1 10.0.0.5'],
  ['10.0.0.5', 'local lo 10.0.0.5 10.0.0.5'],
  ['10.0.0.6', 'local lo 10.0.0.6 10.0.0.6'],
  ['10.9.9.9', 'local lo 10.9.9.9 10.9.9.9'],
  ['127.1.2.3', 'local lo 127.1.2.3 127.1.2.3'],
  ['10.0.0.255', 'broadcast eth0 10.0.0.255 10.0.0.5'],
  ['10.0.1.127', 'broadcast eth1 10.0.1.127 10.0.1.5'],
])('route to %s', (to, expected) => {
  const { ns } = router();
  const found = ns.routeLookup({ destination: ip(to) })!;
  const { type, device, nextHop, source } = found;
  const text = `${type} ${device.name} ${formatIpv4Address(nextHop)} ${formatIpv4Address(source)}`;
  expect(text).toBe(expected);
  expect(ns.routeLookup({ destination: ip(to) })).toBe(found);
});

test('rules: mark and source choose tables, throw goes on to the next', () => {
  const { lab, ns, eth1 } = router();
  ns.addRoute({ destination: 0, prefixLength: 0, gateway: ip('10.0.1.9'), table: 7 });
  ns.addRoute({ destination: ip('10.77.0.0'), prefixLength: 16, type: 'throw', table: 7 });
  ns.rules.add({ priority: 10, table: 7, mark: 5, markMask: 7 });
  const via = (to: string, mark: number, source = 0) => {
    const found = ns.routeLookup({ destination: ip(to), mark, source });
    return found === undefined ? 'none' : formatIpv4Address(found.nextHop);
  };
  expect(via('8.8.8.8', 0)).toBe('10.0.0.1');
  expect(via('8.8.8.8', 13)).toBe('10.0.1.9');
  expect(via('10.77.0.1', 5)).toBe('10.0.0.1');
  ns.rules.add({ priority: 5, table: 7, source: { address: ip('10.0.1.0'), lengthBits: 24 } });
  expect(via('8.8.8.8', 0, ip('10.0.1.5'))).toBe('10.0.1.9');
  expect(via('8.8.8.8', 0, ip('10.0.0.5'))).toBe('10.0.0.1');
  expect(ns.rules.remove({ priority: 5 })).toBe(true);
  expect(via('8.8.8.8', 0, ip('10.0.1.5'))).toBe('10.0.0.1');
  const found = ns.routeLookup({ destination: ip('8.8.8.8'), outDevice: eth1 });
  expect([found?.device.name, found?.gateway]).toEqual(['eth1', undefined]);
  expect(lab.route(ns, '10.1.0.0/16', { device: eth1, table: 9 })).toBeUndefined();
});

test('the kernel refuses what cannot be', () => {
  const { lab, ns, eth0 } = router();
  expect(lab.route(ns, 'default', { gateway: ip('10.0.0.9') })).toBe(
    'RTNETLINK answers: File exists',
  );
  expect(lab.route(ns, '10.3.0.0/16', { gateway: ip('99.0.0.1') })).toBe(
    'Error: Nexthop has invalid gateway.',
  );
  expect(lab.route(ns, '10.3.0.0/16', { gateway: ip('99.0.0.1'), device: eth0 })).toBe(
    'Error: Nexthop has invalid gateway.',
  );
  const onLink = { gateway: ip('99.0.0.1'), device: eth0, isOnLink: true };
  expect(lab.route(ns, '10.3.0.0/16', onLink)).toBeUndefined();
  expect(lab.route(ns, '10.4.0.1/16', { device: eth0 })).toBe(
    'Error: Invalid prefix for given prefix length.',
  );
  expect(lab.route(ns, '10.4.0.0/16', { device: eth0, preferredSource: ip('1.1.1.1') })).toBe(
    'Error: Invalid prefsrc address.',
  );
  ns.setUp(eth0, false);
  expect(lab.route(ns, '10.5.0.0/16', { device: eth0 })).toBe(
    'Error: Device for nexthop is not up.',
  );
});

test('down takes routes but not local addresses; up brings connected ones', () => {
  const { ns, eth0 } = router();
  ns.setUp(eth0, false);
  expect(ns.routesOf().map(({ device }) => device?.name)).toEqual([
    'eth1',
    'eth1',
    'eth1',
    undefined,
    undefined,
  ]);
  expect(ns.isLocalAddress(ip('10.0.0.5'))).toBe(true);
  ns.setUp(eth0, true);
  expect(ns.routeLookup({ destination: ip('10.0.0.77') })?.device).toBe(eth0);
  expect(ns.routeLookup({ destination: ip('8.8.8.8') })).toBeUndefined();
});

test('addresses: secondaries leave with their primary, routes with their address', () => {
  const { ns, eth0 } = router();
  const list = () => ns.addresses.of(eth0).map(({ address }) => formatIpv4Address(address));
  expect(list()).toEqual(['10.0.0.5', '192.0.2.9', '10.0.0.6']);
  expect(ns.addAddress(eth0, { address: ip('10.0.0.5'), prefixLength: 24 })).toBe(false);
  expect(ns.removeAddress(eth0, ip('10.0.0.5'), 24)).toBe(true);
  expect(list()).toEqual(['192.0.2.9']);
  expect(ns.isLocalAddress(ip('10.0.0.6'))).toBe(false);
  expect(ns.isBroadcastAddress(ip('10.0.0.255'))).toBe(false);
  expect(ns.removeAddress(eth0, ip('192.0.2.9'), 32)).toBe(true);
  expect(ns.routesOf().some(({ preferredSource }) => preferredSource === ip('192.0.2.9'))).toBe(
    false,
  );
});

test('source selection: subnet of the next hop first, then scope, then other devices', () => {
  const { lab, ns, eth0, eth1 } = router();
  lab.address(eth0, '172.16.0.9/16');
  ns.addAddress(eth1, { address: ip('169.254.1.1'), prefixLength: 16, scope: Scope.link });
  const { addresses } = ns;
  const from = (...args: Parameters<typeof addresses.selectSource>) =>
    formatIpv4Address(addresses.selectSource(...args));
  expect(from(eth0, ip('172.16.3.3'), Scope.link)).toBe('172.16.0.9');
  expect(from(eth0, ip('8.8.8.8'), Scope.global)).toBe('10.0.0.5');
  expect(from(eth1, ip('169.254.9.9'), Scope.global)).toBe('10.0.1.5');
  expect(from(eth1, ip('169.254.9.9'), Scope.link)).toBe('169.254.1.1');
  ns.addresses.flush(eth1);
  expect(from(eth1, 0, Scope.global)).toBe('10.9.9.9');
});
