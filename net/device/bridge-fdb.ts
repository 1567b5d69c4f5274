/**
 * A bridge's forwarding database: by which port a MAC address is reached.
 *
 * An entry is local (the bridge's or a port's own address: the frame goes up), static (added by
 * somebody) or learned; a learned one that was not refreshed within the ageing time counts as gone
 * and is taken out when it is met. Mirrors net/bridge/br_fdb.c.
 */
import type { Mac } from '../../wire/addresses.ts';
import type { BridgePort } from './bridge-port.ts';

/** An entry of `bridge fdb show`; mutable, owned by its {@link BridgeFdb}. */
export interface FdbEntry {
  readonly mac: Mac;
  /** Undefined for the bridge's own address. */
  port: BridgePort | undefined;
  /** True for own addresses, `permanent` in the listing. */
  isLocal: boolean;
  /** True for what somebody added: it does not age. */
  isStatic: boolean;
  /** When a frame from it last came in, in ns. */
  updatedAtNs: number;
}

/** The entries of one bridge, in the order of their making. */
export class BridgeFdb {
  readonly #entries = new Map<Mac, FdbEntry>();
  /** How long a learned entry lives without a frame, in ns. */
  ageingNs = 300_000_000_000;

  /** How many entries there are, aged ones that nobody met included. */
  get size(): number {
    return this.#entries.size;
  }

  /** The live entry of an address. */
  find(mac: Mac, nowNs: number): FdbEntry | undefined {
    const entry = this.#entries.get(mac);
    if (entry === undefined || !this.#isAged(entry, nowNs)) return entry;
    this.#entries.delete(mac);
    return undefined;
  }

  /** Learns by which port an address is reached; false when it is one of our own. */
  learn(mac: Mac, port: BridgePort, nowNs: number): boolean {
    const entry = this.find(mac, nowNs);
    if (entry === undefined) {
      this.#entries.set(mac, { mac, port, isLocal: false, isStatic: false, updatedAtNs: nowNs });
      return true;
    }
    if (entry.isLocal) return false;
    if (entry.port !== port && !entry.isStatic) entry.port = port;
    entry.updatedAtNs = nowNs;
    return true;
  }

  /** `bridge fdb add|replace <mac> dev <port> master [static|permanent]`. */
  add(mac: Mac, port: BridgePort | undefined, isLocal: boolean, nowNs: number): void {
    this.#entries.delete(mac);
    this.#entries.set(mac, { mac, port, isLocal, isStatic: true, updatedAtNs: nowNs });
  }

  /** `bridge fdb del`; false when there was none. */
  remove(mac: Mac): boolean {
    return this.#entries.delete(mac);
  }

  /** Takes the learned entries of a port out, and all others too when `isAll`. */
  flushPort(port: BridgePort, isAll: boolean): void {
    for (const [mac, entry] of this.#entries) {
      if (entry.port === port && (isAll || !entry.isStatic)) this.#entries.delete(mac);
    }
  }

  /** Live entries in the order of their making. */
  list(nowNs: number): FdbEntry[] {
    const live: FdbEntry[] = [];
    for (const [mac, entry] of this.#entries) {
      if (this.#isAged(entry, nowNs)) this.#entries.delete(mac);
      else live.push(entry);
    }
    return live;
  }

  #isAged(entry: FdbEntry, nowNs: number): boolean {
    return !entry.isStatic && entry.updatedAtNs + this.ageingNs <= nowNs;
  }
}
