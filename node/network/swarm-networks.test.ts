/**
 * What a host makes of NetworkDB's events, told by its names, ipvs destinations and VXLAN entries:
 * two daemons over a membership engine of the test, the second of which is only its NetworkDB.
 */
import { describe, expect, test } from 'vitest';
import { FakeCluster } from '../../gossip/networkdb/testing/fake-carrier.ts';
import { type Network, VXLAN_ID_LIST } from '../../manager/objects/network.ts';
import { SECOND_NS } from '../../sim/time.ts';
import {
  formatIpv4Address,
  macOfIpv4,
  parseIpv4Address,
  parsePrefix,
} from '../../wire/addresses.ts';
import type { Binding } from '../balancer/service-bindings.ts';
import { bootHost } from '../testing/docker-host.ts';
import { SwarmNetworks } from './swarm-networks.ts';
import { endpointValue, peerValue, TableNames } from './table-values.ts';

const ip = (text: string) => parseIpv4Address(text)!;
const US = 0;
const THEM = 1;
const SHOP = 'shop0000000000000000000000';

function networkOf(id: string, vni: number): Network {
  const driver = { name: 'overlay', options: { [VXLAN_ID_LIST]: String(vni) } };
  const configs = [{ subnet: parsePrefix('10.0.1.0/24')!, gateway: ip('10.0.1.1') }];
  return {
    id,
    meta: { version: 1, createdAtNs: 0, updatedAtNs: 0 },
    spec: { annotations: { name: id.slice(0, 4), labels: {} } },
    driverState: driver,
    ipam: { driver: { name: 'default', options: {} }, configs },
    isNodeLocal: false,
  };
}

function binding(task: number, more: Partial<Binding> = {}): Binding {
  return {
    networkId: SHOP,
    endpointId: `endpoint-${task}`,
    containerName: `web.${task}.t${task}`,
    serviceName: 'web',
    serviceId: 'service-web',
    vip: ip('10.0.1.2'),
    address: ip(`10.0.1.${task + 2}`),
    ports: [],
    serviceAliases: [],
    taskAliases: [],
    ...more,
  };
}

/** Host 203.0.113.10 with this engine, and another member of the gossip. */
class Bench {
  readonly cluster: FakeCluster;
  readonly networks: SwarmNetworks;
  readonly failures: (string | undefined)[] = [];

  constructor(engine: string) {
    const generation = engine === '28' ? 1 : 2;
    this.cluster = new FakeCluster({ seed: 'swarm-networks', nodes: 2, generation });
    this.networks = new SwarmNetworks(bootHost(engine, this.cluster.world), this.cluster.db, US);
    this.networks.setBalancerAddresses(new Map([[SHOP, ip('10.0.1.250')]]));
    this.cluster.db.joinNetwork(THEM, SHOP);
    this.run(1);
  }

  run(seconds: number): void {
    this.cluster.run(seconds * SECOND_NS);
  }

  /** Takes the network into use, and waits until it is there. */
  use(network = networkOf(SHOP, 4097)): void {
    this.networks.use(network, (failure) => this.failures.push(failure));
    this.run(1);
  }

  /** The other member writes a record of an endpoint. */
  write(verb: 'createEntry' | 'updateEntry', what: Binding, isDisabled = false): void {
    const value = endpointValue(what, isDisabled);
    this.cluster.db[verb](THEM, TableNames.endpoints, SHOP, what.endpointId, value);
    this.run(1);
  }

  delete(what: Binding): void {
    this.cluster.db.deleteEntry(THEM, TableNames.endpoints, SHOP, what.endpointId);
    this.run(1);
  }

  /** `name=addresses`, then `address weight` of the destinations. */
  get state(): string[] {
    const network = this.networks.find(SHOP);
    if (network === undefined) return ['no network'];
    const names = network.records.names.map(
      (name) => `${name}=${network.records.addressesOf(name)!.map(formatIpv4Address).join()}`,
    );
    const destinations = [...network.balancer!.ipvs!.services].flatMap((service) =>
      service.destinations.map((d) => `${formatIpv4Address(d.address)} ${d.weight}`),
    );
    return [...names.sort(), ...destinations];
  }
}

const SERVING = ['tasks.web=10.0.1.3', 'web.1.t1=10.0.1.3', 'web=10.0.1.2', '10.0.1.3 1'];

describe.each(['28', '29'])('Docker %s', (engine) => {
  test('a task comes, is disabled and goes', () => {
    const bench = new Bench(engine);
    bench.use();
    bench.write('createEntry', binding(1));
    expect(bench.state).toEqual(SERVING);
    bench.write('updateEntry', binding(1), true);
    expect(bench.state).toEqual(['web=10.0.1.2', '10.0.1.3 0']);
    bench.delete(binding(1));
    expect(bench.state).toEqual([]);
  });

  test('what was there before is served as soon as the network is', () => {
    const bench = new Bench(engine);
    bench.write('createEntry', binding(1));
    bench.use();
    expect(bench.state).toEqual(SERVING);
  });

  test('the load balancer comes late: nothing is lost', () => {
    const bench = new Bench(engine);
    bench.networks.setBalancerAddresses(new Map());
    bench.write('createEntry', binding(2));
    bench.use();
    bench.write('createEntry', binding(1));
    bench.delete(binding(2));
    bench.networks.setBalancerAddresses(new Map([[SHOP, ip('10.0.1.250')]]));
    expect(bench.state).toEqual(SERVING);
  });

  test('the network goes from the host and comes back: names and VIP too', () => {
    const bench = new Bench(engine);
    bench.use();
    bench.write('createEntry', binding(1));
    bench.networks.release(SHOP);
    expect(bench.state).toEqual(['no network']);
    bench.use();
    expect(bench.state).toEqual(SERVING);
  });

  test('the VNI is taken: the network is refused with docker’s error, and left again', () => {
    const bench = new Bench(engine);
    bench.use();
    const twin = 'twin0000000000000000000000';
    bench.networks.setBalancerAddresses(new Map([[twin, ip('10.0.1.250')]]));
    bench.use(networkOf(twin, 4097));
    expect(bench.failures).toEqual([
      undefined,
      'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": ' +
        'error creating vxlan interface: file exists',
    ]);
    expect(bench.networks.find(twin)).toBeUndefined();
  });

  test('the owner dies: its tasks go when gossip says so, and come back with it', () => {
    const bench = new Bench(engine);
    bench.use();
    bench.write('createEntry', binding(1));
    bench.cluster.fail(US, THEM);
    bench.run(1);
    expect(bench.state).toEqual([]);
  });
});

test('a disabled task that is first heard of by bulk sync: 28 serves it, 29 does not (41896)', () => {
  const stateOf = (engine: string) => {
    const bench = new Bench(engine);
    bench.write('createEntry', binding(1));
    bench.write('updateEntry', binding(1), true);
    bench.use();
    return bench.state;
  };
  expect(stateOf('28')).toEqual(SERVING);
  expect(stateOf('29')).toEqual([]);
});

test('a record that changes: 28 ignores it, 29 replaces the binding', () => {
  const stateOf = (engine: string) => {
    const bench = new Bench(engine);
    bench.use();
    bench.write('createEntry', binding(1));
    bench.write('updateEntry', binding(1, { serviceAliases: ['www'] }));
    return bench.state.filter((line) => line.includes('www'));
  };
  expect(stateOf('28')).toEqual([]);
  expect(stateOf('29')).toEqual(['tasks.www=10.0.1.3', 'www=10.0.1.2']);
});

test('a peer record that changes: 28 deletes what it never had, 29 moves the peer', () => {
  const entriesOf = (engine: string) => {
    const bench = new Bench(engine);
    bench.use();
    const mac = macOfIpv4(ip('10.0.1.9'));
    for (const [verb, vtep] of [
      ['createEntry', '203.0.113.20'],
      ['updateEntry', '203.0.113.30'],
    ] as const) {
      const value = peerValue(ip('10.0.1.9'), 24, mac, ip(vtep));
      bench.cluster.db[verb](THEM, TableNames.peers, SHOP, 'endpoint-9', value);
      bench.run(1);
    }
    const { fdb } = bench.networks.find(SHOP)!.overlay.vxlan!;
    return fdb.list(bench.cluster.world.nowNs).map(({ remote }) => formatIpv4Address(remote));
  };
  expect(entriesOf('28')).toEqual(['203.0.113.20']);
  expect(entriesOf('29')).toEqual(['203.0.113.30']);
});

test.each([
  ['abc', 'failed to parse abc: strconv.Atoi: parsing "abc": invalid syntax'],
  ['-5', 'invalid MTU value: -5'],
  [
    '100',
    'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": ' +
      'error creating vxlan interface: invalid argument',
  ],
  ['9000', undefined],
  ['0', undefined],
])('an overlay with an MTU of %s', (mtu, failure) => {
  const bench = new Bench('28');
  const network = networkOf(SHOP, 4097);
  const driver = {
    name: 'overlay',
    options: { [VXLAN_ID_LIST]: '4097', 'com.docker.network.driver.mtu': mtu },
  };
  bench.use({ ...network, driverState: driver, spec: { ...network.spec, driverConfig: driver } });
  expect(bench.failures).toEqual([failure]);
  const device = bench.networks.find(SHOP)?.overlay.vxlan;
  expect(device?.mtu).toBe(failure === undefined ? (Number(mtu) || 1500) - 50 : undefined);
});
