/**
 * A link that is cut for 15 s, over the real membership engine, against three live nodes of each
 * generation (moby v24.0.9, 29.x of August 2026, master of August 2026; 4 to 10 rounds each).
 */
import { expect, test } from 'vitest';
import { NetworkDb } from '../gossip/networkdb/network-db.ts';
import { opaqueValue } from '../gossip/networkdb/testing/opaque-value.ts';
import { Swim } from '../gossip/swim.ts';
import { drawBelow } from '../sim/chance.ts';
import { MICROSECOND_NS, SECOND_NS } from '../sim/time.ts';
import { World } from '../sim/world.ts';
import { GossipKeys } from './gossip-keys.ts';
import { GossipNetwork } from './gossip-network.ts';
import { DEFAULT_CONDITIONS } from './underlay/conditions.ts';
import { Exchanges } from './underlay/exchange.ts';
import { Underlay } from './underlay/underlay.ts';

const NET = 'net';
const TABLE = 'overlay_peer_table';
const ROUNDS = 12;

/** Three daemons on an Ethernet segment, and nothing else of a host. */
class Lab {
  readonly world: World;
  readonly db: NetworkDb;
  readonly #underlay: Underlay;
  readonly #exchanges: Exchanges;
  #cut = 0;

  constructor(seed: string) {
    const world = new World(seed);
    const latency = { minNs: 30_000, maxNs: 90_000 };
    this.world = world;
    this.#underlay = new Underlay(world, 3, { ...DEFAULT_CONDITIONS, latency });
    this.#exchanges = new Exchanges(world, this.#underlay, { portState: () => 'open' });
    const itself = (member: number) => member;
    const keys = new GossipKeys(world);
    const gossip = new GossipNetwork(this.#underlay, this.#exchanges, keys, itself, () => true);
    const swim = new Swim({ world, underlay: gossip });
    this.#underlay.paths.beforeChange = () => swim.beforeUnderlayChange();
    this.db = new NetworkDb({ world, carrier: swim });
    swim.setDelegate(this.db);
    this.addMember = (name, address) => void swim.addMember({ name, address });
  }

  readonly addMember: (name: string, address: number) => void;

  run(seconds: number): void {
    this.world.queue.runUntil(this.world.nowNs + seconds * SECOND_NS);
  }

  /** Sets the host's end of the cable down, so that its card has no carrier. */
  cut(host: number): void {
    const covers = (from: number, to: number) => from === host || to === host;
    this.#cut = this.#underlay.paths.install({ covers, blockedBy: 'link down' });
    this.#exchanges.forgetNeighbours(host);
  }

  heal(): void {
    this.#underlay.paths.remove(this.#cut);
  }
}

/** Seconds from the cut to the survivors' deletes, and from the link's return to their creates. */
function cutOnce(seed: string, generation: 1 | 2 | 3): { failed: number[]; restored: number[] } {
  const lab = new Lab(seed);
  const { world, db } = lab;
  const key = world.chance.key('test.start');
  for (let node = 0; node < 3; node++) {
    const name = `node${String(node).padStart(8, '0')}`;
    const address = 0x0a00_0001 + node;
    db.addNode({ node, name, hostname: name, address, generation });
    lab.addMember(name, address);
    if (node > 0) db.join(node, [{ address: 0x0a00_0001, port: 0 }]);
    world.queue.runUntil(world.nowNs + MICROSECOND_NS + drawBelow(key, SECOND_NS, node));
  }
  lab.run(2);
  for (let node = 0; node < 3; node++) db.joinNetwork(node, NET);
  lab.run(3);
  db.createEntry(2, TABLE, NET, 'a', opaqueValue(40));
  db.createEntry(2, TABLE, NET, 'b', opaqueValue(40));
  lab.run(40 + drawBelow(key, 30, 9));
  const cutAtNs = world.nowNs;
  const failed: number[] = [];
  const restored: number[] = [];
  for (const survivor of [0, 1]) {
    db.watch(survivor, { table: TABLE }, ({ kind, key: entry }, nowNs) => {
      if (entry !== 'a' || nowNs === cutAtNs) return;
      if (kind === 'delete') failed.push((nowNs - cutAtNs) / SECOND_NS);
      if (kind === 'create') restored.push((nowNs - cutAtNs) / SECOND_NS - 15);
    });
  }
  lab.cut(2);
  lab.run(15);
  lab.heal();
  lab.run(180);
  return { failed, restored };
}

test.each([
  { generation: 1 as const, isHidden: false },
  { generation: 2 as const, isHidden: false },
  { generation: 3 as const, isHidden: true },
])('generation $generation: what the survivors see', ({ generation, isHidden }) => {
  const failed: number[] = [];
  const restored: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const result = cutOnce(`cut-${round}`, generation);
    failed.push(...result.failed);
    restored.push(...result.restored);
  }
  // measured: 5.04 to 6.88 s, medians 5.5 to 5.84 s
  expect(failed).toHaveLength(2 * ROUNDS);
  expect(Math.min(...failed)).toBeGreaterThan(4.9);
  expect(Math.max(...failed)).toBeLessThan(7.5);
  // all come back in the end; measured: complete at +30, +60 or +90 s
  expect(restored).toHaveLength(2 * ROUNDS);
  expect(Math.max(...restored)).toBeLessThan(95);
  // measured: generation 3 with the join, after 0.25 to 0.82 s, all 12 views (the latest join of all
  // generations took 1.29 s); of the others 19 of 28 after 0.59 to 5.26 s, when a second node's join
  // finds the first's work done, and the rest later
  const soon = restored.filter((seconds) => seconds < (isHidden ? 1.3 : 5.3));
  if (isHidden) expect(soon).toEqual(restored);
  else {
    expect(soon.length).toBeGreaterThan(0.6 * ROUNDS);
    expect(soon.length).toBeLessThan(restored.length);
    expect(Math.min(...soon)).toBeGreaterThan(0.3);
  }
});
