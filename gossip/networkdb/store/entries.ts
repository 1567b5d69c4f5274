/**
 * The table entries of one network, for all nodes: who holds which version of what.
 *
 * This is the store behind NetworkDB's two radix trees (moby `networkdb.go`, `indexes`); the rules
 * see one node's entries and never how they are shared. Walks are in the order of moby's byNetwork
 * tree: by table name, then key.
 */
import { type Fact, FactTable } from './fact-table.ts';
import { entryReapTick, Population, type ReapTicks } from './population.ts';
import type { Snapshot } from './snapshot.ts';

/** What a table entry holds; the rules only look at its size and its identity. */
export interface TableValue {
  /** Encoded size in bytes. */
  readonly sizeBytes: number;
  /** The encoded record, `sizeBytes` of it; made anew at each call. */
  encode(): Uint8Array;
}

/** What an entry is about, whatever it holds. */
export interface EntrySubject {
  /** Unique among all entries of the run; observations name an entry by it. */
  readonly entryId: number;
  readonly networkIndex: number;
  readonly table: string;
  readonly key: string;
}

/** One state that an entry was given by its owner; shared by all nodes that hold it. */
export interface EntryVersion {
  readonly owner: number;
  readonly ltime: number;
  readonly value: TableValue;
  readonly deleting: boolean;
  /** Encoded bytes of its TableEvent but for the residual reap time. */
  readonly eventBytes: number;
  /** The tombstone with the same ltime that generation 1 makes of it when its owner leaves. */
  forged: EntryVersion | undefined;
}

/** An entry as one fact. */
export type EntryFact = Fact<EntrySubject, EntryVersion>;
/** All entries of one network that a node held at one instant. */
export type EntrySnapshot = Snapshot<EntrySubject, EntryVersion>;

/** What the entries of a network need from their surroundings. */
export interface EntriesParts {
  readonly ticks: ReapTicks;
  /** Bytes of a version inside a bulk sync's compound. */
  frameBytesOf(version: EntryVersion, residualSeconds: number): number;
  /** Makes the subject of a new entry. */
  createFact(table: string, key: string): EntryFact;
  /** All nodes of the network hold the same version, or none holds any. */
  onAgreed(fact: EntryFact, version: EntryVersion | undefined): void;
}

/** The entries of one network. */
export class Entries {
  readonly #population = new Population();
  readonly #table: FactTable<EntrySubject, EntryVersion>;
  readonly #byName = new Map<string, EntryFact>();
  readonly #byOwner = new Map<number, Set<EntryFact>>();
  readonly #parts: EntriesParts;

  constructor(parts: EntriesParts) {
    this.#parts = parts;
    this.#table = new FactTable({
      population: this.#population,
      ticks: parts.ticks,
      bytesOf: parts.frameBytesOf,
      reapTickOf: entryReapTick,
      onAgreed: parts.onAgreed,
    });
  }

  /** The entry of that table and key, made when nobody has named it before. */
  factOf(table: string, key: string): EntryFact {
    const name = `${table}/${key}`;
    let fact = this.#byName.get(name);
    if (fact === undefined) {
      fact = this.#parts.createFact(table, key);
      this.#byName.set(name, fact);
    }
    return fact;
  }

  /** The entry of that table and key, if somebody has named it before. */
  factIfKnown(table: string, key: string): EntryFact | undefined {
    return this.#byName.get(`${table}/${key}`);
  }

  /** True when the node takes part: it has joined and not left. */
  hasNode(node: number): boolean {
    return this.#population.has(node);
  }

  /** The node takes part from now on; it keeps what it holds. */
  join(node: number): void {
    if (this.#population.has(node)) return;
    this.#population.add(node);
    this.#table.admit(node);
  }

  /** The node takes part no longer and holds nothing. */
  leave(node: number): void {
    if (!this.#population.has(node)) return;
    this.#table.release(node);
    this.#population.remove(node);
  }

  /** What the node holds, tombstones included. */
  get(fact: EntryFact, node: number, nowNs: number): EntryVersion | undefined {
    return this.#table.valueOf(fact, node, nowNs);
  }

  /** What is left of the node's tombstone, in seconds; 0 for a live entry. */
  residualOf(fact: EntryFact, node: number, nowNs: number): number {
    return this.#table.residualOf(fact, node, nowNs);
  }

  /** Stores a version at the node; it ages when `residualSeconds` is not 0. */
  put(
    fact: EntryFact,
    node: number,
    version: EntryVersion,
    residualSeconds: number,
    nowNs: number,
  ): void {
    this.#table.assign(fact, node, version, residualSeconds, nowNs);
    this.#noteOwner(fact, version.owner);
  }

  /** Makes all nodes of the network hold the version of an entry that is new. */
  establish(fact: EntryFact, version: EntryVersion): void {
    this.#table.establish(fact, version);
    this.#noteOwner(fact, version.owner);
  }

  /** Removes the entry from the node's store without a trace. */
  remove(fact: EntryFact, node: number, nowNs: number): void {
    this.#table.assign(fact, node, undefined, 0, nowNs);
  }

  /** All entries that the node holds, tombstones included, in walk order. */
  heldBy(node: number, nowNs: number): EntryFact[] {
    const held: EntryFact[] = [];
    for (const fact of this.#table.live) {
      if (this.#table.valueOf(fact, node, nowNs) !== undefined) held.push(fact);
    }
    return held.sort(byName);
  }

  /** The entries at the node that `owner` owns, tombstones included, in walk order. */
  ownedBy(owner: number, node: number, nowNs: number): EntryFact[] {
    const owned = this.#byOwner.get(owner);
    if (owned === undefined) return [];
    const held: EntryFact[] = [];
    for (const fact of owned) {
      if (!this.#table.live.has(fact)) owned.delete(fact);
      else if (this.#table.valueOf(fact, node, nowNs)?.owner === owner) held.push(fact);
    }
    return held.sort(byName);
  }

  /** How many entries the node holds, tombstones included (`entriesNumber`). */
  countOf(node: number, nowNs: number): number {
    let count = 0;
    for (const fact of this.#table.live) {
      if (this.#table.valueOf(fact, node, nowNs) !== undefined) count++;
    }
    return count;
  }

  /** Stands for what the node holds now: the same text for the same entries, but for their ages. */
  contentKeyOf(node: number): string {
    const { changeCount, hot } = this.#table;
    return hot.size === 0 ? String(changeCount) : `${changeCount}@${node}`;
  }

  /** What the node would send in a bulk sync. */
  snapshot(node: number, nowNs: number): EntrySnapshot {
    return this.#table.snapshot(node, nowNs);
  }

  /** A version of that owner, ltime and kind that some node of the network holds. */
  versionLike(
    fact: EntryFact,
    owner: number,
    ltime: number,
    deleting: boolean,
  ): EntryVersion | undefined {
    const isLike = (version: EntryVersion | undefined): boolean =>
      version?.owner === owner && version.ltime === ltime && version.deleting === deleting;
    return isLike(fact.common) ? fact.common : fact.values.find(isLike);
  }

  #noteOwner(fact: EntryFact, owner: number): void {
    const owned = this.#byOwner.get(owner);
    if (owned === undefined) this.#byOwner.set(owner, new Set([fact]));
    else owned.add(fact);
  }

  /** How many entries some nodes of the network see and others do not, or see otherwise. */
  get disputedCount(): number {
    let count = 0;
    for (const fact of this.#table.hot) if (isDisputed(fact)) count++;
    return count;
  }
}

function isDisputed({ column, values, counts }: EntryFact): boolean {
  if (column === undefined) return false;
  let seen = 0;
  let isGoneSomewhere = false;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    if (values[i] === undefined || values[i]!.deleting) isGoneSomewhere = true;
    else seen++;
  }
  return seen > 1 || (seen === 1 && isGoneSomewhere);
}

function byName(a: EntryFact, b: EntryFact): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
