import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseMac } from '../../wire/addresses.ts';
import { Bridge } from '../device/bridge.ts';
import type { Device } from '../device/device.ts';
import { createVethPair, type Veth } from '../device/veth.ts';
import { Scope } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { ip, Lab } from '../testing/lab.ts';
import { addressText } from './address.ts';
import { bridgeFdbText } from './bridge-fdb.ts';
import { linkText } from './link.ts';
import { neighbourText } from './neighbour.ts';
import { routeGetText, routeText, ruleText } from './route.ts';

const mac = (text: string): number => parseMac(text)!;

function sample(name: string): string {
  const folder = new URL('../../test/fixtures/real-docker-views/', import.meta.url);
  return readFileSync(new URL(name, folder), 'utf8');
}

/** Adds a device with the index that the capture has. */
function add<T extends Device>(namespace: Namespace, device: T, index: number): T {
  device.index = index;
  namespace.addDevice(device);
  return device;
}

/** A pair as Docker leaves it: `index` in `namespace`, the other end one below in `inner`. */
function dockerVeth(
  namespace: Namespace,
  index: number,
  name: string,
  macText: string,
  inner: Namespace,
  innerMac = '02:42:00:00:00:99',
  innerName = 'eth0',
  mtu = 1500,
): Veth {
  const [end, peer] = createVethPair(name, mac(macText), innerName, mac(innerMac), mtu);
  add(inner, peer, index - 1);
  add(namespace, end, index);
  inner.setUp(peer, true);
  namespace.setUp(end, true);
  return end;
}

/** The host of the capture: eth0 to a switch, docker0, docker_gwbridge. */
function managerHost() {
  const lab = new Lab();
  const host = lab.namespace('host');
  const network = lab.namespace('labsw');
  for (let id = 0; id < 2; id++) host.devices.namespaceIdOf(lab.namespace(`other ${id}`));
  const [eth0, uplink] = createVethPair('eth0', mac('02:00:c0:a8:38:65'), 'p1', 1);
  eth0.queueLength = 1000;
  add(network, uplink, 3);
  add(host, eth0, 2);
  network.setUp(uplink, true);
  host.setUp(eth0, true);
  lab.address(eth0, '192.168.56.101/24');
  lab.route(host, 'default', { gateway: ip('192.168.56.1') });
  const docker0 = add(host, new Bridge('docker0', mac('02:42:a4:22:24:14')), 3);
  const gateway = add(host, new Bridge('docker_gwbridge', mac('02:42:87:53:f2:38')), 118);
  address(docker0, '172.17.0.1', 16, '172.17.255.255');
  address(gateway, '172.22.0.1', 16, '172.22.255.255');
  host.setUp(docker0, true);
  host.setUp(gateway, true);
  const first = dockerVeth(host, 64, 'veth0000000', '66:d1:92:47:f4:00', lab.namespace('c0'));
  host.setMaster(first, docker0);
  host.removeDevice(first);
  return { lab, host, network, gateway };
}

/** An address as Docker adds it, broadcast address included. */
function address(device: Device, text: string, prefixLength: number, broadcast: string): void {
  const specification = { address: ip(text), prefixLength, broadcast: ip(broadcast) };
  device.namespace.addAddress(device, specification);
}

/** The capture's `ingress_sbox`, between its overlay and the gateway bridge. */
function ingressSandbox(lab: Lab, host: Namespace, gateway: Bridge): Namespace {
  const sandbox = lab.namespace('ingress_sbox');
  sandbox.sysctls.set('net.ipv6.conf.all.disable_ipv6', 1);
  const overlay = lab.namespace('1-jhg2jkox46');
  host.devices.namespaceIdOf(sandbox);
  sandbox.devices.namespaceIdOf(overlay);
  const macs = ['02:42:0a:00:00:02', '02:42:ac:16:00:02'] as const;
  const inner = dockerVeth(
    overlay,
    117,
    'veth0',
    'f2:f5:4d:2d:59:20',
    sandbox,
    macs[0],
    'eth0',
    1450,
  );
  address(inner.peer!, '10.0.0.2', 24, '10.0.0.255');
  const port = dockerVeth(host, 120, 'veth55fe6e7', '66:d1:92:47:f4:06', sandbox, macs[1], 'eth1');
  address(port.peer!, '172.22.0.2', 16, '172.22.255.255');
  lab.route(sandbox, 'default', { gateway: ip('172.22.0.1') });
  host.setMaster(port, gateway);
  return sandbox;
}

test('a manager with a service: host and ingress sandbox as iproute2 printed them', () => {
  const { lab, host, network, gateway } = managerHost();
  const sandbox = ingressSandbox(lab, host, gateway);
  for (let id = 3; id < 5; id++) host.devices.namespaceIdOf(lab.namespace(`other ${id}`));
  const ports = [
    [134, 'veth971c0b3', '52:4d:68:a1:c7:99'],
    [138, 'veth7117dd4', 'a2:28:a7:8e:99:1d'],
  ] as const;
  for (const [index, name, macText] of ports) {
    const container = lab.namespace(name);
    host.devices.namespaceIdOf(container);
    host.setMaster(dockerVeth(host, index, name, macText, container), gateway);
  }
  lab.run(2);
  const namespaceNames = new Map([
    [network, 'labsw'],
    [host, 'lab1'],
  ]);
  expect(addressText(host, { namespaceNames })).toBe(sample('B03-host-ip_addr.txt'));
  expect(routeText(host)).toBe(sample('B03-host-ip_route.txt'));
  expect(bridgeFdbText(host)).toBe(sample('B03-host-bridge_fdb.txt'));
  const view = addressText(sandbox, { namespaceNames });
  expect(view).toBe(sample('B03-ns_ingress_sbox-ip_addr.txt'));
  expect(bridgeFdbText(sandbox)).toBe(sample('B03-ns_ingress_sbox-bridge_fdb.txt'));
  expect(routeText(sandbox)).toBe(sample('B03-ns_ingress_sbox-ip_route.txt'));
});

/** A bridge and a pair in one namespace, as the scripts behind the iproute2 samples made them. */
function bridgeAndPair() {
  const lab = new Lab();
  const ns = lab.namespace('ns');
  const bridge = new Bridge('br0', mac('02:42:00:00:00:01'));
  const [v0, v1] = createVethPair('v0', mac('02:00:00:00:00:0a'), 'v1', mac('02:00:00:00:00:0b'));
  for (const device of [bridge, v1, v0]) {
    device.queueLength = 1000;
    ns.addDevice(device);
  }
  ns.setMaster(v0, bridge);
  for (const device of [v1, v0, bridge]) ns.setUp(device, true);
  return { lab, ns, bridge, v0, v1 };
}

test('ip -d link', () => {
  const { ns, v0 } = bridgeAndPair();
  v0.bridgePort!.isHairpin = true;
  expect(linkText(ns, { hasDetails: true })).toBe(sample('iproute2-6.1-ip_d_link.txt'));
});

test('addresses, routes of two tables and rules', () => {
  const { lab, ns, bridge, v1 } = bridgeAndPair();
  ns.sysctls.set('net.ipv6.conf.all.disable_ipv6', 1);
  const first = { address: ip('10.1.0.1'), prefixLength: 24, broadcast: ip('10.1.0.255') };
  ns.addAddress(bridge, first);
  lab.address(bridge, '10.1.0.2/24');
  ns.addAddress(bridge, { address: ip('10.7.0.2'), prefixLength: 32, label: 'br0:1' });
  ns.addAddress(v1, { address: ip('10.8.0.2'), prefixLength: 16, scope: Scope.link });
  lab.route(ns, '10.99.0.0/16', { gateway: ip('10.8.0.1'), metric: 10, mtu: 1400 });
  lab.route(ns, '10.98.0.0/16', { type: 'unreachable' });
  lab.route(ns, '10.97.0.0/16', {
    gateway: ip('99.1.1.1'),
    device: v1,
    isOnLink: true,
    protocol: 'static',
    preferredSource: ip('10.7.0.2'),
  });
  ns.rules.add({ priority: 32_765, table: 100, mark: 0x10 });
  ns.rules.add({ priority: 32_764, table: 7, source: { address: ip('10.0.0.0'), lengthBits: 8 } });
  const views = addressText(ns) + routeText(ns) + routeText(ns, 255) + ruleText(ns);
  expect(views).toBe(sample('iproute2-6.1-addresses.txt'));
});

test('ip neigh, ip route get and ip -s link', () => {
  const { lab, ns, bridge, v1 } = bridgeAndPair();
  ns.setUp(v1, false);
  ns.setUp(v1, true);
  lab.address(bridge, '10.1.0.1/24');
  ns.neighbours.setPermanent(bridge, ip('10.1.0.9'), mac('02:42:0a:01:00:09'));
  ns.sendIpv4(lab.echo('10.1.0.8'));
  expect(neighbourText(ns)).toBe(
    '10.1.0.9 dev br0 lladdr 02:42:0a:01:00:09 PERMANENT \n10.1.0.8 dev br0 INCOMPLETE \n',
  );
  lab.run(3);
  expect(neighbourText(ns, 'br0')).toContain('10.1.0.8 FAILED \n');
  ns.pathMtus.learn(ip('10.1.0.9'), 1350, 1500);
  lab.run(2);
  expect(routeGetText(ns, ip('10.1.0.9'))).toBe(
    '10.1.0.9 dev br0 src 10.1.0.1 uid 0 \n    cache expires 598sec mtu 1350 \n',
  );
  expect(routeGetText(ns, ip('10.1.0.1'))).toBe(
    'local 10.1.0.1 dev lo src 10.1.0.1 uid 0 \n    cache <local> \n',
  );
  v1.statistics.rxBytes = 426;
  v1.statistics.rxPackets = 5;
  expect(linkText(ns, { hasStatistics: true, device: 'v1' }).split('\n').slice(2)).toEqual([
    '    RX:  bytes packets errors dropped  missed   mcast           ',
    '           426       5      0       0       0       0 ',
    '    TX:  bytes packets errors dropped carrier collsns           ',
    '             0       0      0       0       0       0 ',
    '',
  ]);
});
