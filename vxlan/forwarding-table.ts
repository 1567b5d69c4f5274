/**
 * A vxlan device's forwarding database: MAC address to the VTEP behind which it is.
 *
 * Permanent entries are Docker's, from NetworkDB; learned ones come from received frames and age out
 * after 300 s without use. Sending refreshes an entry as well as receiving does (kernels before 6.14).
 * A frame from a MAC that a permanent entry puts behind another VTEP is refused.
 * Mirrors `vxlan_fdb_*`, `vxlan_snoop` and `vxlan_cleanup` (drivers/net/vxlan/vxlan_core.c).
 */
import { SECOND_NS } from '../sim/time.ts';
import type { Ipv4Address, Mac } from '../wire/addresses.ts';

/** How long a learned entry lives without use (`FDB_AGE_DEFAULT`). */
export const LEARNED_AGE_NS = 300 * SECOND_NS;

/** One entry. */
export interface ForwardingEntry {
  readonly mac: Mac;
  remote: Ipv4Address;
  isPermanent: boolean;
  usedAtNs: number;
}

/** What receiving a frame from a MAC means for the table. */
export type SnoopResult = 'known' | 'learned' | 'moved' | 'refused';

/** The entries of one vxlan device. */
export class ForwardingTable {
  readonly #entries = new Map<Mac, ForwardingEntry>();
  /** Where frames go that no entry is for, and those for all: copies to each. */
  readonly #defaults: Ipv4Address[] = [];

  /** The entries of 00:00:00:00:00:00; Docker makes none. */
  get defaults(): readonly Ipv4Address[] {
    return this.#defaults;
  }

  /** `bridge fdb append 00:00:00:00:00:00 … dst <remote> self permanent` */
  addDefault(remote: Ipv4Address): void {
    if (!this.#defaults.includes(remote)) this.#defaults.push(remote);
  }

  /** `bridge fdb del 00:00:00:00:00:00 … dst <remote> self` */
  removeDefault(remote: Ipv4Address): void {
    const at = this.#defaults.indexOf(remote);
    if (at >= 0) this.#defaults.splice(at, 1);
  }

  /** The entry of a MAC, not counted as use. */
  find(mac: Mac, nowNs: number): ForwardingEntry | undefined {
    const entry = this.#entries.get(mac);
    if (entry === undefined || entry.isPermanent) return entry;
    if (nowNs - entry.usedAtNs <= LEARNED_AGE_NS) return entry;
    this.#entries.delete(mac);
    return undefined;
  }

  /** Where frames to this MAC go; refreshes the entry. */
  use(mac: Mac, nowNs: number): ForwardingEntry | undefined {
    const entry = this.find(mac, nowNs);
    if (entry !== undefined) entry.usedAtNs = nowNs;
    return entry;
  }

  /** `bridge fdb add … self permanent`; false when there is an entry of any kind (EEXIST). */
  addPermanent(mac: Mac, remote: Ipv4Address, nowNs: number): boolean {
    if (this.find(mac, nowNs) !== undefined) return false;
    this.replace(mac, remote, nowNs);
    return true;
  }

  /** `bridge fdb replace … self permanent`: whatever there is becomes this. */
  replace(mac: Mac, remote: Ipv4Address, nowNs: number): void {
    const entry = this.find(mac, nowNs);
    if (entry === undefined) {
      this.#entries.set(mac, { mac, remote, isPermanent: true, usedAtNs: nowNs });
      return;
    }
    entry.remote = remote;
    entry.isPermanent = true;
    entry.usedAtNs = nowNs;
  }

  /** `bridge fdb del … dst <remote> self`, learned or not; false when there is none (ENOENT). */
  remove(mac: Mac, remote: Ipv4Address): boolean {
    return this.#entries.get(mac)?.remote === remote && this.#entries.delete(mac);
  }

  /** A frame came from `mac` by `remote`, and the device learns. */
  snoop(mac: Mac, remote: Ipv4Address, nowNs: number): SnoopResult {
    const entry = this.use(mac, nowNs);
    if (entry === undefined) {
      this.#entries.set(mac, { mac, remote, isPermanent: false, usedAtNs: nowNs });
      return 'learned';
    }
    if (entry.remote === remote) return 'known';
    if (entry.isPermanent) return 'refused';
    entry.remote = remote;
    return 'moved';
  }

  /** All live entries in the order of their making. */
  list(nowNs: number): ForwardingEntry[] {
    return [...this.#entries.keys()].flatMap((mac) => this.find(mac, nowNs) ?? []);
  }
}
