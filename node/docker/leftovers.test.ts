/**
 * Whatever somebody types, in whatever order, and whatever becomes of dockerd and firewalld meanwhile:
 * the daemon answers, and when everything is removed again nothing stays behind of it – no rule,
 * device, socket, namespace, address or port.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import type { Host } from '../host/host.ts';
import { bootHost, rulesOf } from '../testing/docker-host.ts';
import { docker } from './docker.ts';

const CONTAINERS = ['alpha', 'beta', 'gamma'];
const NETWORKS = ['red', 'green', 'bridge', 'host', 'none'];

const container = fc.constantFrom(...CONTAINERS);
const network = fc.constantFrom(...NETWORKS);
const flags = fc.subarray(
  [
    '-p 8080:80',
    '-p 53:53/udp',
    '-p 127.0.0.1:9000:90',
    '-P --expose 7',
    '--link alpha:first',
    '--network-alias www',
    '--rm',
    '--ip 172.18.0.7',
    '--mac-address 02:00:00:00:00:77',
    '--restart always',
  ],
  { maxLength: 3 },
);
const place = fc.oneof(
  network,
  container.map((name) => `container:${name}`),
);

const command = fc.oneof(
  fc
    .tuple(container, place, flags)
    .map(
      ([name, where, more]) => `run -d --name ${name} --network ${where} ${more.join(' ')} nginx`,
    ),
  container.map((name) => `start ${name}`),
  container.map((name) => `stop ${name}`),
  container.map((name) => `restart ${name}`),
  container.map((name) => `rm -f ${name}`),
  fc.tuple(network, container).map(([n, c]) => `network connect --alias other ${n} ${c}`),
  fc.tuple(network, container).map(([n, c]) => `network disconnect ${n} ${c}`),
  network.map((name) => `network rm ${name}`),
  container.map((name) => `pause ${name}`),
  container.map((name) => `unpause ${name}`),
  fc.constantFrom('dockerd stop', 'dockerd kill', 'dockerd start', 'firewalld reload'),
  fc.constantFrom(
    'network create --subnet 172.18.0.0/16 red',
    'network create --internal green',
    'network create -d macvlan --subnet 10.1.0.0/24 -o parent=eth0.7 green',
    'network create -d ipvlan --subnet 10.1.0.0/24 -o ipvlan_mode=l3 -o parent=eth0 red',
  ),
);

/** What a host looks like to somebody who counts. */
function stateOf(host: Host) {
  const { namespace, namespaces } = host;
  return {
    rules: rulesOf(namespace).replace(/^\*(raw|mangle)\n(:.*\n)*COMMIT\n/gm, ''),
    devices: namespace.devices.list().map(({ name }) => name),
    listeners: namespace.sockets.listeners().length + namespace.sockets.udpSockets().length,
    namespaces: [...namespaces.keys()],
    networks: host.networks.list().map(({ name, endpoints }) => `${name} ${endpoints.size}`),
    bridgePorts: host.docker0.bridge.ports.length,
  };
}

/** Does something to a service of the host; false for what is typed. */
function actOn({ process, firewalld }: Host, line: string): boolean {
  if (line === 'dockerd stop') process.stop();
  else if (line === 'dockerd kill') process.kill();
  else if (line === 'dockerd start') process.start();
  else if (line === 'firewalld reload') firewalld!.reload();
  else return false;
  return true;
}

test.each(['20.10', '27', '28', '29'])('nothing stays behind on %s', (engine) => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 25 }), (lines) => {
      const host = bootHost(engine, undefined, undefined, {}, { hasFirewalld: true });
      host.firewalld!.reload();
      const fresh = stateOf(host);
      const { queue } = host.world;
      const type = (line: string) => {
        const { stderr, exitCode } = docker(host.daemon, line);
        expect(exitCode === 0 || stderr !== '').toBe(true);
        queue.runUntil(queue.nowNs + SECOND_NS);
      };
      for (const line of lines) if (!actOn(host, line)) type(line);
      actOn(host, 'dockerd start');
      for (const name of CONTAINERS) type(`rm -f ${name}`);
      type('network prune -f');
      expect(stateOf(host)).toEqual(fresh);
      type('run -d --name last -p 8080:80 nginx');
      const last = host.daemon.find('last')!;
      expect(last.attachments.get('bridge')!.endpoint!.address & 0xffff).toBe(2);
      expect(last.mappings()).toHaveLength(1);
    }),
    { numRuns: 60, seed: 7 },
  );
});
