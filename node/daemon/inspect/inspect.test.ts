/**
 * The keys of `docker inspect` and `docker network inspect`, and their order, in every generation: as
 * moby's `api/types` has them at each version's tag.
 */
import { expect, test } from 'vitest';
import { docker } from '../../docker/docker.ts';
import { bootHost } from '../../testing/docker-host.ts';

function inspected(version: string) {
  const { daemon } = bootHost(version);
  docker(daemon, 'network create --subnet 10.5.0.0/24 --ipv6 --subnet fd00:5::/64 net');
  docker(daemon, 'run -d --name web --network net --hostname shop --network-alias www nginx');
  const [container] = JSON.parse(docker(daemon, 'inspect web').stdout);
  const text = docker(daemon, 'network inspect net').stdout;
  const [network] = JSON.parse(text);
  return { container, network, text, place: container.NetworkSettings.Networks.net };
}

const ADDRESSES = 'Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen';

test.each([
  ['20.10', `NetworkID EndpointID ${ADDRESSES} MacAddress DriverOpts`],
  ['24', `NetworkID EndpointID ${ADDRESSES} MacAddress DriverOpts`],
  ['25', `MacAddress NetworkID EndpointID ${ADDRESSES} DriverOpts DNSNames`],
  ['26', `MacAddress NetworkID EndpointID ${ADDRESSES} DriverOpts DNSNames`],
  ['27', `MacAddress DriverOpts NetworkID EndpointID ${ADDRESSES} DNSNames`],
  ['28', `MacAddress DriverOpts GwPriority NetworkID EndpointID ${ADDRESSES} DNSNames`],
  [
    '29',
    'DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress MacAddress IPPrefixLen ' +
      'IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DNSNames',
  ],
])('a place on a network in %s', (version, keys) => {
  const { place } = inspected(version);
  expect(Object.keys(place).join(' ')).toBe(`IPAMConfig Links Aliases ${keys}`);
});

test.each([
  ['24', ['www', 'ID', 'shop'], undefined],
  ['25', ['www', 'ID', 'shop'], ['web', 'www', 'ID', 'shop']],
  ['26', ['www'], ['web', 'www', 'ID', 'shop']],
])('aliases and names in %s', (version, aliases, names) => {
  const { container, place } = inspected(version);
  const withId = (list?: string[]) =>
    list?.map((name) => (name === container.Id.slice(0, 12) ? 'ID' : name));
  expect(withId(place.Aliases)).toEqual(aliases);
  expect(withId(place.DNSNames)).toEqual(names);
});

test('the settings around the places, and what is not of the network', () => {
  const keysOf = (version: string) => {
    const { container } = inspected(version);
    const settings = Object.keys(container.NetworkSettings).slice(0, 4).join(' ');
    const { HostConfig: host, Config: config } = container;
    const traits = [
      Object.keys(host).indexOf('ConsoleSize') < Object.keys(host).indexOf('CapAdd'),
      'KernelMemory' in host,
      host.MaskedPaths.includes('/sys/devices/virtual/powercap'),
      host.MaskedPaths.includes('/proc/interrupts'),
      'OnBuild' in config,
      'GraphDriver' in container,
    ].map(Number);
    return `${settings} ${traits.join('')}`;
  };
  expect(keysOf('20.10')).toBe('Bridge SandboxID HairpinMode LinkLocalIPv6Address 010011');
  expect(keysOf('24')).toBe('Bridge SandboxID HairpinMode LinkLocalIPv6Address 100011');
  expect(keysOf('25')).toBe('Bridge SandboxID SandboxKey Ports 101011');
  expect(keysOf('28.1')).toBe('Bridge SandboxID SandboxKey Ports 101011');
  expect(keysOf('28')).toBe('Bridge SandboxID SandboxKey Ports 101111');
  expect(keysOf('29')).toBe('SandboxID SandboxKey Ports Networks 101100');
});

test('since 29 a network says its gateways and how full its pools are, and its containers last', () => {
  const before = inspected('28').network;
  expect(Object.keys(before).slice(-3)).toEqual(['Containers', 'Options', 'Labels']);
  expect(before.IPAM.Config).toEqual([{ Subnet: '10.5.0.0/24' }, { Subnet: 'fd00:5::/64' }]);
  const { network, text } = inspected('29');
  expect(Object.keys(network).slice(-4)).toEqual(['Options', 'Labels', 'Containers', 'Status']);
  expect(network.IPAM.Config).toEqual([
    { Subnet: '10.5.0.0/24', Gateway: '10.5.0.1' },
    { Subnet: 'fd00:5::/64', Gateway: 'fd00:5::1' },
  ]);
  expect(network.Status.IPAM.Subnets['10.5.0.0/24']).toEqual({
    IPsInUse: 4,
    DynamicIPsAvailable: 252,
  });
  expect(text).toContain('"DynamicIPsAvailable": 18446744073709551613');
});
