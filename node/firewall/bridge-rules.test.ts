/**
 * The rules that a host writes, against dumps: of real hosts with Docker 20.10 where there are any,
 * and for 28 and 29 those that their documentation and code give.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Host } from '../host/host.ts';
import type { BridgeNetwork } from '../network/bridge-network.ts';
import {
  addBridge,
  addContainer,
  bootHost,
  rulesOf,
  withoutCounters,
} from '../testing/docker-host.ts';

const dumps = JSON.parse(
  readFileSync(new URL('../../test/fixtures/iptables-save.json', import.meta.url), 'utf8'),
) as { file: string; text: string }[];

function realDump(name: string): string {
  const dump = dumps.find(({ file }) => file === `${name}/iptables_save.txt`);
  if (dump === undefined) throw new Error(`no dump of ${name}`);
  return withoutCounters(dump.text);
}

function publish(
  host: Host,
  network: BridgeNetwork,
  hostPort: number,
  containerPort: number,
  hostAddress = '',
) {
  const container = addContainer(host, network, `container-${hostPort}`);
  const containerAddress = formatIpv4Address(container.endpoint.address);
  network.publish(container.endpoint, [
    { protocol: 'tcp', hostAddress, hostPort, containerAddress, containerPort },
  ]);
  return container;
}

test('a fresh daemon', () => {
  expect(rulesOf(bootHost('20.10').namespace)).toBe(realDump('A00-fresh-daemon/node1/host'));
});

test('a user network and three published containers', () => {
  const host = bootHost('20.10');
  addBridge(host, 'br-e89db1da3efe', '192.168.58.0/24');
  for (const port of [8080, 8081, 8082]) publish(host, host.docker0, port, 80);
  expect(rulesOf(host.namespace)).toBe(realDump('A02-bridge-published-3/node1/host'));
});

test('everything that networks and containers wrote goes with them', () => {
  for (const engine of ['20.10', '27', '28', '29']) {
    const host = bootHost(engine);
    const before = rulesOf(host.namespace);
    const network = addBridge(host, 'br-0123456789ab', '172.30.0.0/16');
    const internal = addBridge(host, 'br-ba9876543210', '172.31.0.0/16', { isInternal: true });
    const { endpoint } = publish(host, network, 8080, 80, '127.0.0.1');
    network.detach(endpoint);
    network.remove();
    internal.remove();
    const after = rulesOf(host.namespace).replace(/^\*raw\n(:.*\n)*COMMIT\n/, '');
    expect([engine, after]).toEqual([engine, before]);
    expect(host.namespace.deviceByName('br-0123456789ab')).toBeUndefined();
  }
});

test('an internal network', () => {
  const host = bootHost('20.10');
  addBridge(host, 'br-29f7082ccf14', '172.30.0.0/16', { isInternal: true });
  expect(rulesOf(host.namespace)).toBe(realDump('A06-internal-bridge/node1/host'));
});

test('a user network beside docker0', () => {
  const host = bootHost('20.10');
  addBridge(host, 'br-bb54afd6443c', '10.0.0.0/24');
  expect(rulesOf(host.namespace)).toBe(realDump('A03-user-bridge-dns/node1/host'));
});

const SHOP = 'br-c0ffee00aa01';

/** docker0 with web on 8080, `shop` with api on 127.0.0.1:9000. */
function shopHost(engine: string): string {
  const host = bootHost(engine);
  const shop = addBridge(host, SHOP, '172.18.0.0/16');
  publish(host, host.docker0, 8080, 80);
  publish(host, shop, 9000, 9000, '127.0.0.1');
  return rulesOf(host.namespace);
}

function chainLines(dump: string): string[] {
  return dump.split('\n').filter((line) => /^(\*|-A|:\S+ (-|DROP))/.test(line));
}

test('two networks with a published port each, as 20.10, 28 and 29 write them', () => {
  const golden = readFileSync(new URL('testdata/shop.txt', import.meta.url), 'utf8');
  for (const part of golden.split(/^== /m).slice(1)) {
    const [engine, ...lines] = part.trimEnd().split('\n');
    expect([engine, ...chainLines(shopHost(engine!))]).toEqual([engine, ...lines]);
  }
});

test('without communication between containers, and internal, on 28 and 29', () => {
  const golden = readFileSync(new URL('testdata/closed-networks.txt', import.meta.url), 'utf8');
  for (const part of golden.split(/^== /m).slice(1)) {
    const [engine, ...lines] = part.trimEnd().split('\n');
    const host = bootHost(engine!);
    const before = chainLines(rulesOf(host.namespace));
    addBridge(host, 'br-no-icc', '172.20.0.0/16', { hasIcc: false });
    addBridge(host, 'br-internal', '172.21.0.0/16', { isInternal: true });
    const added = chainLines(rulesOf(host.namespace)).filter((line) => !before.includes(line));
    expect([engine, ...added]).toEqual([engine, ...lines]);
  }
});
