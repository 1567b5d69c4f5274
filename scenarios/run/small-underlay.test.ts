/**
 * Underlays that take less than 1500 bytes, and what becomes of a download over an overlay: whether
 * packets vanish or meet a router, whether fragments and ICMP pass it, whether the hosts' cards know, and
 * whether the kernel tells containers.
 */
import { expect, test } from 'vitest';
import { loadScenario } from '../load.ts';
import { runScenario } from './run-scenario.ts';

interface Case {
  readonly name: string;
  readonly cluster: string;
  readonly timeline?: readonly string[];
  /** How much of the downloads is lost, the MTU that the server has been told, if any. */
  readonly lost: 0 | 1;
  readonly told?: number;
  /** Fragments of VXLAN are on the wire. */
  readonly isCut?: boolean;
}

const SMALL = 'underlay: { mtu: 1400';
const CARDS = ['manager-1', 'worker-1'].map(
  (node) => `{ at: 1s, exec: { on: ${node}, run: ip link set eth0 mtu 1400 } }`,
);

const CASES: readonly Case[] = [
  { name: 'what is too long vanishes', cluster: `${SMALL} }`, lost: 1 },
  {
    name: 'a router cuts VXLAN, which does not forbid it',
    cluster: `${SMALL}, too-long: routed }`,
    lost: 0,
    isCut: true,
  },
  {
    name: 'a firewall drops the fragments',
    cluster: `${SMALL}, too-long: routed-no-fragments }`,
    lost: 1,
  },
  {
    name: 'cards know, and a new kernel tells the containers',
    cluster: `${SMALL} }`,
    timeline: CARDS,
    lost: 0,
    told: 1350,
  },
  {
    name: 'cards know, and an old kernel cuts',
    cluster: `${SMALL} }, kernel: "5.4"`,
    timeline: CARDS,
    lost: 0,
    isCut: true,
  },
  {
    name: 'over IPv6 a router tells the host, which tells the container',
    cluster: `${SMALL}, too-long: routed }, ipv6: advertised`,
    lost: 0,
    told: 1330,
  },
  {
    name: 'over IPv6 with ICMP filtered nobody is told',
    cluster: `${SMALL}, too-long: routed }, ipv6: advertised`,
    timeline: ['{ at: 1s, drop: { between: [all, all], protocol: icmpv6 } }'],
    lost: 1,
  },
  {
    name: 'over IPv6 of 1500 bytes the container is told 1430',
    cluster: 'ipv6: advertised',
    lost: 0,
    told: 1430,
  },
];

const STACK = `
services:
  files:
    image: shop/files
    networks: [shop]
    deploy: { placement: { constraints: [node.role == worker] } }
    x-swarmlab: { listen: [{ port: 80, protocol: http, response: 20kB }] }
  client:
    image: shop/client
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
    x-swarmlab: {}
networks:
  shop:
`;

test.each(CASES)('$name', ({ cluster, timeline = [], lost, told, isCut = false }) => {
  const scenario = `
name: small
cluster: { workers: 1, ${cluster} }
stack: stack.yaml
traffic:
  - { name: page, from: client, to: "http://tasks.files/", rate: 2/s, timeout: 2s, start: 5s }
timeline: [${timeline.join(', ')}]
until: 10s
`;
  const read = (path: string) => (path === 'stack.yaml' ? STACK : scenario);
  const { loaded, issues } = loadScenario('x.yaml', read);
  expect(issues).toEqual([]);
  let fragmentCount = 0;
  const { cluster: run, result } = runScenario(loaded!, {
    onCluster: ({ underlay }) =>
      underlay.onAttach((uplink) => {
        uplink.tap = (_device, { bytes, start }) => {
          const isIpv4 = bytes[start + 12] === 8 && bytes[start + 13] === 0;
          if (isIpv4 && (bytes[start + 20]! & 0x3f) !== 0) fragmentCount++;
        };
      }),
  });
  expect(result.measures['traffic.page.lost']?.value).toBe(lost);
  expect(fragmentCount > 0).toBe(isCut);
  const sandbox = [...run.machines[1]!.executor!.containers.values()][0]!.sandbox!;
  const { namespace } = sandbox;
  const client = [...run.machines[0]!.executor!.containers.values()][0]!.sandbox!.endpoints[0]!;
  expect(namespace.pathMtus.find(client.address)?.mtuBytes).toBe(told);
});
