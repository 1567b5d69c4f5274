/**
 * NetworkDB at size: 500 nodes, 50 networks, 5,000 endpoints with a record in each of the two tables.
 *
 * Each endpoint is on one network and each node has ten of them, so a network has 100 nodes, or with
 * `--networks-of-node 50` all. All is deployed in one instant, or has been there for long
 * (`--established`), stays quiet for ten minutes, and then a fifth of the nodes is drained: a thousand
 * tasks are disabled, deleted and created elsewhere, and nodes join and leave networks for them. A
 * phase ends when all members of each network hold the same. Membership is memberlist's, with all
 * members up.
 */
import { parseArgs } from 'node:util';

import { CountedKind } from '../gossip/networkdb/counters.ts';
import { NetworkDb } from '../gossip/networkdb/network-db.ts';
import { Swim } from '../gossip/swim.ts';
import { UniformNetwork } from '../scenarios/gossip/uniform-network.ts';
import { drawBelow } from '../sim/chance.ts';
import { MICROSECOND_NS, SECOND_NS } from '../sim/time.ts';
import { World } from '../sim/world.ts';
import { formatTable } from './support/table.ts';

const { values: flags } = parseArgs({
  options: {
    nodes: { type: 'string', default: '500' },
    networks: { type: 'string', default: '50' },
    endpoints: { type: 'string', default: '5000' },
    'networks-of-node': { type: 'string', default: '0' },
    established: { type: 'boolean', default: false },
  },
});
const NODES = Number(flags.nodes);
const NETWORKS = Number(flags.networks);
const ENDPOINTS = Number(flags.endpoints);
/** On how many networks a node is; at least those of its endpoints. */
const NETWORKS_OF_NODE = Number(flags['networks-of-node']);
const DRAINED_SHARE = 0.2;
const PATIENCE_SECONDS = 1200;
const QUIET_SECONDS = 600;
const GENERATION = 1;

/** Bytes of a service's endpoint record and of a peer record. */
const VALUE_BYTES = { endpoint_table: 120, overlay_peer_table: 46 } as const;
type Table = keyof typeof VALUE_BYTES;
const TABLES = Object.keys(VALUE_BYTES) as Table[];

interface Endpoint {
  readonly id: string;
  readonly network: number;
  readonly node: number;
}

/** The cluster, with the daemons up and known to each other. */
class Lab {
  readonly world = new World('networkdb-scale');
  readonly swim: Swim;
  readonly db: NetworkDb;
  readonly #key: number;
  readonly #attached: Set<number>[] = [];
  readonly endpoints: Endpoint[] = [];

  constructor() {
    const { world } = this;
    const conditions = {
      latencyNsMin: 100 * MICROSECOND_NS,
      latencyNsMax: 300 * MICROSECOND_NS,
      lossRatio: 0,
    };
    const underlay = new UniformNetwork(world, conditions, (member) => this.swim.isUp(member));
    this.swim = new Swim({ world, underlay });
    this.db = new NetworkDb({ world, carrier: this.swim });
    this.#key = world.chance.key('bench');
    for (let node = 0; node < NODES; node++) {
      const startAtNs = drawBelow(this.#key, SECOND_NS, node);
      const name = node.toString(16).padStart(12, '0');
      const address = 0x0a00_0001 + node;
      this.swim.addMember({ name, address, startAtNs });
      world.queue.scheduleCallback(startAtNs, () => {
        this.db.addNode({ node, name, hostname: `host-${node}`, address, generation: GENERATION });
      });
      this.#attached.push(new Set());
    }
    world.queue.runUntil(SECOND_NS);
    this.swim.establish();
    for (let observer = 0; observer < NODES; observer++) {
      for (let subject = 0; subject < NODES; subject++) this.db.notifyJoin(observer, subject);
    }
    this.swim.setDelegate(this.db);
    for (let i = 0; i < ENDPOINTS; i++) {
      const node = i % NODES;
      const network = (node + Math.floor(i / NODES) * 7) % NETWORKS;
      this.endpoints.push({ id: i.toString(16).padStart(64, '0'), network, node });
    }
  }

  /** Every node is on its networks, and all know of all entries. */
  establish(): void {
    for (const { node, network } of this.endpoints) this.#attached[node]!.add(network);
    for (let node = 0; node < NODES; node++) {
      for (const network of this.#networksOf(node)) this.#attached[node]!.add(network);
    }
    for (let network = 0; network < NETWORKS; network++) {
      const members = [...this.#attached.keys()].filter((n) => this.#attached[n]!.has(network));
      const own = this.endpoints.filter((endpoint) => endpoint.network === network);
      const entries = own.flatMap(({ id, node }) =>
        TABLES.map((table) => ({ table, key: id, value: recordOf(table), owner: node })),
      );
      this.db.establish({ id: networkIdOf(network), members, entries });
    }
  }

  /** Every node joins its networks and writes its entries. */
  deploy(): void {
    for (const endpoint of this.endpoints) this.#start(endpoint);
    for (let node = 0; node < NODES; node++) {
      const attached = this.#attached[node]!;
      for (const network of this.#networksOf(node)) {
        if (attached.has(network)) continue;
        attached.add(network);
        this.db.joinNetwork(node, networkIdOf(network));
      }
    }
  }

  /** The tasks of the first nodes stop as `docker node update --availability drain` stops them. */
  drain(): void {
    const drainedCount = Math.floor(NODES * DRAINED_SHARE);
    const { queue } = this.world;
    for (const [i, endpoint] of this.endpoints.entries()) {
      if (endpoint.node >= drainedCount) continue;
      const { id, network, node } = endpoint;
      const networkId = networkIdOf(network);
      const value = recordOf('endpoint_table');
      this.db.updateEntry(node, 'endpoint_table', networkId, id, value);
      const to = drainedCount + drawBelow(this.#key, NODES - drainedCount, i, 1);
      const next = { id: `beef${id.slice(4)}`, network, node: to };
      const startAtNs = queue.nowNs + drawBelow(this.#key, 2 * SECOND_NS, i, 2);
      queue.scheduleCallback(startAtNs, () => this.#start(next));
      queue.scheduleCallback(queue.nowNs + 2 * SECOND_NS, () => {
        for (const table of TABLES) this.db.deleteEntry(node, table, networkId, id);
      });
    }
    queue.scheduleCallback(queue.nowNs + 4 * SECOND_NS, () => {
      for (let node = 0; node < drainedCount; node++) {
        for (const network of this.#attached[node]!) {
          this.db.leaveNetwork(node, networkIdOf(network));
        }
      }
    });
  }

  #networksOf(node: number): number[] {
    return Array.from({ length: NETWORKS_OF_NODE }, (_, i) => (node + i * 7) % NETWORKS);
  }

  #start({ id, network, node }: Endpoint): void {
    const networkId = networkIdOf(network);
    const write = () => {
      for (const table of TABLES) this.db.createEntry(node, table, networkId, id, recordOf(table));
    };
    const attached = this.#attached[node]!;
    if (attached.has(network)) {
      write();
      return;
    }
    attached.add(network);
    this.db.joinNetwork(node, networkId, write);
  }
}

function networkIdOf(network: number): string {
  return `network${String(network).padStart(18, '0')}`;
}

function recordOf(table: Table) {
  const sizeBytes = VALUE_BYTES[table];
  return { sizeBytes, encode: () => new Uint8Array(sizeBytes) };
}

function totalsOf({ db }: Lab): number[] {
  const totals: number[] = [];
  for (const kind of Object.values(CountedKind)) {
    let messages = 0;
    let bytes = 0;
    for (let node = 0; node < NODES; node++) {
      messages += db.counters.messagesOf(node, kind);
      bytes += db.counters.bytesOf(node, kind);
    }
    totals.push(messages, bytes);
  }
  return totals;
}

const lab = new Lab();
const rows: string[][] = [];
const sent: string[][] = [];

/** Whether a phase has ended that has played so many seconds. */
type IsOver = (second: number) => boolean;

/** All members of each network see the same. */
const agrees: IsOver = (second) => second > 5 && lab.db.disputedCount === 0;

/** Nobody has gossiped anything for a second. */
function silence(): IsOver {
  let before = -1;
  return () => {
    const totals = totalsOf(lab);
    const gossiped = totals[2 * CountedKind.networkEvent]! + totals[2 * CountedKind.tableGossip]!;
    const isOver = gossiped === before;
    before = gossiped;
    return isOver;
  };
}

/** Runs a phase and notes what it took. */
function phase(name: string, begin: () => void, seconds: number, isOver: IsOver): void {
  const { queue } = lab.world;
  const beganAtNs = queue.nowNs;
  const before = totalsOf(lab);
  const eventsBefore = queue.firedCount;
  const cpuBefore = process.cpuUsage();
  begin();
  let settled = 0;
  for (let second = 1; second <= seconds; second++) {
    queue.runUntil(beganAtNs + second * SECOND_NS);
    settled = second;
    if (isOver(second)) break;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuSeconds = (user + system) / 1e6;
  const heapMb = process.memoryUsage().heapUsed / 2 ** 20;
  // the largest take minutes: who stops them has something all the same
  console.error(`${name}: ${settled} virtual s in ${cpuSeconds.toFixed(1)} CPU s`);
  rows.push([
    name,
    String(settled),
    cpuSeconds.toFixed(2),
    (settled / cpuSeconds).toFixed(1),
    String(queue.firedCount - eventsBefore),
    heapMb.toFixed(0),
    (process.resourceUsage().maxRSS / 1024).toFixed(0),
    String(lab.db.disputedCount),
  ]);
  const after = totalsOf(lab);
  Object.keys(CountedKind).forEach((kind, i) => {
    const messages = after[2 * i]! - before[2 * i]!;
    const bytes = after[2 * i + 1]! - before[2 * i + 1]!;
    if (messages > 0) sent.push([name, kind, String(messages), (bytes / 1e6).toFixed(1)]);
  });
}

if (flags.established) lab.establish();
else {
  phase('deploy', () => lab.deploy(), PATIENCE_SECONDS, agrees);
  phase('settle', () => {}, PATIENCE_SECONDS, silence());
}
phase(
  'quiet',
  () => {},
  QUIET_SECONDS,
  () => false,
);
phase('drain', () => lab.drain(), PATIENCE_SECONDS, agrees);
const headings = [
  'phase',
  'virtual s',
  'CPU s',
  'virtual s per CPU s',
  'events',
  'heap MB',
  'peak MB',
  'disputed',
];
console.log(formatTable(headings, rows));
console.log(`\n${formatTable(['phase', 'message', 'count', 'MB'], sent)}`);
