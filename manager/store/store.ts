/**
 * The replicated store of one manager (swarmkit `manager/state/store/memory.go`).
 *
 * Writers hand in a function; it runs when no other proposal is under way, reads the newest state
 * and leaves changes, which are proposed as one transaction. When they are committed they are
 * applied, every watcher hears them in the order of subscription, and only then does the next
 * writer run. A watcher that writes therefore queues behind, and all components see the same
 * sequence of states: the total order that raft's log gives upstream.
 */
import type { World } from '../../sim/world.ts';
import type { CommitWatcher, StoreChange, StoreEvent } from './change.ts';
import type { Proposer } from './proposer.ts';
import { CommittedTables, type StoreReader } from './tables.ts';
import { Transaction } from './transaction.ts';

/** Hears the fate of a write: `undefined` when committed, or why it was not. */
export type WriteDone = (failure: string | undefined) => void;

interface Write {
  readonly change: (tx: Transaction) => void;
  readonly done: WriteDone | undefined;
}

/** One manager's copy of the cluster's state. */
export class Store {
  readonly #world: World;
  readonly #proposer: Proposer;
  readonly #tables = new CommittedTables();
  readonly #watchers: CommitWatcher[] = [];
  #writes: Write[] = [];
  #isProposing = false;
  #isDraining = false;

  constructor(world: World, proposer: Proposer) {
    this.#world = world;
    this.#proposer = proposer;
  }

  /** The committed state. */
  get view(): StoreReader {
    return this.#tables;
  }

  /**
   * Runs `change` in a transaction as soon as no other one is under way (at once, when none is) and
   * proposes what it wrote. A transaction without changes is not proposed.
   */
  update(change: (tx: Transaction) => void, done?: WriteDone): void {
    this.#writes.push({ change, done });
    this.#drain();
  }

  /** Hears all later commits, after the watchers that came before. Returns the unsubscription. */
  watch(watcher: CommitWatcher): () => void {
    this.#watchers.push(watcher);
    return () => {
      const position = this.#watchers.indexOf(watcher);
      if (position >= 0) this.#watchers.splice(position, 1);
    };
  }

  /** Forgets writes that wait for their turn: the process that wanted them is gone. */
  abandonWrites(): void {
    this.#writes = [];
  }

  /** Applies what another manager committed (a follower's log entry, a snapshot's objects). */
  apply(changes: readonly StoreChange[]): void {
    const events: StoreEvent[] = changes.map((change) => this.#tables.apply(change));
    for (const watcher of [...this.#watchers]) watcher(events);
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    while (!this.#isProposing && this.#writes.length > 0) this.#run(this.#writes.shift()!);
    this.#isDraining = false;
  }

  #run(write: Write): void {
    const tx = new Transaction(this.#tables, this.#proposer.nextIndex(), this.#world.nowNs);
    write.change(tx);
    if (tx.changes.length === 0) {
      write.done?.(undefined);
      return;
    }
    this.#isProposing = true;
    this.#proposer.propose(
      tx.changes,
      () => this.#finish(write, tx.changes, undefined),
      (reason) => this.#finish(write, [], reason),
    );
  }

  #finish(write: Write, changes: readonly StoreChange[], failure: string | undefined): void {
    if (changes.length > 0) this.apply(changes);
    this.#isProposing = false;
    write.done?.(failure);
    this.#drain();
  }
}
