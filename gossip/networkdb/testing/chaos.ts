/**
 * Random schedules of joins, leaves, writes, cuts, partitions, pauses and kills, with a fifth of the
 * packets lost; then all is mended, and after a quiet time the members of a network are compared.
 *
 * The quiet time is for the worst that is repaired: a node that was failed on both sides comes back
 * without attachments, gets them by a push/pull (60 s), and its entries by a bulk sync with one random
 * peer in 30 s that has them, where each sync before may have waited 30 s for an answer.
 *
 * Left out is what generation 1 never repairs by itself: a node that rejoins a network before all
 * have heard of its leave (forged tombstones), and two owners of one key (equal ltimes).
 */
import type { Stream } from '../../../sim/chance.ts';
import { MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../../sim/time.ts';
import type { GenerationName } from '../generation.ts';
import { FakeCluster } from './fake-carrier.ts';
import { opaqueValue } from './opaque-value.ts';

const TABLE = 'overlay_peer_table';
const NETWORKS = ['alpha', 'beta', 'gamma'];
const CHAOS_STEPS = 60;
const QUIET_NS = 6 * MINUTE_NS;

/** The clusters that are tried: one generation, and all of them. */
export const MIXTURES: readonly { readonly generations: readonly GenerationName[] }[] = [
  { generations: [1] },
  { generations: ['29.0'] },
  { generations: [2] },
  { generations: [3] },
  { generations: ['30.1'] },
  { generations: [1, 2, 3, '29.0', '30.1'] },
];

/** One random schedule on one cluster. */
export class Chaos {
  readonly #cluster: FakeCluster;
  readonly #chance: Stream;
  readonly #nodes: number;
  readonly #canRejoin: boolean;
  readonly #joined: Set<string>[];
  readonly #everLeft: Set<string>[];
  readonly #running: Set<number>;
  readonly #paused = new Set<number>();
  readonly #cuts = new Set<string>();
  #keyCount = 0;

  constructor(seed: string, generations: readonly GenerationName[], shortcuts = true) {
    this.#canRejoin = !generations.includes(1);
    this.#nodes = 4 + (seed.length % 3);
    this.#cluster = new FakeCluster({
      seed,
      nodes: this.#nodes,
      generation: generations,
      shortcuts,
      scattered: true,
      lossRatio: 0.2,
      latencyNs: 300_000,
    });
    this.#chance = this.#cluster.world.chance.stream('test.chaos');
    this.#joined = Array.from({ length: this.#nodes }, () => new Set());
    this.#everLeft = Array.from({ length: this.#nodes }, () => new Set());
    this.#running = new Set(this.#joined.keys());
  }

  /** Plays the schedule, mends everything, and waits. */
  run(): void {
    for (let i = 0; i < CHAOS_STEPS; i++) {
      this.#step();
      this.#cluster.run(Math.floor(this.#chance.next() * 2000) * MILLISECOND_NS);
    }
    for (const node of [...this.#paused]) this.#cluster.setPaused(node, false);
    this.#healAll();
    this.#cluster.run(QUIET_NS);
  }

  /** Of all that was observed. */
  get digest(): string {
    return this.#cluster.world.observations.digest.text;
  }

  /** What members of a network see otherwise than its first one, as texts; none when all is well. */
  differences(): string[] {
    const { db } = this.#cluster;
    const found: string[] = [];
    for (const network of NETWORKS) {
      const members = [...this.#running].filter((node) => this.#joined[node]!.has(network));
      const textOf = (node: number): string => {
        const entries = db.entriesOf(node, TABLE, network).map(({ key, owner, ltime }) => {
          return `${key} of ${owner}${members.includes(owner) ? '' : ', who is no member,'} ltime ${ltime}`;
        });
        return `${db.peersOf(node, network).sort().join(' ')}: ${entries.join(', ')}`;
      };
      if (members.length === 0) continue;
      const expected = textOf(members[0]!);
      for (const node of members) {
        if (textOf(node) !== expected)
          found.push(`${network} at ${node}: ${textOf(node)}; ${expected}`);
      }
      const peers = members.join(' ');
      if (!expected.startsWith(`${peers}:`)) found.push(`${network}: ${expected} and not ${peers}`);
      if (expected.includes('who is no member')) found.push(`${network}: ${expected}`);
    }
    return found;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#chance.next() * values.length)]!;
  }

  #step(): void {
    const node = this.#pick([...this.#running]);
    if (this.#paused.has(node)) {
      this.#paused.delete(node);
      this.#cluster.setPaused(node, false);
      return;
    }
    const network = this.#pick(NETWORKS);
    const dice = this.#chance.next();
    if (dice < 0.25) this.#toggle(node, network, dice < 0.05);
    else if (dice < 0.75) this.#write(node, network);
    else if (dice < 0.9) this.#toggleLink(node);
    else if (dice < 0.94) this.#pause(node);
    else if (dice > 0.98) this.#togglePartition();
    else if (dice < 0.96 && this.#running.size > 3) {
      this.#running.delete(node);
      this.#cluster.kill(node, 5 * SECOND_NS);
    }
  }

  #toggle(node: number, network: string, canLeave: boolean): void {
    const joined = this.#joined[node]!;
    if (joined.has(network)) {
      if (!canLeave) return;
      joined.delete(network);
      this.#everLeft[node]!.add(network);
      this.#cluster.db.leaveNetwork(node, network);
    } else if (this.#canRejoin || !this.#everLeft[node]!.has(network)) {
      joined.add(network);
      this.#cluster.db.joinNetwork(node, network);
    }
  }

  #write(node: number, network: string): void {
    if (!this.#joined[node]!.has(network)) return;
    const { db } = this.#cluster;
    const own = db.entriesOf(node, TABLE, network).filter((entry) => entry.owner === node);
    const dice = this.#chance.next();
    if (own.length > 0 && dice < 0.2) {
      db.deleteEntry(node, TABLE, network, this.#pick(own).key);
    } else if (own.length > 0 && dice < 0.4) {
      db.updateEntry(node, TABLE, network, this.#pick(own).key, opaqueValue(30));
    } else {
      db.createEntry(node, TABLE, network, `key-${this.#keyCount++}`, opaqueValue(20));
    }
  }

  #toggleLink(node: number): void {
    const other = this.#pick([...this.#running].filter((candidate) => candidate !== node));
    const link = `${node}-${other}`;
    if (this.#cuts.delete(link)) {
      this.#cluster.heal(node, other);
    } else {
      this.#cuts.add(link);
      this.#cluster.cut(node, other, 5 * SECOND_NS);
    }
  }

  /** Cuts the nodes in two, or heals every cut. */
  #togglePartition(): void {
    if (this.#cuts.size > 0) {
      this.#healAll();
      return;
    }
    const nodes = [...this.#running];
    const size = 1 + Math.floor(this.#chance.next() * (nodes.length - 1));
    for (const a of nodes.slice(0, size)) {
      for (const b of nodes.slice(size)) {
        this.#cuts.add(`${a}-${b}`);
        this.#cluster.cut(a, b, 5 * SECOND_NS);
      }
    }
  }

  #healAll(): void {
    for (const link of this.#cuts) {
      const [a, b] = link.split('-').map(Number) as [number, number];
      this.#cluster.heal(a, b);
    }
    this.#cuts.clear();
  }

  #pause(node: number): void {
    this.#paused.add(node);
    this.#cluster.setPaused(node, true);
  }
}
