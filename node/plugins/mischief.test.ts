/**
 * Whatever a plugin says or does not say, dockerd answers whoever typed, and when everything is removed
 * again nothing stays behind that is not the plugin's own.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVethPair } from '../../net/device/veth.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { MINUTE_NS } from '../../sim/time.ts';
import type { CommandResult } from '../docker/command.ts';
import { dockerWords } from '../docker/docker.ts';
import type { Host } from '../host/host.ts';
import { bootHost, rulesOf } from '../testing/docker-host.ts';
import { type PluginAttempt, PluginFolder } from './plugin-folder.ts';

const METHODS = [
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'NetworkDriver.CreateNetwork',
  'NetworkDriver.CreateEndpoint',
  'NetworkDriver.Join',
  'NetworkDriver.Leave',
  'NetworkDriver.DeleteEndpoint',
  'NetworkDriver.ProgramExternalConnectivity',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces',
  'IpamDriver.RequestPool',
  'IpamDriver.RequestAddress',
] as const;

/** What a plugin says that wants no trouble. */
const KIND: Readonly<Record<string, object>> = {
  'Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
  'NetworkDriver.GetCapabilities': { Scope: 'local' },
  'NetworkDriver.Join': { InterfaceName: { SrcName: 'dev0', DstPrefix: 'eth' } },
  'IpamDriver.RequestPool': { PoolID: 'p', Pool: '10.9.0.0/24' },
  'IpamDriver.RequestAddress': { Address: '10.9.0.2/24' },
};

const text = fc.constantFrom('', 'dev0', 'dev1', 'eth', '10.9.0.1', '10.9.0.0/24', 'f00', '0/0');
const value = fc.oneof(text, fc.constantFrom(null, 0, true), fc.constant([]));
const reply = fc.record(
  {
    Err: fc.constantFrom('', 'no'),
    Error: fc.constantFrom('', 'no'),
    Scope: fc.constantFrom('local', 'global', 'far'),
    Implements: fc.constantFrom(['NetworkDriver', 'IpamDriver'], [], null),
    Interface: fc.oneof(value, fc.record({ Address: value, MacAddress: value })),
    InterfaceName: fc.oneof(value, fc.record({ SrcName: value, DstPrefix: value })),
    Gateway: value,
    StaticRoutes: fc.oneof(
      value,
      fc.array(fc.record({ Destination: value, RouteType: value, NextHop: value })),
    ),
    DisableGatewayService: value,
    Pool: value,
    PoolID: value,
    Address: value,
    Data: fc.oneof(value, fc.record({ 'com.docker.network.gateway': value })),
  },
  { requiredKeys: [] },
);
const attempt: fc.Arbitrary<PluginAttempt> = fc.oneof(
  { weight: 6, arbitrary: reply.map((body) => ({ status: 200, body: JSON.stringify(body) })) },
  fc.constantFrom({ status: 404, body: 'what?' }, { status: 500, body: '{"Err":"ouch"}' }),
  fc.constantFrom({ status: 200, body: '' }, { status: 200, body: '[' }, { error: 'EOF' }),
);
/** Strange in one method or two, so that it comes to something. */
const mischief = fc.uniqueArray(fc.tuple(fc.constantFrom(...METHODS), attempt), {
  maxLength: 2,
  selector: ([method]) => method,
});

/** What a host looks like to somebody who counts; not dev0 and dev1, which are the plugin's. */
function stateOf({ namespace, namespaces, networks, docker0 }: Host) {
  return {
    rules: rulesOf(namespace).replace(/^\*(raw|mangle)\n(:.*\n)*COMMIT\n/gm, ''),
    devices: namespace.devices.list().map(({ name }) => name),
    namespaces: [...namespaces.keys()],
    networks: networks.list().map(({ name, endpoints }) => `${name} ${endpoints.size}`),
    bridgePorts: docker0.bridge.ports.length,
  };
}

test.each(['20.10', '28'])('nothing stays behind on %s', (engine) => {
  fc.assert(
    fc.property(mischief, fc.constantFrom('-d acme', '', '-d acme --internal'), (list, driver) => {
      const odd = new Map<string, PluginAttempt>(list);
      const host = bootHost(engine);
      const { namespace, plugins, world } = host;
      for (const name of ['dev0', 'dev1']) {
        const pair = createVethPair(name, 0x0200_0000_0001, `${name}-host`, 0x0200_0000_0002);
        for (const end of pair) namespace.addDevice(end);
      }
      plugins.listen(PluginFolder.pathOf('acme'), {
        post: ({ method }, answer) =>
          answer(odd.get(method) ?? { status: 200, body: JSON.stringify(KIND[method] ?? {}) }),
      });
      const type = (line: string) => {
        let result: CommandResult | undefined;
        dockerWords(host.daemon, splitWords(line), (own) => {
          result = own;
        });
        world.queue.runUntil(world.nowNs + 10 * MINUTE_NS);
        expect(result, line).toBeDefined();
        expect(result!.exitCode === 0 || result!.stderr !== '', line).toBe(true);
      };
      // the bridge to the outside stays once it was made
      type('network create -o com.docker.network.bridge.name=docker_gwbridge docker_gwbridge');
      const fresh = stateOf(host);
      type(`network create ${driver} --ipam-driver acme net`);
      type('run -d --name web --network net -p 8080:80 nginx');
      type('network create own');
      type('network connect own web');
      type('restart -t 0 web');
      type('network disconnect net web');
      type('network connect net web');
      type('rm -f web');
      type('network rm own');
      type('network rm net');
      expect(stateOf(host)).toEqual(fresh);
    }),
    { numRuns: 50, seed: 11 },
  );
});
