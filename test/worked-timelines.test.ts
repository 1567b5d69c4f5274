/**
 * What the other hosts hear of a task that starts, of one that stops, and of a host that dies, and
 * when: every event of NetworkDB's two tables, as the overlay driver and service discovery get it.
 */
import { expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { CountedKind } from '../gossip/networkdb/counters.ts';
import { EndpointValue, type PeerValue, TableNames } from '../node/network/table-values.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../sim/time.ts';
import { loadInline } from './support/runs.ts';

const EVENT_NS = 20 * SECOND_NS;
const STACK = `
services:
  web:
    image: nginx
    ports: ["8080:80"]
    networks: [shop]
    deploy: { replicas: 1, placement: { max_replicas_per_node: 1 } }
    healthcheck: { test: ["CMD", "curl", "localhost"], interval: 1s }
    x-swarmlab: { startup: 500ms, listen: [{ port: 80, protocol: http }] }
  everywhere:
    image: shop/client
    networks: [shop]
    deploy: { mode: global }
    x-swarmlab: {}
networks:
  shop:
`;

interface Heard {
  readonly node: number;
  readonly seconds: number;
  /** The network's name, what happened, and whose endpoint it is. */
  readonly what: string;
  readonly endpoint: string;
  readonly owner: number;
}

interface Run {
  readonly cluster: Cluster;
  readonly heard: Heard[];
}

/** Plays a timeline whose first entry is at 20 s; what was heard from then on. */
function play(timeline: Parameters<typeof loadInline>[0]['timeline'], until: string, more?: Probe) {
  const cluster = { managers: 1, workers: 3 };
  const scenario = { name: 'timeline', cluster, stack: 'stack.yaml', timeline, until };
  const heard: Heard[] = [];
  const run = runScenario(loadInline(scenario, { 'stack.yaml': STACK }), {
    seed: '1',
    onCluster: (own) => {
      own.world.queue.scheduleCallback(EVENT_NS - 1, () => listen(own, heard));
      more?.(own);
    },
  });
  return { cluster: run.cluster, heard };
}

type Probe = (cluster: Cluster) => void;

function listen({ db, machines }: Cluster, heard: Heard[]): void {
  for (const { index, member, executor } of machines) {
    for (const { id, name } of executor!.networks.networks) {
      let isLive = false;
      db.watch(member!, { networkId: id }, ({ kind, table, key, value, owner }, nowNs) => {
        if (!isLive) return;
        const isDisabled = value instanceof EndpointValue && value.isDisabled;
        const state = kind === 'update' ? (isDisabled ? ' disabled' : ' other') : '';
        const seconds = (nowNs - EVENT_NS) / SECOND_NS;
        const what = `${name.replace('stack_', '')} ${kind} ${table}${state}`;
        heard.push({ node: index, seconds, what, endpoint: key, owner });
      });
      isLive = true;
    }
  }
}

/** When the nodes heard of something: the first and the last, in seconds after the event. */
function spanOf({ heard }: Run, what: string): { nodes: number[]; first: number; last: number } {
  const found = heard.filter((one) => one.what === what);
  const seconds = found.map((one) => one.seconds);
  const nodes = found.map(({ node }) => node).sort((a, b) => a - b);
  return { nodes, first: Math.min(...seconds), last: Math.max(...seconds) };
}

test('a task starts: its peer record when its network is up, its endpoint record when it is healthy', () => {
  const run = play([{ at: '20s', scale: { web: 2 } }], '40s');
  const peer = spanOf(run, 'shop create overlay_peer_table');
  const endpoint = spanOf(run, 'shop create endpoint_table');
  const ingress = spanOf(run, 'ingress create endpoint_table');
  const firstHeard = run.heard.find(({ what }) => what === 'shop create overlay_peer_table')!;
  const owner = run.cluster.machineOfMember(firstHeard.owner).index;
  const others = [0, 1, 2, 3].filter((node) => node !== owner);
  for (const { nodes, first, last } of [peer, endpoint, ingress]) {
    expect(nodes).toEqual(others);
    expect(last - first).toBeLessThan(0.8);
  }
  expect(endpoint.first - peer.first).toBeGreaterThan(0.5);
  expect(endpoint.first - peer.first).toBeLessThan(2.5);
  expect(Math.abs(endpoint.first - ingress.first)).toBeLessThan(0.4);
  expect(run.heard.map(({ what }) => what).filter((what) => /delete|update/.test(what))).toEqual(
    [],
  );
  // the drivers have done as they were told
  const { value } = entryOf(run, TableNames.peers, firstHeard.endpoint);
  const { mac, vtep } = value as PeerValue;
  expect(vtep).toBe(run.cluster.machines[owner]!.addresses.dataPath);
  for (const node of others) {
    const vxlan = shopOf(run, node).overlay.vxlan!;
    expect(vxlan.fdb.find(mac, run.cluster.world.nowNs)?.remote).toBe(vtep);
  }
});

test('a task stops: disabled, two seconds later gone; its tombstones last half an hour', () => {
  const counts: number[][] = [];
  const timeline = [
    { at: '20s', scale: { web: 2 } },
    { at: '30s', scale: { web: 1 } },
  ];
  const run = play(timeline, '31m', (cluster) => {
    for (const atNs of [29 * SECOND_NS, 40 * SECOND_NS, 30 * MINUTE_NS, 31 * MINUTE_NS]) {
      cluster.world.queue.scheduleCallback(atNs - MILLISECOND_NS, () => {
        counts.push(
          cluster.machines.map(({ index, member }) => {
            const network = shopOf({ cluster }, index);
            return cluster.db.statsOf(member!, network.id).entries;
          }),
        );
      });
    }
  });
  const disabled = spanOf(run, 'shop update endpoint_table disabled');
  const gone = spanOf(run, 'shop delete endpoint_table');
  const peerGone = spanOf(run, 'shop delete overlay_peer_table');
  for (const { nodes, first, last } of [disabled, gone, peerGone]) {
    expect(nodes).toHaveLength(3);
    expect(last - first).toBeLessThan(0.8);
  }
  expect(gone.first - disabled.first).toBeGreaterThan(1.9);
  expect(gone.first - disabled.first).toBeLessThan(2.6);
  expect(Math.abs(peerGone.first - gone.first)).toBeLessThan(0.25);
  // both records are counted as long as their tombstones are there, on every node
  const [before, after, late, reaped] = counts;
  expect(after).toEqual(before);
  expect(late).toEqual(before);
  expect(reaped).toEqual(before!.map((count) => count - 2));
});

test('a host dies: every other one drops its entries by its own verdict, and no table message goes', () => {
  const sent: number[] = [];
  const run = play([{ at: '20s', crash: 'worker-1' }], '45s', (cluster) => {
    for (const seconds of [22, 29]) {
      cluster.world.queue.scheduleCallback(seconds * SECOND_NS, () => {
        const { db, machines } = cluster;
        const running = machines.filter(({ isOn }) => isOn);
        const count = (member: number) => db.counters.messagesOf(member, CountedKind.tableGossip);
        sent.push(running.reduce((sum, { member }) => sum + count(member!), 0));
      });
    }
  });
  const dead = run.heard.filter(({ what }) => what.includes('delete'));
  const kinds = [...new Set(dead.map(({ what }) => what))].sort();
  expect(kinds).toContain('ingress delete overlay_peer_table');
  expect(kinds).toContain('shop delete endpoint_table');
  expect(kinds).toContain('shop delete overlay_peer_table');
  const seconds = dead.map((one) => one.seconds);
  expect(Math.min(...seconds)).toBeGreaterThan(4.9);
  expect(Math.max(...seconds)).toBeLessThan(9);
  for (const node of [0, 2, 3]) {
    const own = dead.filter((one) => one.node === node);
    expect(new Set(own.map((one) => one.seconds)).size).toBe(1);
  }
  expect(sent[1]).toBe(sent[0]);
});

function shopOf({ cluster }: Pick<Run, 'cluster'>, node: number) {
  const networks = cluster.machines[node]!.executor!.networksIfAny!.networks;
  return networks.find(({ name }) => name.endsWith('_shop'))!;
}

function entryOf(run: Run, table: string, key: string) {
  const { cluster } = run;
  const { id } = shopOf(run, 0);
  const entries = cluster.db.entriesOf(cluster.machines[0]!.member!, table, id);
  return entries.find((entry) => entry.key === key)!;
}
