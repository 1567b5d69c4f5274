/**
 * Address pools of scope local: which subnet a new network gets, and which address an endpoint
 * (`libnetwork/ipam`, `ipamutils`).
 *
 * Pools are handed out in the order of the predefined list; one that overlaps an allocated pool or a
 * route of the host is passed over. Up to 26 the search goes on behind the pool that was given last,
 * so that a freed one comes back only after a whole turn; later engines take the first that fits.
 * Addresses: the lowest free one, so that a freed address is used again at once; the network and
 * broadcast addresses are never given.
 */
import {
  broadcastOf,
  type Ipv4Address,
  networkOf,
  type Prefix,
  prefixContains,
  prefixesOverlap,
} from '../../wire/addresses.ts';

/** The predefined pools: 172.17/16 to 172.31/16, then 192.168.0.0/20 to 192.168.240.0/20. */
export const PREDEFINED_POOLS: readonly Prefix[] = [
  ...Array.from({ length: 15 }, (_, i) => ({
    address: ((172 << 24) | ((17 + i) << 16)) >>> 0,
    lengthBits: 16,
  })),
  ...Array.from({ length: 16 }, (_, i) => ({
    address: ((192 << 24) | (168 << 16) | ((i * 16) << 8)) >>> 0,
    lengthBits: 20,
  })),
];

/** One pool and the addresses that are in use. */
export class LocalPool {
  readonly subnet: Prefix;
  readonly #range: Prefix;
  readonly #used = new Set<Ipv4Address>();

  /** `range` is the part of which addresses are given that nobody chose. */
  constructor(subnet: Prefix, range: Prefix = subnet) {
    this.subnet = subnet;
    this.#range = range;
    if (subnet.lengthBits > 30) return;
    this.#used.add(networkOf(subnet));
    this.#used.add(broadcastOf(subnet));
  }

  /** The lowest free address, or the wanted one; `undefined` when it is taken or none is left. */
  take(wanted?: Ipv4Address): Ipv4Address | undefined {
    if (wanted !== undefined) {
      if (!prefixContains(this.subnet, wanted) || this.#used.has(wanted)) return undefined;
      this.#used.add(wanted);
      return wanted;
    }
    const last = broadcastOf(this.#range);
    for (let address = networkOf(this.#range); address <= last; address++) {
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    return undefined;
  }

  /** Gives an address back. */
  release(address: Ipv4Address): void {
    this.#used.delete(address);
  }
}

/** The local address space of one host. */
export class LocalPools {
  readonly #predefined: readonly Prefix[];
  readonly #isRotating: boolean;
  readonly #allocated: Prefix[] = [];
  #startIndex = 0;

  /** `isRotating`: the search goes on behind the last pool (up to 26). */
  constructor(isRotating: boolean, predefined: readonly Prefix[] = PREDEFINED_POOLS) {
    this.#isRotating = isRotating;
    this.#predefined = predefined;
  }

  /**
   * The next predefined pool that overlaps neither an allocated pool nor a host route;
   * `undefined` when none is left.
   */
  allocate(hostRoutes: readonly Prefix[]): LocalPool | undefined {
    const taken = [...this.#allocated, ...hostRoutes];
    const count = this.#predefined.length;
    for (let i = 0; i < count; i++) {
      const index = (this.#startIndex + i) % count;
      const subnet = this.#predefined[index]!;
      if (taken.some((t) => prefixesOverlap(subnet, t))) continue;
      if (this.#isRotating) this.#startIndex = (index + 1) % count;
      return this.#reserve(subnet);
    }
    return undefined;
  }

  /** The pool of a subnet that the user chose; `undefined` when it overlaps an allocated one. */
  claim(subnet: Prefix, range?: Prefix): LocalPool | undefined {
    if (this.#allocated.some((pool) => prefixesOverlap(pool, subnet))) return undefined;
    return this.#reserve(subnet, range);
  }

  /** Gives a pool back. */
  release(pool: LocalPool): void {
    const index = this.#allocated.indexOf(pool.subnet);
    if (index >= 0) this.#allocated.splice(index, 1);
  }

  #reserve(subnet: Prefix, range?: Prefix): LocalPool {
    this.#allocated.push(subnet);
    return new LocalPool(subnet, range);
  }
}
