/**
 * The walks of one Docker host, there and back: published ports, masquerading, isolation, hairpins,
 * macvlan and ipvlan. Each is written down as the table that `swarmlab explain packet` draws, and a
 * packet that is dropped ends with the reason. The rules are those that each engine writes.
 */
import { expect, test } from 'vitest';
import type { Device } from '../net/device/device.ts';
import { Ipvlan, type IpvlanMode } from '../net/device/ipvlan.ts';
import { Macvlan, type MacvlanMode } from '../net/device/macvlan.ts';
import { Vlan } from '../net/device/vlan.ts';
import type { Namespace } from '../net/namespace.ts';
import { addBridge } from '../node/testing/docker-host.ts';
import { SECOND_NS } from '../sim/time.ts';
import { parsePrefix } from '../wire/addresses.ts';
import { ip, type Street, shop } from './support/street.ts';
import { H, WalkedStreet } from './support/walked-street.ts';

test.each(['20.10', '28', '29', '29-nftables'])(
  'engine %s: bridges, with docker-proxy',
  async (name) => {
    const [engine = '', backend] = name.split('-');
    const street = new WalkedStreet(engine, { usesNftables: backend !== undefined });
    const { host, outside, web, cli, api } = shop(street);
    street.proxy(8080, '172.17.0.2', 80);
    street.walk('W1 a client to the published port', outside, H, 8080);
    street.walk('W2 a container to the internet', cli, '198.51.100.7', 443);
    street.walk('W2 the same, by ping', cli, '198.51.100.7');
    street.walk('W3 between containers of one bridge', cli, '172.17.0.2', 80);
    host.sysctls.set('net.bridge.bridge-nf-call-iptables', 0);
    street.walk('W3 the same without br_netfilter', cli, '172.17.0.2', 80);
    host.sysctls.set('net.bridge.bridge-nf-call-iptables', 1);
    street.walk('W4 to a container on another bridge', api, '172.17.0.2', 80);
    street.walk('W5 to the published port from another bridge', api, H, 8080);
    street.walk('W6 to the own published port', web, H, 8080);
    street.walk('W7 the host to 127.0.0.1', host, '127.0.0.1', 8080);
    street.walk('W7b the host to its own address', host, H, 8080);
    outside.addRoute({ destination: ip('172.16.0.0'), prefixLength: 12, gateway: ip(H) });
    street.walk(
      'a client with a route to the published port of the container',
      outside,
      '172.17.0.2',
      80,
    );
    street.walk(
      'a client with a route to another port of the container',
      outside,
      '172.17.0.2',
      81,
    );
    street.walk('a client to a port that nobody published', outside, H, 9000);
    street.walk('a container to its gateway', cli, '172.17.0.1');
    await street.expect(`one-host-${name}`);
  },
);

test('engine 20.10: bridges without docker-proxy, without ICC, and internal', async () => {
  const street = new WalkedStreet('20.10');
  const { host, web, cli, api, peer } = shop(street, { hasIcc: false });
  const { tables, sysctls } = host;
  const rules = [
    '-t nat -D DOCKER -i docker0 -j RETURN',
    '-t nat -D DOCKER -i br-c0ffee00aa01 -j RETURN',
    '-t nat -D DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-t nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-t nat -I POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE',
    '-t nat -D OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    '-t nat -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER',
  ];
  for (const rule of rules) expect([rule, tables.run(rule)]).toEqual([rule, undefined]);
  street.walk('W6 to the own published port, not hairpin', web, H, 8080);
  for (const { bridgePort } of host.devices.list()) if (bridgePort) bridgePort.isHairpin = true;
  street.walk('W6 to the own published port, hairpin', web, H, 8080);
  street.walk('W5 to the published port from the same bridge', cli, H, 8080);
  street.walk('W5 to the published port from another bridge', api, H, 8080);
  street.walk('W7 the host to 127.0.0.1, route_localnet off', host, '127.0.0.1', 8080);
  sysctls.set('net.ipv4.conf.docker0.route_localnet', 1);
  street.walk('W7 the host to 127.0.0.1', host, '127.0.0.1', 8080);
  street.walk('W7b the host to its own address', host, H, 8080);
  street.walk('between containers without ICC', peer, '172.18.0.2', 9000);
  const vault = addBridge(street.host, 'br-feedbeef0102', '172.19.0.0/16', { isInternal: true });
  const safe = street.container(vault, 'safe', [80]);
  street.walk('from an internal network to the internet', safe, '198.51.100.7', 443);
  safe.addRoute({ destination: 0, prefixLength: 0, gateway: vault.gateway });
  street.walk('the same with a default route', safe, '198.51.100.7', 443);
  street.walk('into an internal network', cli, '172.19.0.2', 80);
  await street.expect('one-host-no-proxy');
});

/** A container with a macvlan or ipvlan as eth0. */
function stacked(street: Street, name: string, address: string, device: Macvlan | Ipvlan) {
  const { host } = street;
  const sandbox = host.createNamespace(name);
  host.namespace.addDevice(device);
  host.namespace.moveDevice(device, sandbox, 'eth0');
  const prefix = parsePrefix(address)!;
  sandbox.addAddress(device, { address: prefix.address, prefixLength: prefix.lengthBits });
  sandbox.setUp(device, true);
  street.serve(sandbox, 80);
  const isRouted = device instanceof Ipvlan && device.mode !== 'l2';
  const gateway = isRouted ? { device } : { gateway: ip('203.0.113.1') };
  sandbox.addRoute({ destination: 0, prefixLength: 0, ...gateway });
  return sandbox;
}

test('macvlan and ipvlan', async () => {
  const street = new WalkedStreet('20.10');
  const { host, outside } = street;
  const { uplink } = host;
  const macvlanModes: readonly MacvlanMode[] = ['bridge', 'private', 'vepa'];
  const modes: readonly (MacvlanMode | IpvlanMode)[] = [...macvlanModes, 'l2', 'l3', 'l3s'];
  let mac = 0x0242_cb00_7100;
  for (const mode of modes) {
    const isMacvlan = macvlanModes.some((each) => each === mode);
    const make = (name: string) =>
      isMacvlan
        ? new Macvlan(name, uplink, ++mac, mode as MacvlanMode)
        : new Ipvlan(name, uplink, mode as IpvlanMode);
    const subnet = mode === 'l3' || mode === 'l3s' ? '10.9.0' : '203.0.113';
    const [a, b] = [`${subnet}.21`, `${subnet}.22`];
    const one = stacked(street, `a-${mode}`, `${a}/24`, make('m1'));
    const two = stacked(street, `b-${mode}`, `${b}/24`, make('m2'));
    if (subnet === '10.9.0') {
      outside.routes.replace({ destination: ip('10.9.0.0'), prefixLength: 24, gateway: ip(H) });
    }
    const name = isMacvlan ? `W12 macvlan ${mode}` : `W13 ipvlan ${mode}`;
    street.walk(`${name}: to the internet`, one, '198.51.100.7', 443);
    street.walk(`${name}: to a sibling`, one, b, 80);
    street.walk(`${name}: to the host`, one, H);
    street.walk(`${name}: from outside`, outside, a, 80);
    for (const namespace of [one, two]) namespace.destroy();
    street.world.queue.runUntil(street.world.nowNs + 120 * SECOND_NS);
  }
  await street.expect('one-host-macvlan');
});

test('macvlan: passthru, and on VLANs of the card', async () => {
  const street = new WalkedStreet('20.10');
  const { host, outside } = street;
  const { uplink, namespace } = host;
  const alone = stacked(
    street,
    'alone',
    '203.0.113.31/24',
    new Macvlan('m1', uplink, 0, 'passthru'),
  );
  street.walk('W12 macvlan passthru: to the internet', alone, '198.51.100.7', 443);
  street.walk('W12 macvlan passthru: to the host', alone, H);
  street.walk('W12 macvlan passthru: from outside', outside, '203.0.113.31', 80);
  street.walk('W12 macvlan passthru: the host to the outside', namespace, '198.51.100.7', 443);
  alone.destroy();
  street.world.queue.runUntil(street.world.nowNs + 120 * SECOND_NS);
  const wire = outside.deviceByName('eth0')!;
  const vlan = (owner: Namespace, parent: Device, id: number): Vlan => {
    const device = new Vlan(`eth0.${id}`, parent, id);
    owner.addDevice(device);
    owner.setUp(device, true);
    return device;
  };
  const [ten, twenty] = [vlan(namespace, uplink, 10), vlan(namespace, uplink, 20)];
  const router = vlan(outside, wire, 10);
  outside.addAddress(router, { address: ip('10.10.0.1'), prefixLength: 24 });
  const a = stacked(street, 'a', '10.10.0.21/24', new Macvlan('m1', ten, 0x0242_0a0a_0015));
  const b = stacked(street, 'b', '10.10.0.22/24', new Macvlan('m2', ten, 0x0242_0a0a_0016));
  const c = stacked(street, 'c', '10.10.0.23/24', new Macvlan('m3', twenty, 0x0242_0a0a_0017));
  street.walk('W12 VLAN 10: to the router on that VLAN', a, '10.10.0.1', 443);
  street.walk('W12 VLAN 10: to a sibling', b, '10.10.0.21', 80);
  street.walk('W12 VLAN 20: to the same subnet on VLAN 10', c, '10.10.0.21', 80);
  street.walk('W12 VLAN 20: to the router, which has no such VLAN', c, '10.10.0.1', 443);
  await street.expect('one-host-macvlan-vlan');
});
