/**
 * What hosts know of each other's MAC addresses, as far as connections show it (Linux
 * `net/core/neighbour.c`).
 *
 * An entry is reachable for 15 to 45 s; then, used, it waits 5 s for a sign of life and asks three times,
 * a second apart. So a host that falls silent has its entry for a while yet, and what is sent to it goes
 * nowhere. Once the entry has failed, who connects asks for the address anew: the connection fails after
 * three requests (EHOSTUNREACH), or goes on when one of them is answered.
 */
import { type DrawKey, drawUnit } from '../../sim/chance.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';

/** `base_reachable_time_ms`; each entry takes half of it to one and a half. */
const BASE_REACHABLE_NS = 30 * SECOND_NS;
/** `delay_first_probe_time`. */
const DELAY_NS = 5 * SECOND_NS;
/** `retrans_time_ms`: between two requests. */
export const REQUEST_INTERVAL_NS = SECOND_NS;
/** `ucast_solicit` and `mcast_solicit`. */
export const REQUEST_COUNT = 3;

interface Entry {
  /** Infinity while the host answers. */
  failsAtNs: number;
  silenceCount: number;
}

/** The entries of all hosts about each other. */
export class NeighbourEntries {
  readonly #key: DrawKey;
  readonly #hostCount: number;
  readonly #entries = new Map<number, Entry>();

  constructor(world: World, hostCount: number) {
    this.#key = world.chance.key('underlay.neighbour');
    this.#hostCount = hostCount;
  }

  /** Whether `from` has to ask for the address of `to`, which is silent now. */
  hasFailed(from: number, to: number, nowNs: number): boolean {
    const pair = from * this.#hostCount + to;
    let entry = this.#entries.get(pair);
    if (entry === undefined) {
      entry = { failsAtNs: Number.POSITIVE_INFINITY, silenceCount: 0 };
      this.#entries.set(pair, entry);
    }
    if (entry.failsAtNs === Number.POSITIVE_INFINITY) {
      const count = entry.silenceCount++;
      const reachableNs = BASE_REACHABLE_NS * (0.5 + drawUnit(this.#key, pair, count, 0));
      // the silence began somewhere between two signs of life
      const restNs = (reachableNs + DELAY_NS) * drawUnit(this.#key, pair, count, 1);
      entry.failsAtNs = Math.round(nowNs + restNs + REQUEST_COUNT * REQUEST_INTERVAL_NS);
    }
    return nowNs >= entry.failsAtNs;
  }

  /** `from` has no entry any more (`neigh_carrier_down`): it asks before it connects. */
  forget(from: number): void {
    for (let to = 0; to < this.#hostCount; to++) {
      const pair = from * this.#hostCount + to;
      this.#entries.set(pair, {
        failsAtNs: 0,
        silenceCount: this.#entries.get(pair)?.silenceCount ?? 0,
      });
    }
  }

  /** The host has answered `from`. */
  confirm(from: number, to: number): void {
    const entry = this.#entries.get(from * this.#hostCount + to);
    if (entry !== undefined) entry.failsAtNs = Number.POSITIVE_INFINITY;
  }
}
