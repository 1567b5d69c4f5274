import { expect, test } from 'vitest';
import { formatPrefix, parsePrefix } from '../../wire/addresses.ts';
import { answerOf } from '../control/result.ts';
import { EndpointMode, PortProtocol, PublishMode } from '../objects/endpoint.ts';
import { type Network, VXLAN_ID_LIST, vnisOf } from '../objects/network.ts';
import type { Service, ServiceSpec } from '../objects/service.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';
import { AddressPool } from './address-pool.ts';
import { NetworkAllocator } from './network-allocator.ts';

function createNetwork(swarm: FakeSwarm, name: string): Network {
  const spec = { annotations: { name, labels: {} } };
  const result = answerOf<Network>((reply) => swarm.manager.control.createNetwork(spec, reply));
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

function on(network: Network, spec: ServiceSpec): ServiceSpec {
  return { ...spec, task: { ...spec.task, networks: [{ target: network.spec.annotations.name }] } };
}

function vipsOf(swarm: FakeSwarm, service: Service): string[] {
  const { endpoint } = swarm.manager.store.view.service(service.id)!;
  return endpoint!.virtualIps.map((vip) => formatPrefix(vip.address));
}

function addressesOf(swarm: FakeSwarm, service: Service): string[] {
  return swarm.manager.store.view
    .tasksOfService(service.id)
    .sort((a, b) => a.slot - b.slot)
    .flatMap((task) => task.networks.flatMap((n) => n.addresses.map(formatPrefix)));
}

function attachmentsOf(swarm: FakeSwarm, index: number): string[] {
  return swarm.node(index).attachments.flatMap((n) => n.addresses.map(formatPrefix));
}

/** Measured on Docker 20.10.24: the manager plane's section 7 and the data plane's section 1.2. */
test('addresses are handed out in the order of a real swarm', () => {
  const swarm = new FakeSwarm(0);
  swarm.run(1);
  const net = createNetwork(swarm, 'net1');
  const first = swarm.createService(on(net, replicated('s1', 1)));
  swarm.run(2);
  expect(vipsOf(swarm, first)).toEqual(['10.0.1.2/24']);
  expect(addressesOf(swarm, first)).toEqual(['10.0.1.3/24']);
  expect(attachmentsOf(swarm, 0)).toEqual(['10.0.0.2/24', '10.0.1.4/24']);
  const second = swarm.createService(on(net, replicated('s2', 3)));
  swarm.run(2);
  expect(vipsOf(swarm, second)).toEqual(['10.0.1.5/24']);
  expect(addressesOf(swarm, second)).toEqual(['10.0.1.6/24', '10.0.1.7/24', '10.0.1.8/24']);
});

test('a published service has its ingress address first, and tasks are on ingress too', () => {
  const swarm = new FakeSwarm(0);
  swarm.run(1);
  const net = createNetwork(swarm, 'net1');
  const port = {
    name: '',
    protocol: PortProtocol.tcp,
    targetPort: 80,
    publishedPort: 0,
    publishMode: PublishMode.ingress,
  };
  const spec = on(net, replicated('web', 1));
  const endpoint = { mode: EndpointMode.vip, ports: [port, { ...port, targetPort: 81 }] };
  const web = swarm.createService({ ...spec, endpoint });
  swarm.run(2);
  expect(vipsOf(swarm, web)).toEqual(['10.0.0.3/24', '10.0.1.2/24']);
  expect(addressesOf(swarm, web)).toEqual(['10.0.0.4/24', '10.0.1.3/24']);
  const stored = swarm.manager.store.view.service(web.id)!;
  expect(stored.endpoint!.ports.map((p) => p.publishedPort)).toEqual([30000, 30001]);
});

test('dnsrr services have no virtual address', () => {
  const swarm = new FakeSwarm(0);
  swarm.run(1);
  const net = createNetwork(swarm, 'net1');
  const endpoint = { mode: EndpointMode.dnsrr, ports: [] };
  const db = swarm.createService({ ...on(net, replicated('db', 1)), endpoint });
  swarm.run(2);
  expect(vipsOf(swarm, db)).toEqual([]);
  expect(addressesOf(swarm, db)).toEqual(['10.0.1.2/24']);
});

test('a full network leaves tasks NEW until something is released', () => {
  const swarm = new FakeSwarm(0);
  swarm.run(1);
  const spec = {
    annotations: { name: 'small', labels: {} },
    ipam: {
      driver: { name: 'default', options: {} },
      configs: [{ subnet: { address: 0x0a63_0000, lengthBits: 29 } }],
    },
  };
  const made = answerOf<Network>((reply) => swarm.manager.control.createNetwork(spec, reply));
  expect(made.ok).toBe(true);
  const service = replicated('web', 6);
  const web = swarm.createService({
    ...service,
    task: { ...service.task, networks: [{ target: 'small' }] },
  });
  swarm.run(3);
  // A /29 has 6 addresses: gateway, virtual IP and 4 tasks; none is left for the node.
  expect(swarm.runningTasks(web.id)).toHaveLength(4);
  answerOf<Service>((reply) => swarm.manager.control.scaleService('web', 3, reply));
  swarm.run(10);
  expect(swarm.runningTasks(web.id)).toHaveLength(3);
  expect(swarm.node(0).attachments).toHaveLength(2);
});

test('allocations survive a restart of the manager; new addresses start from the bottom', () => {
  const swarm = new FakeSwarm(0);
  swarm.run(1);
  const net = createNetwork(swarm, 'net1');
  const s1 = swarm.createService(on(net, replicated('s1', 2)));
  const s2 = swarm.createService(on(net, replicated('s2', 1)));
  swarm.run(2);
  const before = [vipsOf(swarm, s1), addressesOf(swarm, s1), vipsOf(swarm, s2)];
  answerOf<Service>((reply) => swarm.manager.control.removeService(s2.id, reply));
  swarm.run(10);
  swarm.manager.crash();
  swarm.run(1);
  swarm.manager.restart();
  swarm.run(20);
  expect([vipsOf(swarm, s1), addressesOf(swarm, s1)]).toEqual(before.slice(0, 2));
  const s3 = swarm.createService(on(net, replicated('s3', 1)));
  swarm.run(2);
  expect(vipsOf(swarm, s3)).toEqual(before[2]);
});

test('a pool hands out serially and wraps', () => {
  const pool = new AddressPool({ address: 0x0a00_0000, lengthBits: 29 });
  expect([1, 2, 3, 4, 5, 6].map(() => pool.take()! & 7)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(pool.take()).toBeUndefined();
  pool.release(0x0a00_0003);
  pool.release(0x0a00_0005);
  expect(pool.take()).toBe(0x0a00_0003);
  pool.release(0x0a00_0003);
  expect(pool.take()).toBe(0x0a00_0005);
});

/** A network with these subnets and this list of VXLAN ids, as an operator asks for it. */
function withSubnets(subnets: readonly string[], vnis?: string): Network {
  const options = vnis === undefined ? {} : { [VXLAN_ID_LIST]: vnis };
  const configs = subnets.map((text) => ({ subnet: parsePrefix(text)! }));
  return {
    id: `net ${subnets} ${vnis}`,
    meta: { version: 1, createdAtNs: 0, updatedAtNs: 0 },
    spec: {
      annotations: { name: 'net', labels: {} },
      driverConfig: { name: 'overlay', options },
      ipam: { driver: { name: 'default', options: {} }, configs },
    },
    driverState: undefined,
    ipam: undefined,
    isNodeLocal: false,
  };
}

test('every subnet has a VXLAN id: those that the option lists, then free ones', () => {
  const allocator = new NetworkAllocator([], 24);
  const vnis = (subnets: readonly string[], list?: string) => {
    const result = allocator.allocate(withSubnets(subnets, list));
    return 'failure' in result ? result.failure : vnisOf(result.network);
  };
  expect(vnis(['10.1.0.0/24', '10.1.1.0/24'])).toEqual([4096, 4097]);
  expect(vnis(['10.2.0.0/24', '10.2.1.0/24'], '77')).toEqual([77, 4098]);
  expect(vnis(['10.3.0.0/24'], '200,201')).toEqual([200]);
  expect(vnis(['10.4.0.0/24'], '77')).toBe(
    'could not assign vxlan id 77 to pool 10.4.0.0/24: requested bit is already allocated',
  );
  expect(vnis(['10.5.0.0/24'], '16777216')).toMatch(/: bit does not belong to the sequence$/);
  expect(vnis(['10.6.0.0/24'], '5,x')).toBe('invalid vxlan id value "x" passed');
});

test('of two subnets the first gives seven of eight addresses, and the other one the rest', () => {
  let lot = 0;
  const allocator = new NetworkAllocator([], 24, () => lot++ % 8);
  const network = withSubnets(['10.1.0.0/29', '10.1.1.0/29']);
  allocator.allocate(network);
  const take = () => formatPrefix(allocator.takeAddress(network.id)!);
  expect([1, 2, 3, 4, 5, 6].map(take)).toEqual([
    '10.1.0.2/29',
    '10.1.1.2/29',
    '10.1.0.3/29',
    '10.1.0.4/29',
    '10.1.0.5/29',
    '10.1.0.6/29',
  ]);
  expect([
    take(),
    allocator.takeAddress(network.id, [parsePrefix('10.1.1.5/29')!.address]),
  ]).toEqual(['10.1.1.3/29', parsePrefix('10.1.1.5/29')]);
});
