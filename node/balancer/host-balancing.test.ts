/**
 * What a service does to a host and to its load-balancer sandboxes, against dumps of a real swarm
 * (Docker 20.10), and DOCKER-INGRESS as 28 and 29 write it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Ipvs } from '../../ipvs/ipvs.ts';
import { formatServices } from '../../ipvs/show.ts';
import { Dummy } from '../../net/device/dummy.ts';
import type { Namespace } from '../../net/namespace.ts';
import { parseIpv4Address, parsePrefix } from '../../wire/addresses.ts';
import { NetworkRecords } from '../dns/records.ts';
import { writeTaskIngressRules } from '../firewall/ingress-rules.ts';
import { forgetOverlayEncryption, writeOverlayEncryption } from '../firewall/overlay-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import { GATEWAY_BRIDGE, type Host } from '../host/host.ts';
import { bootHost, rulesOf, withoutCounters } from '../testing/docker-host.ts';
import { HostIngressPorts } from './ingress-ports.ts';
import { BalancerProgrammer, type BalancerSandbox } from './load-balancer.ts';
import { type Binding, ServiceBindings } from './service-bindings.ts';

const dumps = JSON.parse(
  readFileSync(new URL('../../test/fixtures/iptables-save.json', import.meta.url), 'utf8'),
) as { file: string; text: string }[];

/** A real dump without counters and without the embedded DNS server's rules and ports. */
function realDump(name: string): string {
  const dump = dumps.find(({ file }) => file === `${name}/iptables_save.txt`);
  if (dump === undefined) throw new Error(`no dump of ${name}`);
  return withoutCounters(dump.text).replaceAll(/^.*DOCKER_(OUTPUT|POSTROUTING).*\n/gm, '');
}

function ip(text: string): number {
  return parseIpv4Address(text)!;
}

interface Swarm {
  host: Host;
  bindings: ServiceBindings;
  records: NetworkRecords;
  ingress: BalancerSandbox;
  net1: BalancerSandbox;
}

function sandboxOn(host: Host, name: string, address: string, isIngress: boolean): BalancerSandbox {
  const namespace = host.createNamespace(name);
  namespace.tables.run('-L -n');
  namespace.tables.run('-t nat -L -n');
  const device = new Dummy('eth0', 0x0242_0000_0000, 1450);
  namespace.addDevice(device);
  namespace.addAddress(device, { address: ip(address), prefixLength: 24 });
  namespace.setUp(device, true);
  const subnet = parsePrefix(address.replace(/\d+$/, '0/24'))!;
  if (isIngress) host.attachGateway(namespace, 'eth1');
  return {
    namespace,
    ipvs: new Ipvs(namespace),
    device,
    address: ip(address),
    subnet,
    isIngress,
  };
}

/** The first node of the real swarm: ingress 10.0.0.2, net1 10.0.1.6. */
function swarm(engine: string): Swarm {
  const host = bootHost(engine);
  const writer = new RuleWriter(host.namespace.tables);
  forgetOverlayEncryption(writer, host.engine, { vni: 4096, port: 4789 });
  const ingress = sandboxOn(host, 'ingress_sbox', '10.0.0.2', true);
  const net1 = sandboxOn(host, 'lb_uq0325agq', '10.0.1.6', false);
  const records = new NetworkRecords();
  const ports = new HostIngressPorts(host, GATEWAY_BRIDGE, () => '172.18.0.2');
  const programmer = new BalancerProgrammer((id) => (id === 'ingress' ? ingress : net1), ports);
  const bindings = new ServiceBindings({
    programmer,
    recordsOf: (id) => (id === 'net1' ? records : undefined),
    countsAliases: false,
  });
  return { host, bindings, records, ingress, net1 };
}

function webBinding(networkId: 'ingress' | 'net1', address: string, index: number): Binding {
  const isIngress = networkId === 'ingress';
  return {
    networkId,
    endpointId: `${networkId}-${index}`,
    containerName: `web.${index}.task${index}`,
    serviceName: 'web',
    serviceId: 'service-web',
    vip: ip(isIngress ? '10.0.0.5' : '10.0.1.2'),
    address: ip(address),
    ports: isIngress ? [{ protocol: 'tcp', publishedPort: 8080, targetPort: 80 }] : [],
    serviceAliases: [],
    taskAliases: [],
  };
}

const REPLICAS = [
  webBinding('ingress', '10.0.0.6', 1),
  webBinding('net1', '10.0.1.3', 1),
  webBinding('ingress', '10.0.0.9', 2),
  webBinding('net1', '10.0.1.10', 2),
  webBinding('ingress', '10.0.0.10', 3),
  webBinding('net1', '10.0.1.11', 3),
];

function addressesOf(namespace: Namespace, name: string): string[] {
  const device = namespace.deviceByName(name)!;
  return namespace.addresses.of(device).map((a) => `${a.address}/${a.prefixLength}`);
}

test('a published service of three replicas, as a real node has it', () => {
  const { host, bindings, ingress, net1 } = swarm('20.10');
  for (const binding of REPLICAS) bindings.add(binding);
  const real = 'V01-service-vip-ingress/node1';
  expect(rulesOf(host.namespace)).toBe(realDump(`${real}/host`));
  expect(rulesOf(ingress.namespace)).toBe(realDump(`${real}/ns_ingress_sbox`));
  expect(rulesOf(net1.namespace)).toBe(realDump(`${real}/ns_lb_uq0325agq`));
  expect(addressesOf(net1.namespace, 'eth0')).toEqual([
    `${ip('10.0.1.6')}/24`,
    `${ip('10.0.1.2')}/32`,
  ]);
  expect(formatServices(ingress.ipvs!)).toBe(
    `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
FWM  256 rr
  -> 10.0.0.6:0                   Masq    1      0          0         
  -> 10.0.0.9:0                   Masq    1      0          0         
  -> 10.0.0.10:0                  Masq    1      0          0         
`,
  );
  expect(formatServices(net1.ipvs!)).toContain('FWM  257 rr\n  -> 10.0.1.3:0  ');
  const { sysctls } = ingress.namespace;
  expect(sysctls.number('net.ipv4.vs.conntrack')).toBe(1);
  expect(host.namespace.sysctls.number('net.ipv4.conf.docker_gwbridge.route_localnet')).toBe(1);
});

test('after the service was removed, chains and the SNAT rule stay', () => {
  const { host, bindings, ingress, net1, records } = swarm('20.10');
  for (const binding of REPLICAS) bindings.add(binding);
  for (const binding of REPLICAS) bindings.remove(binding, false);
  expect(formatServices(ingress.ipvs!)).toContain('  -> 10.0.0.6:0                   Masq    0   ');
  for (const binding of REPLICAS) bindings.remove(binding, true);
  const real = 'V03-service-removed/node1';
  expect(rulesOf(host.namespace)).toBe(realDump(`${real}/host`));
  expect(rulesOf(ingress.namespace)).toBe(realDump(`${real}/ns_ingress_sbox`));
  expect(rulesOf(net1.namespace)).toBe(realDump(`${real}/ns_lb_uq0325agq`));
  expect(addressesOf(net1.namespace, 'eth0')).toHaveLength(1);
  expect(ingress.ipvs!.services).toEqual([]);
  expect(records.names).toEqual([]);
});

test('a task on ingress lets in its published targets only', () => {
  const { host } = swarm('20.10');
  const namespace = host.createNamespace('1738825e2530');
  namespace.tables.run('-L -n');
  writeTaskIngressRules(new RuleWriter(namespace.tables), '10.0.0.9', [
    { protocol: 'tcp', publishedPort: 8080, targetPort: 80 },
  ]);
  expect(rulesOf(namespace)).toBe(realDump('V01-service-vip-ingress/node1/ns_1738825e2530'));
});

test('28 and 29 jump to DOCKER-INGRESS first in DOCKER-FORWARD', () => {
  for (const engine of ['28', '29']) {
    const { host, bindings } = swarm(engine);
    bindings.add(REPLICAS[0]!);
    const lines = rulesOf(host.namespace).split('\n');
    const starting = (head: string) => lines.filter((line) => line.startsWith(head));
    expect(starting('-A FORWARD ')).toEqual([
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-FORWARD',
    ]);
    expect(starting('-A DOCKER-FORWARD ')).toEqual([
      '-A DOCKER-FORWARD -j DOCKER-INGRESS',
      '-A DOCKER-FORWARD -j DOCKER-CT',
      `-A DOCKER-FORWARD -j ${engine === '28' ? 'DOCKER-ISOLATION-STAGE-1' : 'DOCKER-INTERNAL'}`,
      '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
      '-A DOCKER-FORWARD -i docker0 -j ACCEPT',
      '-A DOCKER-FORWARD -i docker_gwbridge -o docker_gwbridge -j DROP',
      '-A DOCKER-FORWARD -i docker_gwbridge ! -o docker_gwbridge -j ACCEPT',
    ]);
    expect(starting('-A DOCKER-INGRESS ')).toEqual([
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080',
      '-A DOCKER-INGRESS -j RETURN',
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT',
      '-A DOCKER-INGRESS -p tcp -m tcp --sport 8080 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A DOCKER-INGRESS -j RETURN',
    ]);
    expect(starting('-A PREROUTING -m addrtype')).toEqual([
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    ]);
    expect(starting('-A POSTROUTING')).toEqual([
      '-A POSTROUTING -o docker_gwbridge -m addrtype --src-type LOCAL -j MASQUERADE',
      '-A POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE',
      '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    ]);
  }
});

test('an encrypted overlay marks what leaves and drops what came in the clear', () => {
  const { host } = swarm('20.10');
  void host.gatewayBridge;
  const writer = new RuleWriter(host.namespace.tables);
  writeOverlayEncryption(writer, host.engine, { vni: 4100, port: 4789 });
  const real = realDump('B07-encrypted-overlay/node1/host').replaceAll('172.22.', '172.18.');
  expect(rulesOf(host.namespace)).toBe(real);
  forgetOverlayEncryption(writer, host.engine, { vni: 4100, port: 4789 });
  expect(rulesOf(host.namespace)).not.toContain('4789');
});
