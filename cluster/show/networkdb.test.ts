/**
 * NetworkDB's views have the shapes of the diagnostic server's answers, and hold what the other
 * views of the same instant hold.
 */
import { beforeAll, expect, test } from 'vitest';
import { engineVersionOf } from '../../node/engine-version.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { decodePeerRecord } from '../../wire/networkdb/record.ts';
import { Cluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';
import { viewText } from './views.ts';

let cluster: Cluster;
let worker: Machine;

beforeAll(() => {
  const engine = engineVersionOf('28')!;
  const nodes = ['manager-1', 'worker-1', 'worker-2'].map((name) => ({
    name,
    engine,
    isManager: name.startsWith('manager'),
  }));
  cluster = new Cluster({ world: new World('1'), nodes });
  cluster.world.queue.runUntil(20 * SECOND_NS);
  worker = cluster.machines[1]!;
});

const show = (view: string, network?: string, isJson = true) =>
  viewText(cluster, worker, view, undefined, { network, isJson })!;

/** The answers below titles, by their title. */
function answersOf(text: string): Map<string, string> {
  const lines = text.trimEnd().split('\n');
  return new Map(lines.flatMap((line, i) => (i % 2 === 0 ? [[line, lines[i + 1]!]] : [])));
}

const ingressId = () => worker.executor!.networks.networks[Symbol.iterator]().next().value!.id;

test('peers of the cluster and of the network, with the key that upstream misspelt', () => {
  const entries = cluster.machines
    .toSorted((a, b) => a.member! - b.member!)
    .map(({ member, addresses }) => {
      const ip = `192.168.56.${addresses.advertise & 0xff}`;
      return `{"-=name":"${cluster.swim.nameOf(member!)}","ip":"${ip}"}`;
    });
  const text = `{"message":"OK","details":{"size":3,"entries":[${entries.join(',')}]}}`;
  const answers = answersOf(show('networkdb-peers'));
  expect([...answers.keys()]).toEqual([
    '# /clusterpeers',
    `# network ingress: /networkpeers?nid=${ingressId()}`,
  ]);
  expect(answers.get('# /clusterpeers')).toBe(text);
  const ingress = JSON.parse(show('networkdb-peers', 'ingress'));
  const names = ingress.details.entries.map((entry: Record<string, string>) => entry['-=name']);
  const expected = cluster.machines.map(({ member }) => cluster.swim.nameOf(member!));
  expect(names.toSorted()).toEqual(expected.toSorted());
});

test('tables: key, record in base64 and owner', () => {
  const answers = answersOf(show('networkdb-table', 'ingress'));
  const title = `# network ingress: /gettable?tname=overlay_peer_table&nid=${ingressId()}`;
  const { message, details } = JSON.parse(answers.get(title)!);
  expect(message).toBe('OK');
  expect(details.size).toBe(3);
  expect(Object.keys(details.entries[0])).toEqual(['key', 'value', 'owner']);
  const tunnels = new Map<string, string>();
  for (const { key, value, owner } of details.entries) {
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const record = decodePeerRecord(Uint8Array.from(atob(value), (c) => c.charCodeAt(0)));
    if (typeof record === 'string') throw new Error(record);
    tunnels.set(owner, record.tunnelEndpointIp);
  }
  for (const { member, addresses } of cluster.machines) {
    const ip = `192.168.56.${addresses.dataPath & 0xff}`;
    expect(tunnels.get(cluster.swim.nameOf(member!))).toBe(ip);
  }
});

test('a table of all nodes that agree is one set, in whatever order a map has it', () => {
  const setOf = (machine: Machine) => {
    const text = viewText(cluster, machine, 'networkdb-table', undefined, {
      network: 'ingress',
      isJson: true,
    })!;
    const [answer] = [...answersOf(text).values()];
    const keys = JSON.parse(answer!).details.entries.map(({ key }: { key: string }) => key);
    expect(keys).toHaveLength(3);
    return new Set(keys);
  };
  const [first, ...others] = cluster.machines.map(setOf);
  for (const other of others) expect(other).toEqual(first);
});

test('as text: peers by number, entries in quotes, counts and the line of the log', () => {
  const name = cluster.swim.nameOf(worker.member!);
  expect(show('networkdb-peers', 'ingress', false)).toMatch(
    /^OK\ntotal entries: 3\n0\) [0-9a-f]{12} -> 192\.168\.56\.\d+\n1\) .*\n2\) .*\n$/,
  );
  const table = show('networkdb-table', 'ingress', false).split('# network ingress: ');
  expect(table).toHaveLength(3);
  const peers = table.find((text) => text.includes('overlay_peer_table'));
  expect(peers).toMatch(
    /^\/gettable\?tname=overlay_peer_table&nid=\w{25}\nOK\ntotal entries: 3\n0\) k:/,
  );
  expect(peers).toMatch(/\n0\) k:`[0-9a-f]{64}` -> v:`[\w+/=]+` owner:`[0-9a-f]{12}`\n/);
  const stats = `leaving:false netPeers:3 entries:3 Queue qLen:0 netMsg/s:0`;
  const line = `NetworkDB stats worker-1(${name}) - netID:${ingressId()} ${stats}`;
  expect(show('networkdb-stats', 'ingress', false)).toBe(`OK\nentries: 3, qlen: 0\n${line}\n`);
});

test('counts as JSON, with the tag that upstream misspelt', () => {
  const title = `# network ingress: /networkstats?nid=${ingressId()}\n`;
  const reply = '{"message":"OK","details":{"entries":3,"QueueLen":0}}\n';
  expect(show('networkdb-stats')).toBe(`${title}${reply}`);
});

test('a node without power shows nothing', () => {
  cluster.crash(1);
  for (const view of ['networkdb-peers', 'networkdb-table', 'networkdb-stats']) {
    expect(show(view)).toBe('');
  }
});
