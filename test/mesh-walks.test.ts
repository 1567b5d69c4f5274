/**
 * The walks of a swarm, there and back: between tasks of one node and of two, to a virtual address,
 * and into the routing mesh from outside, from the node itself and from a container beside the swarm.
 */
import { expect, test } from 'vitest';
import { isNoPlace, placeOf } from '../cluster/places.ts';
import type { Namespace } from '../net/namespace.ts';
import { PingSocket } from '../net/socket/ping.ts';
import { Watch } from '../net/watch.ts';
import { addContainer } from '../node/testing/docker-host.ts';
import { namespaceNamesOf } from '../scenarios/explain/namespace-names.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { loadInline } from './support/runs.ts';
import { ip } from './support/street.ts';
import { walkLines } from './support/walk-lines.ts';

const STACK = `
services:
  web:
    image: shop/web
    ports: ["8080:80"]
    networks: [shop]
    deploy: { placement: { constraints: [node.hostname == worker-1] } }
    x-swarmlab: { listen: [{ port: 80, protocol: http }] }
  near:
    image: shop/near
    networks: [shop]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.hostname == worker-1] } }
  far:
    image: shop/far
    networks: [shop]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.hostname == worker-2] } }
networks:
  shop:
`;

/** What is drawn anew when anything else changes. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\bveth[0-9a-f]{7}\b/g, 'vethXXXXXXX'],
  [/\.(\d+):(3[3-9]|4\d|5\d|60)\d{3}\b/g, '.$1:CPORT'],
  [/port (3[3-9]|4\d|5\d|60)\d{3}\b/g, 'port CPORT'],
];

test.each(['20.10', '28'])('engine %s', async (docker) => {
  const loaded = loadInline(
    {
      name: 'mesh',
      cluster: { docker, managers: 1, workers: 2 },
      stack: 'mesh.compose.yaml',
      until: '12s',
    },
    { 'mesh.compose.yaml': STACK },
  );
  const { cluster } = runScenario(loaded, { untilNs: 12 * SECOND_NS });
  const { queue } = cluster.world;
  const at = (on: string): Namespace => {
    const place = placeOf(cluster, { on });
    if (isNoPlace(place)) throw new Error(place.error);
    return place.namespace;
  };
  /** Its address on the shop's network. */
  const addressOf = (service: string): string => {
    const { devices, addresses } = at(service);
    const own = devices.list().flatMap((device) => addresses.of(device));
    const texts = own.map(({ address }) => formatIpv4Address(address));
    return texts.find((text) => text.startsWith('10.0.1.'))!;
  };
  const host = cluster.machines.find(({ name }) => name === 'worker-2')!.host!;
  const { sandbox } = addContainer(host, host.docker0, 'beside');
  sandbox.addRoute({ destination: 0, prefixLength: 0, gateway: host.docker0.gateway });
  const names = { ...namespaceNamesOf(cluster), [sandbox.name]: 'worker-2/beside' };
  const lines: string[] = [];
  const walk = (title: string, from: Namespace, to: string, port?: number) => {
    const watch = new Watch();
    watch.open(from.sockets, () => {
      const address = ip(to);
      const source = from === cluster.outside ? { sourceAddress: ip('198.51.100.7') } : {};
      if (port !== undefined) from.sockets.connect({ address, port, ...source, handlers: {} });
      else PingSocket.start(from.sockets, { address, onResult: () => {} });
    });
    queue.runUntil(queue.nowNs + SECOND_NS / 2);
    from.sockets.onSend = undefined;
    lines.push(`== ${title}`, ...walkLines(watch, names), '');
  };
  walk('W8 between tasks of one node', at('near'), addressOf('web'), 80);
  walk('W9 between tasks of two nodes', at('far'), addressOf('web'), 80);
  walk('W9 the same, by ping', at('far'), addressOf('near'));
  const vip = '10.0.1.2';
  walk('W10 to a virtual address, answered on the same node', at('near'), vip, 80);
  walk('W10 to a virtual address, answered on another node', at('far'), vip, 80);
  walk('W10 a ping of a virtual address', at('far'), vip);
  walk('W11 into the mesh by a node without a task', cluster.outside, '192.168.56.103', 8080);
  walk('W11b into the mesh by the node of the task', cluster.outside, '192.168.56.102', 8080);
  walk('W11c the node itself to 127.0.0.1', at('worker-2'), '127.0.0.1', 8080);
  walk('W11c the node itself to its own address', at('worker-2'), '192.168.56.103', 8080);
  walk('W11d a container of docker0 into the mesh', sandbox, '192.168.56.103', 8080);
  const text = VOLATILE.reduce(
    (all, [pattern, word]) => all.replaceAll(pattern, word),
    lines.join('\n'),
  );
  await expect(text).toMatchFileSnapshot(`testdata/packet-walks/mesh-${docker}.txt`);
});
