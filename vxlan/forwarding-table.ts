/**
 * A vxlan device's forwarding database: MAC address to the VTEP behind which it is.
 *
 * Permanent entries are Docker's, from NetworkDB; learned ones come from received frames and age out
 * after 300 s without use. Sending refreshes an entry as well as receiving does (kernels before 6.14).
 * A frame from a MAC that a permanent or static entry puts behind another VTEP is refused.
 * Mirrors `vxlan_fdb_*`, `vxlan_snoop`, `vxlan_flush` and `vxlan_cleanup`
 * (drivers/net/vxlan/vxlan_core.c).
 */
import { SECOND_NS } from '../sim/time.ts';
import type { Mac } from '../wire/addresses.ts';
import type { IpAddress } from '../wire/ip-address.ts';

/** How long a learned entry lives without use (`FDB_AGE_DEFAULT`). */
export const LEARNED_AGE_NS = 300 * SECOND_NS;

/** What an entry is: only learned ones age, move and go when the device goes down. */
export type ForwardingState = 'permanent' | 'static' | 'learned';

/** One entry. */
export interface ForwardingEntry {
  readonly mac: Mac;
  remote: IpAddress;
  state: ForwardingState;
  usedAtNs: number;
  updatedAtNs: number;
}

/** What receiving a frame from a MAC means for the table. */
export type SnoopResult = 'known' | 'learned' | 'moved' | 'refused';

/** The entries of one vxlan device. */
export class ForwardingTable {
  readonly #entries = new Map<Mac, ForwardingEntry>();
  /** Where frames go that no entry is for, and those for all: copies to each. */
  readonly #defaults: IpAddress[] = [];
  readonly #ageNs: number;
  readonly #countMax: number;

  /** Learned entries live for `ageNs` without use; none is learned beyond `countMax` entries. */
  constructor(ageNs: number = LEARNED_AGE_NS, countMax: number = Number.POSITIVE_INFINITY) {
    this.#ageNs = ageNs;
    this.#countMax = countMax;
  }

  /** The entries of 00:00:00:00:00:00; Docker makes none. */
  get defaults(): readonly IpAddress[] {
    return this.#defaults;
  }

  /** `bridge fdb append 00:00:00:00:00:00 … dst <remote> self permanent` */
  addDefault(remote: IpAddress): void {
    if (!this.#defaults.includes(remote)) this.#defaults.push(remote);
  }

  /** `bridge fdb del 00:00:00:00:00:00 … dst <remote> self` */
  removeDefault(remote: IpAddress): void {
    const at = this.#defaults.indexOf(remote);
    if (at >= 0) this.#defaults.splice(at, 1);
  }

  /** The entry of a MAC, not counted as use. */
  find(mac: Mac, nowNs: number): ForwardingEntry | undefined {
    const entry = this.#entries.get(mac);
    if (entry === undefined || entry.state !== 'learned') return entry;
    if (nowNs - entry.usedAtNs <= this.#ageNs) return entry;
    this.#entries.delete(mac);
    return undefined;
  }

  /** Where frames to this MAC go; refreshes the entry. */
  use(mac: Mac, nowNs: number): ForwardingEntry | undefined {
    const entry = this.find(mac, nowNs);
    if (entry !== undefined) entry.usedAtNs = nowNs;
    return entry;
  }

  /** `bridge fdb add … self`; false when there is an entry of any kind (EEXIST). */
  add(mac: Mac, remote: IpAddress, nowNs: number, state: ForwardingState = 'permanent'): boolean {
    if (this.find(mac, nowNs) !== undefined) return false;
    this.replace(mac, remote, nowNs, state);
    return true;
  }

  /** `bridge fdb replace … self`: whatever there is becomes this. */
  replace(mac: Mac, remote: IpAddress, nowNs: number, state: ForwardingState = 'permanent'): void {
    const entry = this.find(mac, nowNs);
    if (entry === undefined) {
      this.#entries.set(mac, { mac, remote, state, usedAtNs: nowNs, updatedAtNs: nowNs });
      return;
    }
    entry.remote = remote;
    entry.state = state;
    entry.usedAtNs = nowNs;
    entry.updatedAtNs = nowNs;
  }

  /**
   * `bridge fdb del … dst <remote> self`, learned or not; false when there is no entry (ENOENT). One
   * that leads elsewhere stays, and the kernel calls that a success.
   */
  remove(mac: Mac, remote: IpAddress): boolean {
    const entry = this.#entries.get(mac);
    if (entry?.remote === remote) this.#entries.delete(mac);
    return entry !== undefined;
  }

  /** A frame came from `mac` by `remote`, and the device learns. */
  snoop(mac: Mac, remote: IpAddress, nowNs: number): SnoopResult {
    const entry = this.use(mac, nowNs);
    if (entry === undefined) {
      if (this.#entries.size < this.#countMax) this.replace(mac, remote, nowNs, 'learned');
      return 'learned';
    }
    if (entry.remote === remote) return 'known';
    if (entry.state !== 'learned') return 'refused';
    entry.remote = remote;
    entry.updatedAtNs = nowNs;
    return 'moved';
  }

  /** The device goes down: what it has learned is forgotten. */
  forgetLearned(): void {
    for (const { mac, state } of [...this.#entries.values()]) {
      if (state === 'learned') this.#entries.delete(mac);
    }
  }

  /** All live entries in the order of their making. */
  list(nowNs: number): ForwardingEntry[] {
    return [...this.#entries.keys()].flatMap((mac) => this.find(mac, nowNs) ?? []);
  }
}
