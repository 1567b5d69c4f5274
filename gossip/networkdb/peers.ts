/**
 * The gossip cluster as one node sees it: moby's maps `nodes`, `leftNodes` and `failedNodes`.
 *
 * A peer is in at most one of them. ltime is 0 until the first node event or push/pull header is
 * heard. Failed and left peers are forgotten by reapDeadNode after 24 h, in steps of 2 h.
 */
import { NODE_REAP_INTERVAL_NS, NODE_REAP_PERIOD_NS } from './constants.ts';

/** Where a peer stands. */
export const PeerState = { unknown: 0, active: 1, left: 2, failed: 3 } as const;
/** One of {@link PeerState}. */
export type PeerState = (typeof PeerState)[keyof typeof PeerState];

/** One node's view of all others, itself included. */
export class Peers {
  #states = new Uint8Array(16);
  readonly #ltimes = new Map<number, number>();
  readonly #failed = new Set<number>();
  readonly #left = new Set<number>();
  readonly #reapTimesNs = new Map<number, number>();
  #activeCount = 0;

  /** How many peers are active, the node itself included (`len(nDB.nodes)`). */
  get activeCount(): number {
    return this.#activeCount;
  }

  /** Failed peers in the order in which they failed. */
  get failed(): ReadonlySet<number> {
    return this.#failed;
  }

  /** Where the peer stands. */
  stateOf(peer: number): PeerState {
    return (this.#states[peer] ?? 0) as PeerState;
  }

  /** True when memberlist holds the peer alive and it has not said goodbye. */
  isActive(peer: number): boolean {
    return this.#states[peer] === PeerState.active;
  }

  /** True when the peer has failed. */
  isFailed(peer: number): boolean {
    return this.#states[peer] === PeerState.failed;
  }

  /** The ltime of the last fresh node event of the peer. */
  ltimeOf(peer: number): number {
    return this.#ltimes.get(peer) ?? 0;
  }

  /** Remembers the ltime of a fresh node event. */
  setLtime(peer: number, ltime: number): void {
    this.#ltimes.set(peer, ltime);
  }

  /** Puts a peer that was not known into the active ones; a known record is overwritten. */
  add(peer: number): void {
    this.#ltimes.delete(peer);
    this.move(peer, PeerState.active);
  }

  /** Moves a peer to another map; its reap time starts when it was not running yet. */
  move(peer: number, state: PeerState): void {
    const old = this.stateOf(peer);
    if (old === state) return;
    if (peer >= this.#states.length) {
      const grown = new Uint8Array(Math.max(peer + 1, this.#states.length * 2));
      grown.set(this.#states);
      this.#states = grown;
    }
    if (old === PeerState.active) this.#activeCount--;
    if (old === PeerState.failed) this.#failed.delete(peer);
    if (old === PeerState.left) this.#left.delete(peer);
    this.#states[peer] = state;
    if (state === PeerState.active) {
      this.#activeCount++;
      this.#reapTimesNs.delete(peer);
      return;
    }
    if (state === PeerState.unknown) return;
    if (state === PeerState.failed) this.#failed.add(peer);
    if (state === PeerState.left) this.#left.add(peer);
    if (!this.#reapTimesNs.has(peer)) this.#reapTimesNs.set(peer, NODE_REAP_INTERVAL_NS);
  }

  /** One pass of reapDeadNode; returns the peers that it removed, failed ones first. */
  reapDead(): number[] {
    const removed: number[] = [];
    for (const peer of [...this.#failed, ...this.#left]) {
      const reapTimeNs = this.#reapTimesNs.get(peer)!;
      if (reapTimeNs > NODE_REAP_PERIOD_NS) {
        this.#reapTimesNs.set(peer, reapTimeNs - NODE_REAP_PERIOD_NS);
        continue;
      }
      removed.push(peer);
    }
    for (const peer of removed) {
      this.move(peer, PeerState.unknown);
      this.#ltimes.delete(peer);
      this.#reapTimesNs.delete(peer);
    }
    return removed;
  }

  /** Known peers in moby's order of search (active, failed, left), ascending within each. */
  firstKnownOf(peers: readonly number[]): number | undefined {
    for (const state of [PeerState.active, PeerState.failed, PeerState.left]) {
      for (const peer of peers) if (this.stateOf(peer) === state) return peer;
    }
    return undefined;
  }
}
