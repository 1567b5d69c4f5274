/**
 * A vxlan device's forwarding database: MAC address to the VTEP behind which it is
 * (`drivers/net/vxlan/vxlan_core.c`, `vxlan_fdb_*`, `vxlan_snoop`).
 *
 * Permanent entries are Docker's, from NetworkDB; learned ones come from received frames and age
 * out after 300 s. A frame from a MAC that a permanent entry puts elsewhere is refused.
 */
import { SECOND_NS } from '../sim/time.ts';
import type { Ipv4Address, Mac } from '../wire/addresses.ts';

/** How long a learned entry lives without a frame (`FDB_AGE_DEFAULT`). */
export const LEARNED_AGE_NS = 300 * SECOND_NS;

/** One entry. */
export interface ForwardingEntry {
  readonly mac: Mac;
  remote: Ipv4Address;
  readonly isPermanent: boolean;
  updatedAtNs: number;
}

/** What receiving a frame from a MAC means for the table. */
export type SnoopResult = 'known' | 'learned' | 'moved' | 'refused';

/** The entries of one vxlan device. */
export class ForwardingTable {
  readonly #entries = new Map<Mac, ForwardingEntry>();

  /** Where frames to this MAC go. */
  find(mac: Mac, nowNs: number): ForwardingEntry | undefined {
    const entry = this.#entries.get(mac);
    if (entry === undefined || entry.isPermanent) return entry;
    if (nowNs - entry.updatedAtNs <= LEARNED_AGE_NS) return entry;
    this.#entries.delete(mac);
    return undefined;
  }

  /** `bridge fdb add … self permanent`; false when there is an entry of any kind (EEXIST). */
  addPermanent(mac: Mac, remote: Ipv4Address, nowNs: number): boolean {
    if (this.find(mac, nowNs) !== undefined) return false;
    this.#entries.set(mac, { mac, remote, isPermanent: true, updatedAtNs: nowNs });
    return true;
  }

  /** `bridge fdb del … dst <remote> self`; false when there is no such entry (ENOENT). */
  remove(mac: Mac, remote: Ipv4Address): boolean {
    return this.#entries.get(mac)?.remote === remote && this.#entries.delete(mac);
  }

  /** A frame came from `mac` by `remote`. */
  snoop(mac: Mac, remote: Ipv4Address, nowNs: number, isLearning: boolean): SnoopResult {
    const entry = this.find(mac, nowNs);
    if (entry === undefined) {
      if (!isLearning) return 'known';
      this.#entries.set(mac, { mac, remote, isPermanent: false, updatedAtNs: nowNs });
      return 'learned';
    }
    if (entry.remote === remote) {
      entry.updatedAtNs = nowNs;
      return 'known';
    }
    if (entry.isPermanent) return 'refused';
    entry.remote = remote;
    entry.updatedAtNs = nowNs;
    return 'moved';
  }

  /** All live entries in the order of their arrival. */
  list(nowNs: number): ForwardingEntry[] {
    return [...this.#entries.keys()].flatMap((mac) => this.find(mac, nowNs) ?? []);
  }
}
