/**
 * The walks of a swarm as text, with any engine: between tasks of one node and of two, to a virtual
 * address, into the routing mesh from outside, from the node itself and from a container beside the
 * swarm; and over an encrypted network, with keys and without.
 */
import { isNoPlace, placeOf } from '../../cluster/places.ts';
import type { Namespace } from '../../net/namespace.ts';
import { PingSocket } from '../../net/socket/ping.ts';
import { Watch } from '../../net/watch.ts';
import { addContainer } from '../../node/testing/docker-host.ts';
import { namespaceNamesOf } from '../../scenarios/explain/namespace-names.ts';
import { runScenario } from '../../scenarios/run/run-scenario.ts';
import { assert } from '../../sim/assert.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { loadInline } from './runs.ts';
import { ip } from './street.ts';
import { walkLines } from './walk-lines.ts';

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

const ENCRYPTED = `
services:
  web:
    image: shop/web
    networks: [secret]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.hostname == worker-1] } }
    x-swarmlab: { listen: [{ port: 80, protocol: http }] }
  far:
    image: shop/far
    networks: [secret]
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.hostname == worker-2] } }
networks:
  secret: { driver_opts: { encrypted: "" } }
`;

/** What is drawn anew when anything else changes. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\bveth[0-9a-f]{7}\b/g, 'vethXXXXXXX'],
  [/\.(\d+):(?:32[7-9]|(?:3[3-9]|4\d|5\d|60)\d)\d\d\b/g, '.$1:CPORT'],
  [/port (?:32[7-9]|(?:3[3-9]|4\d|5\d|60)\d)\d\d\b/g, 'port CPORT'],
];

/** A swarm of three nodes after twelve seconds, and the walks that are written down in it. */
function meshOf(docker: string, stack: string) {
  const loaded = loadInline(
    {
      name: 'mesh',
      cluster: { docker, managers: 1, workers: 2 },
      stack: 'mesh.compose.yaml',
      until: '12s',
    },
    { 'mesh.compose.yaml': stack },
  );
  const { cluster } = runScenario(loaded, { untilNs: 12 * SECOND_NS });
  const { queue } = cluster.world;
  const names: Record<string, string> = { ...namespaceNamesOf(cluster) };
  const lines: string[] = [];
  const at = (on: string): Namespace => {
    const place = placeOf(cluster, { on });
    if (isNoPlace(place)) throw new Error(place.error);
    return place.namespace;
  };
  /** A service's address on the stack's network. */
  const addressOf = (service: string): string => {
    const { devices, addresses } = at(service);
    const own = devices.list().flatMap((device) => addresses.of(device));
    const texts = own.map(({ address }) => formatIpv4Address(address));
    return texts.find((text) => text.startsWith('10.0.1.'))!;
  };
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
  const written = () =>
    VOLATILE.reduce((all, [pattern, word]) => all.replaceAll(pattern, word), lines.join('\n'));
  return { cluster, names, at, addressOf, walk, written };
}

/** The walks W8 to W11d, as they are written down. */
export function walksOfMesh(docker: string): string {
  const { cluster, names, at, addressOf, walk, written } = meshOf(docker, STACK);
  const host = cluster.machines.find(({ name }) => name === 'worker-2')!.host!;
  const { sandbox } = addContainer(host, host.docker0, 'beside');
  sandbox.addRoute({ destination: 0, prefixLength: 0, gateway: host.docker0.gateway });
  names[sandbox.name] = 'worker-2/beside';
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
  return written();
}

/** `ip xfrm state flush` */
function forgetKeys({ xfrm }: Namespace): void {
  for (const { destination, spi } of [...xfrm!.associations]) {
    xfrm!.removeAssociation(destination, spi);
  }
}

/** The walks W14 over an encrypted network, and what goes wrong without rules and keys. */
export function walksOfEncryption(docker: string): string {
  const { at, addressOf, walk, written } = meshOf(docker, ENCRYPTED);
  const web = addressOf('web');
  const [one, two] = [at('worker-1'), at('worker-2')];
  walk('W14 between tasks of two nodes', at('far'), web, 80);
  const marks = two.tables.save(['mangle']);
  assert(two.tables.run('-t mangle -F OUTPUT') === undefined, 'a chain is flushed');
  walk('W14 the sender has lost the rule that marks what is to be encrypted', at('far'), web, 80);
  two.tables.restore(marks);
  const keys = [...one.xfrm!.associations];
  forgetKeys(one);
  walk('W14 the receiver has lost its keys', at('far'), web, 80);
  for (const { key, ...spec } of keys) {
    one.xfrm!.addAssociation({ ...spec, key: key.map((byte) => byte ^ 1) });
  }
  walk('W14 the receiver has other keys', at('far'), web, 80);
  forgetKeys(two);
  walk('W14 the sender has lost its keys', at('far'), web, 80);
  return written();
}
