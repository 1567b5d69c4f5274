/**
 * What befell five live processes (moby v24.0.9 with three keys, on one machine), over the real
 * membership engine: a create and a delete, an owner that is stopped and goes on, one that is killed
 * and comes back at once as somebody else, one that leaves the network.
 */
import { expect, test } from 'vitest';
import { drawBelow } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Swim } from '../swim.ts';
import { PlainUnderlay } from '../testing/plain-underlay.ts';
import { NetworkDb } from './network-db.ts';
import { opaqueValue } from './testing/opaque-value.ts';

const NET = 'net1';
const TABLE = 'tt';
const ROUNDS = 6;

/** Five daemons on one network, each with an entry of its own. */
class FiveProcesses {
  readonly world: World;
  readonly swim: Swim;
  readonly db: NetworkDb;
  /** Watch events since the last {@link mark}: node, kind and key, and the ms since then. */
  events: { node: number; kind: string; key: string; atMs: number }[] = [];
  #markNs = 0;

  constructor(seed: string) {
    this.world = new World(seed);
    const conditions = { latencyMinNs: 20_000, latencyMaxNs: 60_000, lossRatio: 0 };
    const underlay = new PlainUnderlay(this.world, conditions);
    this.swim = new Swim({ world: this.world, underlay });
    underlay.isUp = (member) => this.swim.isUp(member);
    this.db = new NetworkDb({ world: this.world, carrier: this.swim });
    this.swim.setDelegate(this.db);
    const key = this.world.chance.key('test.start');
    for (let node = 0; node < 5; node++) {
      this.start(node, node);
      this.run(0.3 + drawBelow(key, 1000, node) / 1000);
    }
    this.run(3);
    for (let node = 0; node < 5; node++) this.db.joinNetwork(node, NET);
    this.run(3);
    for (let node = 0; node < 5; node++) this.create(node, `own-${node}`);
    this.run(20 + drawBelow(key, 30_000, 9) / 1000);
    for (let node = 0; node < 5; node++) this.watch(node);
    this.mark();
  }

  /** Starts a daemon that has the address of `place` and joins by the first one. */
  start(node: number, place: number): void {
    const name = `node${String(node).padStart(8, '0')}`;
    const address = 0x7f00_0001 + place;
    this.db.addNode({ node, name, hostname: name, address, generation: 1 });
    this.swim.addMember({ name, address });
    if (node > 0) this.db.join(node, [{ address: 0x7f00_0001, port: 0 }]);
  }

  watch(node: number): void {
    this.db.watch(node, { table: TABLE }, ({ kind, key }, nowNs) => {
      const atMs = (nowNs - this.#markNs) / MILLISECOND_NS;
      this.events.push({ node, kind, key, atMs });
    });
  }

  create(node: number, key: string): void {
    expect(this.db.createEntry(node, TABLE, NET, key, opaqueValue(20))).toBeUndefined();
  }

  run(seconds: number): void {
    this.world.queue.runUntil(this.world.nowNs + Math.round(seconds * SECOND_NS));
  }

  /** What happens from now on counts. */
  mark(): void {
    this.events = [];
    this.#markNs = this.world.nowNs;
  }

  /** When the nodes that heard this heard it, in ms, and which. */
  heard(kind: string, key: string): { nodes: number[]; atMs: number[] } {
    const found = this.events.filter((event) => event.kind === kind && event.key === key);
    return {
      nodes: found.map(({ node }) => node).sort((a, b) => a - b),
      atMs: found.map(({ atMs }) => atMs),
    };
  }
}

const rounds = Array.from({ length: ROUNDS }, (_, round) => `five-${round}`);
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

test('a create and a delete reach the other four in one or two ticks', () => {
  const creates: number[] = [];
  const deletes: number[] = [];
  for (const seed of rounds) {
    const five = new FiveProcesses(seed);
    for (let i = 0; i < 5; i++) {
      five.mark();
      five.create(0, `k${i}`);
      five.run(1.13);
      creates.push(...five.heard('create', `k${i}`).atMs);
      five.mark();
      five.db.deleteEntry(0, TABLE, NET, `k${i}`);
      five.run(1.13);
      deletes.push(...five.heard('delete', `k${i}`).atMs);
    }
  }
  // measured: creates 35 to 455 ms, median 199; deletes 34 to 242 ms, median 123
  for (const sample of [creates, deletes]) {
    expect(sample).toHaveLength(4 * 5 * ROUNDS);
    expect(Math.max(...sample)).toBeLessThan(600);
    expect(median(sample)).toBeGreaterThan(90);
    expect(median(sample)).toBeLessThan(220);
  }
});

test('a stopped owner is failed after 5 s, and is back with a join that waited for it', () => {
  const failedAtMs: number[] = [];
  for (const seed of rounds) {
    const five = new FiveProcesses(seed);
    five.swim.pause(4);
    five.db.pause(4);
    five.run(25.1);
    const deletes = five.heard('delete', 'own-4');
    expect(deletes.nodes).toEqual([0, 1, 2, 3]);
    failedAtMs.push(...deletes.atMs);
    expect(Math.max(...deletes.atMs) - Math.min(...deletes.atMs)).toBeLessThan(250);
    five.mark();
    five.db.resume(4);
    five.swim.resume(4);
    five.run(90);
    // measured: 216 to 220 ms. (Its first bulk sync went to a node that held it failed still, 10 ms
    // long, and waited 30 s; here its refutation is as fast, see bulk-sync-timeout.txt for the rule.)
    const creates = five.heard('create', 'own-4');
    expect(creates.nodes).toEqual([0, 1, 2, 3]);
    expect(Math.min(...creates.atMs)).toBeLessThan(1500);
  }
  // measured: all four at 5.345 to 5.368 s
  expect(Math.min(...failedAtMs)).toBeGreaterThan(4900);
  expect(median(failedAtMs)).toBeLessThan(6500);
});

test('a killed node that comes back at once as another takes the old one along', () => {
  for (const seed of rounds) {
    const five = new FiveProcesses(seed);
    five.db.stop(3);
    five.swim.crash(3);
    five.run(2);
    five.start(5, 3);
    five.run(10);
    // measured: from 2 s on, within 0.9 s at node 1 and 0.2 s later at the others, and only once
    const deletes = five.heard('delete', 'own-3');
    expect(deletes.nodes).toEqual([0, 1, 2, 4]);
    expect(Math.min(...deletes.atMs)).toBeGreaterThan(2000);
    expect(Math.max(...deletes.atMs)).toBeLessThan(3000);
    expect(five.heard('create', 'own-3').nodes).toEqual([]);
    expect(five.db.clusterPeersOf(0)).toEqual([0, 1, 2, 4, 5]);
    expect(five.db.failedPeersOf(0)).toEqual([]);
  }
});

test('who leaves the network sees everything go at once, its own entry too; the others soon', () => {
  const gone: number[] = [];
  for (const seed of rounds) {
    const five = new FiveProcesses(seed);
    five.db.leaveNetwork(2, NET);
    five.run(2);
    const own = five.events.filter(({ node }) => node === 2);
    expect(own.map(({ kind, key }) => `${kind} ${key}`).sort()).toEqual(
      [0, 1, 2, 3, 4].map((node) => `delete own-${node}`),
    );
    expect(Math.max(...own.map(({ atMs }) => atMs))).toBe(0);
    const { nodes, atMs } = five.heard('delete', 'own-2');
    expect(nodes).toEqual([0, 1, 2, 3, 4]);
    gone.push(...atMs.filter((ms) => ms > 0));
  }
  // measured: 116 to 144 ms
  expect(median(gone)).toBeGreaterThan(50);
  expect(median(gone)).toBeLessThan(220);
  expect(Math.max(...gone)).toBeLessThan(900);
});
