/**
 * What one node held at one instant, while it travels to another node.
 *
 * Nothing is copied when it is taken: the table saves a value here just before the sender's own
 * changes (copy on write). On arrival only facts that may differ are visited, since a value that
 * both sides hold would be dropped as stale.
 */
import type { Fact, FactTable } from './fact-table.ts';

interface Saved<V> {
  readonly value: V | undefined;
  readonly budget: number;
}

/** Hears one value of the sender; `residualSeconds` is 0 for a value that does not age. */
export type SnapshotVisitor<S, V> = (fact: Fact<S, V>, value: V, residualSeconds: number) => void;

/** One node's holdings at one instant. */
export class Snapshot<S, V> {
  readonly node: number;
  readonly takenAtNs: number;
  /** Encoded bytes of all that it holds, as counted by the table's `bytesOf`. */
  readonly bytes: number;
  readonly #table: FactTable<S, V>;
  readonly #isMember: boolean;
  readonly #saved = new Map<Fact<S, V>, Saved<V>>();

  constructor(
    table: FactTable<S, V>,
    node: number,
    takenAtNs: number,
    isMember: boolean,
    bytes: number,
  ) {
    this.#table = table;
    this.node = node;
    this.takenAtNs = takenAtNs;
    this.bytes = bytes;
    this.#isMember = isMember;
  }

  /** Keeps what the sender held of a fact before its first change after the snapshot. */
  save(fact: Fact<S, V>, value: V | undefined, budget: number): void {
    if (!this.#saved.has(fact)) this.#saved.set(fact, { value, budget });
  }

  /** Visits, in the order of names, what the receiver does not hold already. */
  visitNew(receiver: number, nowNs: number, visitor: SnapshotVisitor<S, V>): void {
    const facts = [...this.#saved.keys()];
    for (const fact of this.#table.hot) {
      if (this.#saved.has(fact)) continue;
      if (this.#isMember || fact.strays?.has(this.node) === true) facts.push(fact);
    }
    facts.sort(byName);
    for (const fact of facts) this.#visit(fact, receiver, nowNs, visitor);
  }

  /** Visits everything that the sender held, in the order of names. */
  visitAll(visitor: SnapshotVisitor<S, V>): void {
    const facts = new Set<Fact<S, V>>(this.#saved.keys());
    for (const fact of this.#table.live) facts.add(fact);
    for (const fact of [...facts].sort(byName)) this.#visit(fact, -1, 0, visitor);
  }

  /** Copies all that is not saved yet, so that the table need not remember the snapshot. */
  freeze(): void {
    for (const fact of this.#table.live) {
      if (this.#saved.has(fact)) continue;
      const value = this.#table.valueOf(fact, this.node, this.takenAtNs);
      this.#saved.set(fact, { value, budget: this.#table.budgetOf(fact, this.node) });
    }
  }

  /** Ends the saving; call once, on arrival. */
  release(): void {
    this.#table.forget(this);
  }

  #visit(fact: Fact<S, V>, receiver: number, nowNs: number, visitor: SnapshotVisitor<S, V>): void {
    const table = this.#table;
    const saved = this.#saved.get(fact);
    let value: V | undefined;
    let budget: number;
    if (saved === undefined) {
      value = table.valueOf(fact, this.node, this.takenAtNs);
      budget = table.budgetOf(fact, this.node);
    } else {
      budget = saved.budget;
      value = table.isReaped(this.node, budget, this.takenAtNs) ? undefined : saved.value;
    }
    if (value === undefined) return;
    if (receiver >= 0 && table.valueOf(fact, receiver, nowNs) === value) return;
    visitor(fact, value, table.residualAt(this.node, budget, this.takenAtNs));
  }
}

function byName<S, V>(a: Fact<S, V>, b: Fact<S, V>): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
