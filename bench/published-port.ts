/**
 * Datagrams through two Docker hosts: out of a container, masqueraded by its host, over the wire,
 * through the published port of the other host into a container there; and the same with answers.
 * Two hosts route each, nine devices carry it, two connections are tracked and rewritten. Both hosts
 * have three networks and twenty published containers. The aim is 100,000 packets a second.
 */
import { createVethPair, type Veth } from '../net/device/veth.ts';
import type { Namespace } from '../net/namespace.ts';
import { engineVersionOf } from '../node/engine-version.ts';
import { Host } from '../node/host/host.ts';
import { Identifiers } from '../node/host/identifiers.ts';
import { addBridge, addContainer } from '../node/testing/docker-host.ts';
import { World } from '../sim/world.ts';
import { formatIpv4Address, parseIpv4Address, parsePrefix } from '../wire/addresses.ts';
import { nsPerOperation } from './support/measure.ts';
import { formatTable } from './support/table.ts';

const PACKET_COUNT = 100_000;
const BATCH = 100;
const PAYLOAD = new Uint8Array(100);
const PUBLISHED_COUNT = 20;
const AIM_PER_SECOND = 100_000;
const ip = (text: string): number => parseIpv4Address(text)!;

/** One host with its networks; the last container on docker0 is returned, its port 53 published. */
function street(engineText: string) {
  const world = new World('published port');
  const cable = createVethPair('eth0', 0x0200_0000_0001, 'eth0', 0x0200_0000_0002);
  const hosts = cable.map((uplink, index) => bootHost(world, engineText, uplink, index));
  const [client, server] = hosts.map((host) => populate(host)) as [Namespace, Namespace];
  let answeredCount = 0;
  let servedCount = 0;
  let answers = false;
  const service = server.sockets.openUdp({
    onDatagram: (bytes, from, port, socket) => {
      servedCount++;
      if (answers) socket.sendTo(bytes, from, port);
    },
  });
  service.bind(53);
  const asker = client.sockets.openUdp({
    onDatagram: () => {
      answeredCount++;
    },
  });
  const to = ip('203.0.113.11');
  const run = (withAnswers: boolean) => () => {
    answers = withAnswers;
    for (let i = 1; i <= PACKET_COUNT; i++) {
      asker.sendTo(PAYLOAD, to, 8000 + PUBLISHED_COUNT - 1);
      if (i % BATCH === 0) world.queue.runUntil(world.nowNs + 1_000_000);
    }
  };
  return { run, counts: () => ({ servedCount, answeredCount }) };
}

function bootHost(world: World, engineText: string, uplink: Veth, index: number): Host {
  return new Host({
    world,
    index,
    name: `host-${index}`,
    engine: engineVersionOf(engineText)!,
    address: parsePrefix(`203.0.113.1${index}/24`)!,
    gateway: ip('203.0.113.1'),
    uplink,
    identifiers: new Identifiers(world.chance, index),
  });
}

function populate(host: Host): Namespace {
  const networks = [
    host.docker0,
    addBridge(host, 'br-000000000001', '172.30.0.0/16'),
    addBridge(host, 'br-000000000002', '172.31.0.0/16'),
  ];
  let last: Namespace | undefined;
  for (let i = 0; i < PUBLISHED_COUNT; i++) {
    const network = networks[(i + 2) % networks.length]!;
    const { sandbox, endpoint } = addContainer(host, network, `c${i}`);
    sandbox.addRoute({ destination: 0, prefixLength: 0, gateway: network.gateway });
    const containerAddress = formatIpv4Address(endpoint.address);
    const publish = {
      protocol: 'udp',
      hostAddress: '',
      containerAddress,
      containerPort: 53,
    } as const;
    network.publish(endpoint, [{ ...publish, hostPort: 8000 + i }]);
    last = sandbox;
  }
  return last!;
}

const rows: string[][] = [];
for (const engine of ['20.10', '28', '29']) {
  const { run, counts } = street(engine);
  const oneWayNs = nsPerOperation(PACKET_COUNT, run(false), 3);
  const thereAndBackNs = nsPerOperation(2 * PACKET_COUNT, run(true), 3);
  const { servedCount, answeredCount } = counts();
  if (servedCount < 8 * PACKET_COUNT - BATCH || answeredCount < 4 * PACKET_COUNT - BATCH) {
    throw new Error(`packets were lost: ${servedCount} served, ${answeredCount} answered`);
  }
  for (const [what, ns] of [
    ['there', oneWayNs],
    ['there and back', thereAndBackNs],
  ] as const) {
    const perSecond = 1e9 / ns;
    const ratio = (perSecond / AIM_PER_SECOND).toFixed(1);
    rows.push([`${engine} ${what}`, ns.toFixed(0), Math.round(perSecond).toString(), ratio]);
  }
}
console.log(formatTable(['engine', 'ns a packet', 'packets a second', 'of the aim'], rows));
