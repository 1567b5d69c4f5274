/**
 * Where changes become final. One manager commits at once; several will agree through raft, whose
 * machine implements the same interface (swarmkit `manager/state/proposer.go`).
 */
import type { StoreChange } from './change.ts';

/** Makes changes final, in order, or says that it could not. */
export interface Proposer {
  /** The index that the next committed transaction will have. */
  nextIndex(): number;
  /**
   * Calls exactly one of the two, now or later: `onCommitted` when the changes are final,
   * `onFailed` with the reason when they never will be (leadership lost).
   */
  propose(
    changes: readonly StoreChange[],
    onCommitted: () => void,
    onFailed: (reason: string) => void,
  ): void;
}

/** The proposer of a cluster with one manager: everything is final at once. */
export class LoneProposer implements Proposer {
  #committedIndex = 0;

  nextIndex(): number {
    return this.#committedIndex + 1;
  }

  propose(_changes: readonly StoreChange[], onCommitted: () => void): void {
    this.#committedIndex++;
    onCommitted();
  }
}
