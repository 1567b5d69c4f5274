/**
 * The lab's three-node swarm against the simulated one: what the tools print in every namespace, on
 * a kernel with ip_vs and ESP (V cases) and on one without (B cases).
 */
import { describe, expect, test } from 'vitest';
import { PingSocket } from '../../net/socket/ping.ts';
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { RealCase } from './fixtures.ts';
import { kindsOfSummary, withRoles } from './frame-kinds.ts';
import { forwardingLines, neighbourLines, routeLines } from './json-dumps.ts';
import { mappedBlocks, mappedLines, mappedSet, type Roles } from './mapping.ts';
import { rolesOfInspection, rolesOfLab } from './roles.ts';
import { SwarmLab } from './swarm-lab.ts';

/** A namespace as the lab's files and as the simulated lab call it. */
interface Place {
  readonly node: number;
  readonly real: string;
  readonly simulated: string;
}

/** One listing: the lab's file, and how the two are brought together. */
interface Listing {
  readonly file: string;
  readonly view: string;
  readonly toText?: (json: never) => string;
  readonly map: (text: string, roles: Roles) => string[];
  readonly isFor?: (place: Place) => boolean;
}

/**
 * What a bridge or a vxlan device has learned comes and goes with traffic. docker0 of the lab's first
 * node once had containers, and kept the IPv6 address and group that it got with them.
 */
function withoutLearned(text: string, roles: Roles): string[] {
  const lines = mappedSet(text, roles).filter((line) => line.endsWith('permanent'));
  return lines.filter((line) => line !== '33:33:ff dev docker0 self permanent');
}

function addressesOf(text: string, roles: Roles): string[] {
  return mappedBlocks(text, roles).map((block) =>
    block.startsWith('docker0:') ? block.replace(/\n *inet6 .*\n.*/, '') : block,
  );
}

/**
 * On node2 of the V cases two goroutines of dockerd each moved this jump to the head at once, and it
 * is there twice. The simulated daemon does one thing after the other.
 */
const RACED_JUMP = '-A FORWARD -j DOCKER-USER';

function rulesOf(text: string, roles: Roles): string[] {
  const lines = mappedLines(text, roles);
  return lines.filter((line, i) => line !== RACED_JUMP || lines.indexOf(line) === i);
}

/** Connections come and go with traffic. */
function balancersOf(text: string, roles: Roles): string[] {
  return mappedSet(text, roles).map((line) => line.replace(/(Masq +\d+) .*/, '$1'));
}

const LISTINGS: readonly Listing[] = [
  { file: 'iptables_save.txt', view: 'iptables', map: rulesOf },
  { file: 'ip_addr.txt', view: 'ip-addr', map: addressesOf },
  { file: 'ip_route.json', view: 'ip-route', toText: routeLines, map: mappedLines },
  { file: 'bridge_fdb.json', view: 'bridge-fdb', toText: forwardingLines, map: withoutLearned },
  {
    file: 'ip_neigh.json',
    view: 'ip-neigh',
    toText: neighbourLines,
    map: mappedSet,
    isFor: ({ real }) => real.startsWith('ns_1-'),
  },
  {
    file: 'ipvsadm_Ln.txt',
    view: 'ipvs',
    map: balancersOf,
    isFor: ({ real }) => real.startsWith('ns_lb_') || real === 'ns_ingress_sbox',
  },
];

/** Compares a namespace, listing by listing, as far as the lab has kept it. */
function expectSame(
  real: RealCase,
  inspected: readonly RealCase[],
  lab: SwarmLab,
  place: Place,
): void {
  const folder = real.folder(`node${place.node}/${place.real}`);
  const networks = inspected.flatMap((one) => one.networks());
  const realRoles = rolesOfInspection(networks, place.node);
  const roles = rolesOfLab(lab, place.node);
  for (const { file, view, toText, map, isFor } of LISTINGS) {
    const path = `${folder}/${file}`;
    if (!real.paths.includes(path) || isFor?.(place) === false) continue;
    const text = toText === undefined ? real.text(path) : toText(real.json(path) as never);
    const simulated = lab.show(place.node, place.simulated, view);
    expect
      .soft(map(simulated, roles), `${view} of ${place.simulated} on node ${place.node}`)
      .toEqual(map(text, realRoles));
  }
}

/** The namespaces that every node of every case has. */
function everyNode(count: number, ingress: string): Place[] {
  return Array.from({ length: count }, (_, i) => i + 1).flatMap((node) => [
    { node, real: 'host', simulated: 'host' },
    { node, real: 'ns_ingress_sbox', simulated: 'ingress_sbox' },
    { node, real: `ns_1-${ingress}`, simulated: '1- ingress' },
  ]);
}

/** The namespaces of a user network on some nodes. */
function network(id: string, name: string, nodes: readonly number[]): Place[] {
  return nodes.flatMap((node) => [
    { node, real: `ns_lb_${id.slice(0, 9)}`, simulated: `lb_ ${name}` },
    { node, real: `ns_1-${id}`, simulated: `1- ${name}` },
  ]);
}

function container(node: number, real: string, simulated = real): Place {
  return { node, real: `ct_${real}`, simulated };
}

/** Compares a case; `inspected` names cases whose inspect files tell further addresses. */
function expectCase(
  name: string,
  lab: SwarmLab,
  places: readonly Place[],
  ...inspected: string[]
): void {
  const real = new RealCase(name);
  const all = [...inspected.map((other) => new RealCase(other)), real];
  for (const place of places) expectSame(real, all, lab, place);
}

/** Gossip kept the lab's hosts known to each other; here it is no packets. */
const OF_HOSTS = /^42 ARP 192\.168\.56\./;

/** What one device of a capture of the lab's summary saw, and what was captured here. */
interface Captured {
  readonly name: string;
  readonly device: string;
  readonly kinds: readonly string[];
}

const NO_ROLES: Roles = new Map();

/** Compares captures; addresses are the same, or a case's inspect files tell the lab's. */
function expectCaptures(
  summary: string,
  inspected: string | undefined,
  lab: SwarmLab,
  captures: readonly Captured[],
): void {
  const text = new RealCase('pcap').text(`${summary}.txt`);
  const hasRoles = inspected !== undefined;
  const realRoles = hasRoles ? rolesOfInspection(new RealCase(inspected).networks(), 1) : NO_ROLES;
  const roles = hasRoles ? rolesOfLab(lab, 1) : NO_ROLES;
  for (const { name, device, kinds } of captures) {
    const ofContainers = kinds.filter((kind) => !OF_HOSTS.test(kind));
    const mapped = ofContainers.map((kind) => withRoles(kind, roles));
    const real = kindsOfSummary(text, name, device, realRoles);
    expect.soft(mapped, `${device} of ${name}`).toEqual(real);
  }
}

describe('with ip_vs and ESP', () => {
  const lab = new SwarmLab();
  const places = [...everyNode(2, 'i8eoxx49xg'), ...network('uq0325agqm', 'net1', [1])];
  const kept = places.filter(({ real }) => !real.startsWith('ns_1-'));
  const names = { probe1: 'ns_5dea3a10f709', 'web.1': 'ns_6d80c8cebe55' };
  const containers = Object.entries(names).map(([simulated, real]) => ({
    node: 1,
    real,
    simulated,
  }));

  test('V01: three tasks on one node, published port, a container beside them', () => {
    lab.createNetwork('net1');
    const publish = { port: 8080, target: 80, mode: 'ingress' } as const;
    lab.createService({ name: 'web', network: 'net1', replicas: 3, node: 'node1', publish });
    lab.runContainer('probe1', 'net1', 'node1');
    expectCase('V01b-after-traffic', lab, [...places, ...containers]);
    expect([1, 2].map((node) => lab.holdsPort(node, 8080))).toEqual([true, true]);
  });

  test('V02: scaled to one', () => {
    lab.scale('web', 1);
    expectCase('V02-scaled-to-1', lab, kept, 'V01b-after-traffic');
  });

  test('V03: the service is gone; the SNAT rule of each balancer stays', () => {
    lab.removeService('web');
    expectCase('V03-service-removed', lab, kept, 'V01b-after-traffic');
    expect([1, 2].map((node) => lab.holdsPort(node, 8080))).toEqual([false, false]);
  });

  test('V04: an encrypted network; only ESP passes, up to an inner MTU of 1424', () => {
    lab.createNetwork('secret1', { encrypted: '' });
    lab.runContainer('E1', 'secret1', 'node1');
    lab.runContainer('E2', 'secret1', 'node2');
    const hosts = [1, 2].map((node) => ({ node, real: 'host', simulated: 'host' }));
    expectCase('V04-encrypted-overlay', lab, hosts, 'V01b-after-traffic');
    const captures = [
      { name: 'V04-host', device: 'eth0', kinds: lab.capture(1, 'host', 'eth0') },
      { name: 'V04-E1', device: 'eth0', kinds: lab.capture(1, 'E1', 'eth0') },
    ];
    const to = lab.addressOf(2, 'E2');
    expect(lab.ping(1, 'E1', to, { count: 3 })).toHaveLength(3);
    const long = [true, false].flatMap((dontFragment) =>
      [1396, 1397].map((payloadBytes) => lab.ping(1, 'E1', to, { payloadBytes, dontFragment })),
    );
    const e2 = formatIpv4Address(to);
    expect(long.flat()).toEqual([
      `1404 bytes from ${e2}: icmp_seq=1 ttl=64`,
      'ping: local error: message too long, mtu=1424',
      `1404 bytes from ${e2}: icmp_seq=1 ttl=64`,
      `1405 bytes from ${e2}: icmp_seq=1 ttl=64`,
    ]);
    expectCaptures('V04-esp', 'V04-encrypted-overlay', lab, captures);
  });
});

describe('without ip_vs and ESP', () => {
  const ingress = everyNode(3, 'jhg2jkox46');

  describe('an attachable network and services', () => {
    const lab = new SwarmLab(['ip_vs', 'esp']);

    test('B01: three nodes idle', () => {
      expectCase('B01-swarm-idle', lab, ingress);
    });

    test('B02: workers do not know a network that they have no task on', () => {
      lab.createNetwork('my-overlay');
      expectCase('B02-overlay-attachable-a-created', lab, everyNode(2, 'jhg2jkox46'));
    });

    test('B02: a container on each node', () => {
      for (const node of [1, 2, 3]) lab.runContainer(`CT${node}`, 'my-overlay', `node${node}`);
      expectCase('B02-overlay-attachable', lab, [
        ...ingress,
        ...network('o3j74f546r', 'my-overlay', [1, 2, 3]),
        ...[1, 2, 3].map((node) => container(node, `CT${node}`)),
      ]);
    });

    test('B02: a ping between nodes, frame by frame; ARP stays where it is asked', () => {
      const captures = [1, 2].flatMap((node) => {
        const places = {
          host: 'host',
          [`ct_CT${node}`]: `CT${node}`,
          '1-o3j74f546r': '1- my-overlay',
        };
        return Object.entries(places).flatMap(([real, simulated]) => {
          const devices = real.startsWith('1-') ? ['vxlan0', 'br0'] : ['eth0'];
          return devices.map((device) => ({
            name: `B02-ping-cross-node.node${node}-${real}`,
            device,
            kinds: lab.capture(node, simulated, device),
          }));
        });
      });
      expect(lab.ping(1, 'CT1', lab.addressOf(2, 'CT2'), { count: 2 })).toHaveLength(2);
      expectCaptures('B02-ping-cross-node', 'B02-overlay-attachable', lab, captures);
    });

    test('B02: an address that nobody has is asked for three times, and not on the wire', () => {
      const places = { host: 'host', ct_CT1: 'CT1', '1-o3j74f546r': '1- my-overlay' };
      const captures = Object.entries(places).map(([real, simulated]) => {
        const device = real.startsWith('1-') ? 'vxlan0' : 'eth0';
        const name = `B02-arp-absent-address.node1-${real}`;
        return { name, device, kinds: lab.capture(1, simulated, device) };
      });
      lab.ping(1, 'CT1', parseIpv4Address('10.0.1.99')!);
      expectCaptures('B02-arp-absent-address', 'B02-overlay-attachable', lab, captures);
    });

    test('B02: the network leaves the node of the container that ended', () => {
      lab.removeService('CT3');
      expectCase('B02-overlay-attachable-b-CT3-gone', lab, [
        ...ingress,
        ...network('o3j74f546r', 'my-overlay', [1, 2]),
        container(1, 'CT1'),
        container(2, 'CT2'),
      ]);
    });
  });

  describe('services on a network', () => {
    const lab = new SwarmLab(['ip_vs', 'esp'], 'lab 2');
    const net1 = network('hemmjkhok9', 'net1', [1, 2, 3]);
    const probes = [1, 2, 3].map((node) => container(node, `probe${node}`));

    test('B03: a task on each node; the VIP is a name only', () => {
      lab.createNetwork('net1');
      lab.createService({ name: 'web', network: 'net1', replicas: 3 });
      for (const node of [1, 2, 3]) lab.runContainer(`probe${node}`, 'net1', `node${node}`);
      const tasks = [1, 2, 3].map((node) => container(node, `web.${node}`));
      expectCase('B03-service-replicas-3', lab, [...ingress, ...net1, ...probes, ...tasks]);
    });

    test('B03: a VIP that no balancer has is like an address that nobody has', () => {
      const captures = [
        { place: 'probe1', device: 'eth0', name: 'B03-arp-vip.node1-ct_probe1' },
        { place: '1- net1', device: 'vxlan0', name: 'B03-arp-vip.node1-1-hemmjkhok9' },
      ].map((one) => ({ ...one, kinds: lab.capture(1, one.place, one.device) }));
      PingSocket.start(lab.namespace(1, 'probe1').sockets, { address: lab.vipOf('web', 'net1') });
      lab.run(1.5); // as long as the lab looked
      expectCaptures('B03-arp-vip', 'B03-service-replicas-3', lab, captures);
    });

    test('B03: scaled to one, and removed', () => {
      lab.scale('web', 1);
      expectCase('B03b-scaled-to-1', lab, [...ingress, ...net1, ...probes, container(1, 'web.1')]);
      lab.removeService('web');
      expectCase('B03c-service-removed', lab, [...ingress, ...net1, ...probes]);
    });

    test('B04: names of single tasks instead of a VIP', () => {
      lab.createService({ name: 'rr', network: 'net1', replicas: 3, isDnsrr: true });
      const places = [...network('hemmjkhok9', 'net1', [1]), container(1, 'probe1')];
      places.push(container(1, 'rr.1'));
      expectCase('B04-dnsrr', lab, places, 'B03c-service-removed');
    });
  });

  describe('published ports, and encryption', () => {
    const lab = new SwarmLab(['ip_vs', 'esp']);

    test('B05: a port that is published by nobody', () => {
      for (const name of ['first', 'second', 'third']) lab.createNetwork(name);
      const publish = { port: 8080, target: 80, mode: 'ingress' } as const;
      lab.createService({ name: 'nginx', replicas: 2, publish });
      const tasks = [container(1, 'nginx.2'), container(2, 'nginx.1')];
      expectCase('B05-ingress-noipvs', lab, [...ingress, ...tasks]);
      lab.removeService('nginx');
    });

    test('B06: a port of the node, on the default bridge', () => {
      const publish = { port: 8085, target: 80, mode: 'host' } as const;
      lab.createService({ name: 'hostpub', isGlobal: true, publish });
      const hosts = [1, 2].map((node) => ({ node, real: 'host', simulated: 'host' }));
      expectCase('B06-publish-mode-host', lab, hosts);
      lab.removeService('hostpub');
    });

    test('B07: an encrypted network that nothing passes', () => {
      lab.createNetwork('secret1', { encrypted: '' });
      for (const node of [1, 2, 3]) lab.runContainer(`E${node}`, 'secret1', `node${node}`);
      expectCase('B07-encrypted-overlay', lab, [
        ...ingress,
        ...network('4dcq28zg7v', 'secret1', [1, 2, 3]),
        ...[1, 2, 3].map((node) => container(node, `E${node}`)),
      ]);
      const captured = lab.capture(1, 'host', 'eth0');
      expect(lab.ping(1, 'E1', lab.addressOf(2, 'E2'), { count: 2 })).toEqual([]);
      expect(captured).toEqual([]);
    });
  });

  test('B08: an overlay passes 1450 bytes, over an underlay of 1400 bytes 1350', () => {
    const lab = new SwarmLab(['ip_vs', 'esp']);
    for (const number of [1, 2, 3, 4, 5]) lab.createNetwork(`over${number}`);
    for (const node of [1, 2]) lab.runContainer(`CT${node}`, 'over5', `node${node}`);
    const to = lab.addressOf(2, 'CT2');
    const ct2 = formatIpv4Address(to);
    const pings = (count: number, dontFragment: boolean, payloads: readonly number[]) =>
      payloads.map((payloadBytes) =>
        lab.ping(1, 'CT1', to, { count, dontFragment, payloadBytes }).join(', '),
      );
    const answer = (bytes: number) => `${bytes + 8} bytes from ${ct2}: icmp_seq=1 ttl=64`;
    const tooLong = (mtu: number) => `ping: local error: message too long, mtu=${mtu}`;
    expect(pings(1, true, [1422, 1423])).toEqual([answer(1422), tooLong(1450)]);
    expect(pings(1, false, [1422, 1423, 4000])).toEqual([1422, 1423, 4000].map(answer));
    const host = lab.namespace(1, 'host');
    host.setMtu(host.deviceByName('eth0')!, 1400);
    lab.cluster.underlay.paths.install({
      covers: (from, toHost) => from === 0 || toHost === 0,
      mtuBytes: 1400,
    });
    expect(pings(1, true, [1322])).toEqual([answer(1322)]);
    expect(pings(2, true, [1323, 1372])).toEqual([
      `From ${ct2} icmp_seq=1 Frag needed and DF set (mtu = 1350), ${tooLong(1350)}`,
      `${tooLong(1350)}, ${tooLong(1350)}`,
    ]);
    const devices = [
      { node: 1, place: 'CT1', real: 'node1-ct_CT1' },
      { node: 1, place: 'host', real: 'node1-host' },
      { node: 2, place: 'host', real: 'node2-host' },
    ];
    const captures = devices.map(({ node, place, real }) => {
      const name = `B08-underlay-1400.${real}`;
      return { name, device: 'eth0', kinds: lab.capture(node, place, 'eth0') };
    });
    // the request passes in two parts; the answer in one is lost on its way
    expect(pings(1, false, [1422])).toEqual(['']);
    expectCaptures('B08-underlay-1400', undefined, lab, captures);
  });
});
