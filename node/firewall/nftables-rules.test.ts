/**
 * The nftables rules of Docker 29 for bridges, against the tables of moby's own documentation of them
 * (`integration/network/bridge/nftablesdoc`, as `nft -s list` prints them).
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Host } from '../host/host.ts';
import type { BridgeNetwork } from '../network/bridge-network.ts';
import { addBridge, addContainer, bootHost } from '../testing/docker-host.ts';

const documented = new Map(
  readFileSync(new URL('testdata/nftables.txt', import.meta.url), 'utf8')
    .split(/^== /m)
    .slice(1)
    .map((part): [string, string] => [
      part.slice(0, part.indexOf('\n')),
      part.slice(part.indexOf('\n') + 1).trimEnd(),
    ]),
);

function boot(flags: { hasUserlandProxy?: boolean; setsForwarding?: boolean } = {}): Host {
  const wishes = { setsForwarding: false, ...flags, usesNftables: true };
  return bootHost('29', undefined, undefined, wishes);
}

function tableOf({ namespace }: Host): string {
  return namespace.nftables.execute('-s list ruleset').stdout.trimEnd();
}

function run(host: Host, network: BridgeNetwork, hostAddress = '') {
  const { endpoint } = addContainer(host, network, `c-${network.name}`);
  const containerAddress = formatIpv4Address(endpoint.address);
  const mapping = { protocol: 'tcp', hostAddress, hostPort: 8080, containerPort: 80 } as const;
  network.publish(endpoint, [{ ...mapping, containerAddress }]);
  return endpoint;
}

test.each([
  ['a new daemon', {}, () => {}],
  ['a published port', {}, (host: Host) => run(host, addBridge(host, 'bridge1', '192.0.2.0/24'))],
  [
    'a port published on a loopback address',
    {},
    (host: Host) => run(host, addBridge(host, 'bridge1', '192.0.2.0/24'), '127.0.0.1'),
  ],
  [
    'without communication between containers',
    {},
    (host: Host) => run(host, addBridge(host, 'bridge1', '192.0.2.0/24', { hasIcc: false })),
  ],
  [
    'internal networks',
    {},
    (host: Host) => {
      addBridge(host, 'bridgeICC', '192.0.2.0/24', { isInternal: true });
      addBridge(host, 'bridgeNoICC', '198.51.100.0/24', { isInternal: true, hasIcc: false });
    },
  ],
  [
    'without userland proxy',
    { hasUserlandProxy: false },
    (host: Host) => run(host, addBridge(host, 'bridge1', '192.0.2.0/24')),
  ],
  [
    'a nat-unprotected network',
    {},
    (host: Host) =>
      run(host, addBridge(host, 'bridge1', '192.0.2.0/24', { gatewayMode: 'nat-unprotected' })),
  ],
  [
    'a routed network',
    {},
    (host: Host) => {
      const network = addBridge(host, 'bridge1', '192.0.2.0/24', { gatewayMode: 'routed' });
      const { endpoint } = addContainer(host, network, 'c1');
      const containerAddress = formatIpv4Address(endpoint.address);
      const mapping = { protocol: 'tcp', hostAddress: '', hostPort: 0, containerPort: 80 } as const;
      network.publish(endpoint, [{ ...mapping, containerAddress }]);
    },
  ],
] as const)('%s', (name, flags, make) => {
  const host = boot(flags);
  make(host);
  expect(tableOf(host)).toBe(documented.get(name));
  expect(host.namespace.tables.save()).not.toContain('DOCKER');
});

test('forwarding that the daemon has switched on is for its bridges only', () => {
  expect(tableOf(boot({ setsForwarding: true }))).toContain(
    'type filter hook forward priority filter; policy drop;',
  );
});

test('everything that networks and containers wrote goes with them', () => {
  const host = boot();
  const before = tableOf(host);
  const network = addBridge(host, 'bridge1', '192.0.2.0/24');
  const internal = addBridge(host, 'vault', '198.51.100.0/24', { isInternal: true });
  network.detach(run(host, network, '127.0.0.1'));
  network.remove();
  internal.remove();
  expect(tableOf(host)).toBe(before);
});
