/**
 * Facts that many nodes hold, each held once while they agree.
 *
 * A fact (a table entry, an attachment) has one value that all nodes of the population hold. When
 * a node takes over another value, the fact is *disputed* and gets a column: one small integer per
 * node, an index into the values in dispute. As soon as every node holds the same again, the column
 * goes. A value that ages (a tombstone) has a budget per node, see `population.ts`. Facts with a
 * column, budgets or strays are *hot*; all others are equal everywhere and need never be looked at:
 * a bulk sync between two nodes visits the hot facts only. Memory and time grow with disagreement
 * and not with nodes times entries.
 *
 * Values are compared by identity. A node outside the population (one that has left the network)
 * may still hold a few values; they are its *strays*.
 */
import { assert } from '../../../sim/assert.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { Population, ReapTicks } from './population.ts';
import { Snapshot } from './snapshot.ts';

/** What a node holds outside the population. */
interface Stray<V> {
  readonly value: V;
  readonly budget: number;
}

/** One fact; its columns belong to the {@link FactTable}. */
export class Fact<S, V> {
  readonly subject: S;
  /** Orders the facts of a table in walks. */
  readonly name: string;
  common: V | undefined = undefined;
  column: Uint16Array | undefined = undefined;
  values: (V | undefined)[] = [];
  counts: number[] = [];
  budgets: Int32Array | undefined = undefined;
  budgetCount = 0;
  lastReapAtNs = 0;
  strays: Map<number, Stray<V>> | undefined = undefined;

  constructor(subject: S, name: string) {
    this.subject = subject;
    this.name = name;
  }
}

/** True when every node of the population holds this value, and it does not age anywhere. */
export function isHeldByAll<S, V>(fact: Fact<S, V>, value: V): boolean {
  return fact.common === value && fact.column === undefined && fact.budgets === undefined;
}

/** What a table needs to know about its values. */
export interface FactTableParts<S, V> {
  readonly population: Population;
  readonly ticks: ReapTicks;
  /** Bytes that the value takes in a snapshot that is sent; 0 residual for one that lives. */
  bytesOf(value: V, residualSeconds: number): number;
  /** The tick that removes a value with this budget. */
  reapTickOf(budget: number): number;
  /** Every node of the population holds `value` (or nothing) from now on. */
  onAgreed(fact: Fact<S, V>, value: V | undefined): void;
}

const INITIAL_COLUMN_LENGTH = 16;
/** A snapshot that has not arrived by now was lost, or waits at a paused node. */
const SNAPSHOT_LIFE_NS = 60 * SECOND_NS;

/** The facts of one network (or of one kind) and who holds what of them. */
export class FactTable<S, V> {
  readonly #parts: FactTableParts<S, V>;
  readonly #live = new Set<Fact<S, V>>();
  readonly #hot = new Set<Fact<S, V>>();
  readonly #snapshots = new Map<number, Snapshot<S, V>[]>();
  #columnLength = INITIAL_COLUMN_LENGTH;
  #freeColumns: Uint16Array[] = [];
  #coldBytes = 0;
  #revision = 0;
  #changeCount = 0;

  constructor(parts: FactTableParts<S, V>) {
    this.#parts = parts;
  }

  /** Facts that somebody holds, in the order in which they came up. */
  get live(): ReadonlySet<Fact<S, V>> {
    return this.#live;
  }

  /** Facts that may differ between nodes. */
  get hot(): ReadonlySet<Fact<S, V>> {
    return this.#hot;
  }

  /** Bytes of all facts that are equal everywhere. */
  get coldBytes(): number {
    return this.#coldBytes;
  }

  /** Rises whenever what somebody holds changes, except by time. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Changes whenever the set of cold facts does. */
  get revision(): number {
    return this.#revision;
  }

  /** What the node holds now, or `undefined`. */
  valueOf(fact: Fact<S, V>, node: number, nowNs: number): V | undefined {
    if (!this.#parts.population.has(node)) {
      const stray = fact.strays?.get(node);
      if (stray === undefined) return undefined;
      return this.isReaped(node, stray.budget, nowNs) ? undefined : stray.value;
    }
    const value = this.#cell(fact, node);
    if (value === undefined || fact.budgets === undefined) return value;
    const budget = fact.budgets[node]!;
    return budget !== 0 && this.isReaped(node, budget, nowNs) ? undefined : value;
  }

  /** The node's budget for the fact, 0 when its value does not age. */
  budgetOf(fact: Fact<S, V>, node: number): number {
    if (!this.#parts.population.has(node)) return fact.strays?.get(node)?.budget ?? 0;
    return fact.budgets?.[node] ?? 0;
  }

  /** What is left for the node's value, in seconds; 0 when it does not age. */
  residualOf(fact: Fact<S, V>, node: number, nowNs: number): number {
    const budget = this.budgetOf(fact, node);
    return budget === 0 ? 0 : this.#parts.ticks.residualAt(node, budget, nowNs);
  }

  /** True when the node's reaper has removed a value of that budget by now. */
  isReaped(node: number, budget: number, nowNs: number): boolean {
    if (budget === 0) return false;
    return this.#parts.ticks.tickAt(node, nowNs) >= this.#parts.reapTickOf(budget);
  }

  /** Makes the node hold `value` (or nothing), with a countdown unless `residualSeconds` is 0. */
  assign(
    fact: Fact<S, V>,
    node: number,
    value: V | undefined,
    residualSeconds: number,
    nowNs: number,
  ): void {
    const budget =
      residualSeconds === 0 || value === undefined
        ? 0
        : this.#parts.ticks.budgetOf(node, Math.max(2, residualSeconds), nowNs);
    this.#assign(fact, node, value, budget);
  }

  /** Makes all nodes hold the value of a fact that nobody holds yet. */
  establish(fact: Fact<S, V>, value: V): void {
    assert(!this.#live.has(fact), 'networkdb: a fact that is held cannot be established');
    // a column that grows has room for nodes that hold nothing
    this.#grow(this.#parts.population.end - 1);
    this.#changeCount++;
    this.#revision++;
    fact.common = value;
    this.#live.add(fact);
    this.#coldBytes += this.#parts.bytesOf(value, 0);
  }

  /** Takes the node into the population; it brings its strays. Call after `population.add`. */
  admit(node: number): void {
    this.#changeCount++;
    this.#grow(node);
    const snapshots = this.#snapshots.get(node);
    for (const fact of [...this.#live]) {
      const stray = fact.strays?.get(node);
      for (const snapshot of snapshots ?? []) {
        snapshot.save(fact, stray?.value, stray?.budget ?? 0);
      }
      if (stray !== undefined) this.#setStray(fact, node, undefined);
      this.#heat(fact);
      if (fact.column === undefined) {
        this.#open(fact, this.#parts.population.count - 1);
      }
      fact.column![node] = 0;
      fact.counts[0]!++;
      if (fact.budgets !== undefined) fact.budgets[node] = 0;
      if (stray !== undefined) this.#assign(fact, node, stray.value, stray.budget);
      else this.#maybeCollapse(fact, 0);
    }
  }

  /** Lets the node forget all that it holds. Call before `population.remove`. */
  release(node: number): void {
    this.#changeCount++;
    const remaining = this.#parts.population.count - 1;
    for (const fact of [...this.#live]) {
      this.#saveFor(fact, node);
      this.#setBudget(fact, node, 0);
      if (fact.column !== undefined) {
        fact.counts[fact.column[node]!]!--;
        for (let i = 0; i < fact.counts.length; i++) {
          if (fact.counts[i] === remaining) {
            this.#collapse(fact, i);
            break;
          }
        }
      } else if (remaining === 0 && fact.common !== undefined) {
        this.#heat(fact);
        fact.common = undefined;
        this.#maybeCool(fact);
      }
    }
  }

  /** What the node holds at this instant, to be sent; see {@link Snapshot}. */
  snapshot(node: number, nowNs: number): Snapshot<S, V> {
    this.#sweep(nowNs);
    const isMember = this.#parts.population.has(node);
    let bytes = isMember ? this.#coldBytes : 0;
    for (const fact of this.#hot) {
      const value = this.valueOf(fact, node, nowNs);
      if (value === undefined) continue;
      bytes += this.#parts.bytesOf(value, this.residualOf(fact, node, nowNs));
    }
    const snapshot = new Snapshot<S, V>(this, node, nowNs, isMember, bytes);
    const snapshots = this.#snapshots.get(node);
    if (snapshots === undefined) {
      this.#snapshots.set(node, [snapshot]);
      return snapshot;
    }
    while (snapshots.length > 0 && snapshots[0]!.takenAtNs < nowNs - SNAPSHOT_LIFE_NS) {
      snapshots.shift()!.freeze();
    }
    snapshots.push(snapshot);
    return snapshot;
  }

  /** Forgets a snapshot that arrived. */
  forget(snapshot: Snapshot<S, V>): void {
    const snapshots = this.#snapshots.get(snapshot.node);
    if (snapshots === undefined) return;
    const at = snapshots.indexOf(snapshot);
    if (at >= 0) snapshots.splice(at, 1);
    if (snapshots.length === 0) this.#snapshots.delete(snapshot.node);
  }

  /** What is left of a budget at an instant, in seconds. */
  residualAt(node: number, budget: number, nowNs: number): number {
    return budget === 0 ? 0 : this.#parts.ticks.residualAt(node, budget, nowNs);
  }

  /** The raw cell, whether or not its countdown has ended. */
  #cell(fact: Fact<S, V>, node: number): V | undefined {
    return fact.column === undefined ? fact.common : fact.values[fact.column[node]!];
  }

  #saveFor(fact: Fact<S, V>, node: number): void {
    if (this.#snapshots.size === 0) return;
    const snapshots = this.#snapshots.get(node);
    if (snapshots === undefined) return;
    const isMember = this.#parts.population.has(node);
    const stray = isMember ? undefined : fact.strays?.get(node);
    const value = isMember ? this.#cell(fact, node) : stray?.value;
    const budget = isMember ? (fact.budgets?.[node] ?? 0) : (stray?.budget ?? 0);
    for (const snapshot of snapshots) snapshot.save(fact, value, budget);
  }

  #assign(fact: Fact<S, V>, node: number, value: V | undefined, budget: number): void {
    this.#changeCount++;
    this.#saveFor(fact, node);
    if (!this.#parts.population.has(node)) {
      this.#setStray(fact, node, value === undefined ? undefined : { value, budget });
      return;
    }
    this.#grow(node);
    if (fact.column === undefined && fact.common !== value) {
      this.#heat(fact);
      this.#open(fact, this.#parts.population.count);
    }
    if (fact.column !== undefined) this.#move(fact, node, value);
    if (budget !== (fact.budgets?.[node] ?? 0)) {
      this.#heat(fact);
      this.#setBudget(fact, node, budget);
      this.#maybeCool(fact);
    }
  }

  #move(fact: Fact<S, V>, node: number, value: V | undefined): void {
    const column = fact.column!;
    const old = column[node]!;
    if (fact.values[old] === value) return;
    let index = value === undefined ? 0 : fact.values.indexOf(value, 1);
    if (index < 0) index = freeIndexOf(fact);
    fact.values[index] = value;
    fact.counts[old]!--;
    if (old !== 0 && fact.counts[old] === 0) fact.values[old] = undefined;
    fact.counts[index]!++;
    column[node] = index;
    this.#maybeCollapse(fact, index);
  }

  #maybeCollapse(fact: Fact<S, V>, index: number): void {
    if (fact.counts[index] === this.#parts.population.count) this.#collapse(fact, index);
  }

  #collapse(fact: Fact<S, V>, index: number): void {
    const value = fact.values[index];
    this.#freeColumns.push(fact.column!);
    fact.column = undefined;
    fact.common = value;
    fact.values = [];
    fact.counts = [];
    this.#maybeCool(fact);
    this.#parts.onAgreed(fact, value);
  }

  /** Opens the column of an agreed fact; `count` nodes hold the common value. */
  #open(fact: Fact<S, V>, count: number): void {
    const column = this.#freeColumns.pop() ?? new Uint16Array(this.#columnLength);
    const common = fact.common;
    column.fill(common === undefined ? 0 : 1);
    fact.column = column;
    fact.values = common === undefined ? [undefined] : [undefined, common];
    fact.counts = common === undefined ? [count] : [0, count];
    fact.common = undefined;
  }

  #heat(fact: Fact<S, V>): void {
    this.#live.add(fact);
    if (this.#hot.has(fact)) return;
    this.#hot.add(fact);
    this.#revision++;
    if (fact.common !== undefined) this.#coldBytes -= this.#parts.bytesOf(fact.common, 0);
  }

  #maybeCool(fact: Fact<S, V>): void {
    if (fact.column !== undefined || fact.budgetCount > 0 || fact.strays !== undefined) return;
    fact.budgets = undefined;
    fact.lastReapAtNs = 0;
    if (this.#hot.delete(fact)) {
      this.#revision++;
      if (fact.common !== undefined) this.#coldBytes += this.#parts.bytesOf(fact.common, 0);
    }
    if (fact.common === undefined) this.#live.delete(fact);
  }

  #setStray(fact: Fact<S, V>, node: number, stray: Stray<V> | undefined): void {
    if (stray === undefined) {
      if (fact.strays === undefined || !fact.strays.delete(node)) return;
      if (fact.strays.size === 0) fact.strays = undefined;
      this.#maybeCool(fact);
      return;
    }
    this.#heat(fact);
    fact.strays ??= new Map();
    fact.strays.set(node, stray);
    this.#noteReap(fact, node, stray.budget);
  }

  #setBudget(fact: Fact<S, V>, node: number, budget: number): void {
    if (fact.budgets === undefined) {
      if (budget === 0) return;
      fact.budgets = new Int32Array(this.#columnLength);
    }
    const old = fact.budgets[node]!;
    if (old === 0 && budget !== 0) fact.budgetCount++;
    if (old !== 0 && budget === 0) fact.budgetCount--;
    fact.budgets[node] = budget;
    if (budget !== 0) this.#noteReap(fact, node, budget);
    else this.#maybeCool(fact);
  }

  #noteReap(fact: Fact<S, V>, node: number, budget: number): void {
    if (budget === 0) return;
    const atNs = this.#parts.ticks.instantOf(node, this.#parts.reapTickOf(budget));
    if (atNs > fact.lastReapAtNs) fact.lastReapAtNs = atNs;
  }

  /** Clears what every holder's reaper has removed; nobody can see a difference. */
  #sweep(nowNs: number): void {
    for (const fact of this.#hot) {
      if (fact.lastReapAtNs === 0 || fact.lastReapAtNs > nowNs) continue;
      const budgets = fact.budgets;
      for (let node = 0; budgets !== undefined && node < budgets.length; node++) {
        if (fact.budgets !== budgets) break;
        if (budgets[node] !== 0) this.#assign(fact, node, undefined, 0);
      }
      for (const [node, stray] of [...(fact.strays ?? [])]) {
        if (this.isReaped(node, stray.budget, nowNs)) this.#assign(fact, node, undefined, 0);
      }
      fact.lastReapAtNs = 0;
      if (fact.budgetCount === 0) fact.budgets = undefined;
    }
  }

  #grow(node: number): void {
    if (node < this.#columnLength) return;
    while (node >= this.#columnLength) this.#columnLength *= 2;
    this.#freeColumns = [];
    for (const fact of this.#hot) {
      if (fact.column !== undefined) {
        const column = new Uint16Array(this.#columnLength);
        column.set(fact.column);
        fact.column = column;
      }
      if (fact.budgets !== undefined) {
        const budgets = new Int32Array(this.#columnLength);
        budgets.set(fact.budgets);
        fact.budgets = budgets;
      }
    }
  }
}

/** An index of a value that nobody holds any more, or a new one. */
function freeIndexOf<S, V>(fact: Fact<S, V>): number {
  for (let i = 1; i < fact.counts.length; i++) if (fact.counts[i] === 0) return i;
  assert(fact.counts.length < 0x1_0000, 'too many values of one fact in dispute');
  fact.counts.push(0);
  return fact.counts.length - 1;
}
