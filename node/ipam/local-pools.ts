/**
 * Address pools of scope local: which subnet a new network gets, and which address an endpoint
 * (`libnetwork/ipam`, `ipamutils`).
 *
 * Pools are handed out in the order of the predefined list; one that overlaps an allocated pool or a
 * route of the host is passed over. Up to 26 the search goes on behind the pool that was given last,
 * so that a freed one comes back only after a whole turn; later engines take the first that fits.
 * Addresses: the lowest free one, so that a freed address is used again at once; the network and
 * broadcast addresses are never given. IPv6 subnets that nobody chose come from a unique local prefix
 * of the host (27 and later), one /64 after another; their first address is never given.
 */
import type { Prefix } from '../../wire/addresses.ts';
import {
  addressBits,
  compareIps,
  type IpAddress,
  type IpPrefix,
  ipPrefixesOverlap,
  ipToInteger,
  ipv6OfInteger,
  isInPrefix,
  isIpv6Address,
  lastIpOf,
  maskedIp,
} from '../../wire/ip-address.ts';

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

const UINT64_MAX = (1n << 64n) - 1n;

/** One pool and the addresses that are in use. */
export class LocalPool {
  readonly subnet: IpPrefix;
  readonly #range: IpPrefix;
  readonly #used = new Set<IpAddress>();

  /** `range` is the part of which addresses are given that nobody chose. */
  constructor(subnet: IpPrefix, range: IpPrefix = subnet) {
    this.subnet = subnet;
    this.#range = range;
    const first = maskedIp(subnet.address, subnet.lengthBits);
    if (isIpv6Address(first)) {
      if (subnet.lengthBits < 127) this.#used.add(first);
    } else if (subnet.lengthBits <= 30) this.#used.add(first).add(lastIpOf(subnet));
  }

  /** The lowest free address, or the wanted one; `undefined` when it is taken or none is left. */
  take(wanted?: IpAddress): IpAddress | undefined {
    if (wanted !== undefined) {
      if (!isInPrefix(this.subnet, wanted) || this.#used.has(wanted)) return undefined;
      this.#used.add(wanted);
      return wanted;
    }
    const last = lastIpOf(this.#range);
    let address = maskedIp(this.#range.address, this.#range.lengthBits);
    for (; compareIps(address, last) <= 0; address = nextOf(address)) {
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    return undefined;
  }

  /** How many addresses nobody can get any more, network and broadcast among them. */
  get usedCount(): number {
    return this.#used.size;
  }

  /** How many are left of those that are given without being asked for; at most 2^64 - 1. */
  get freeCount(): bigint {
    const { address, lengthBits } = this.#range;
    const inside = [...this.#used].filter((each) => isInPrefix(this.#range, each)).length;
    const count = (1n << BigInt(addressBits(address) - lengthBits)) - BigInt(inside);
    return count < UINT64_MAX ? count : UINT64_MAX;
  }

  /** Gives an address back. */
  release(address: IpAddress): void {
    this.#used.delete(address);
  }
}

function nextOf(address: IpAddress): IpAddress {
  return isIpv6Address(address) ? ipv6OfInteger(ipToInteger(address) + 1n) : address + 1;
}

/** Length of the IPv6 subnets that are handed out. */
const IPV6_SUBNET_BITS = 64;

/** The local address space of one host. */
export class LocalPools {
  readonly #predefined: readonly Prefix[];
  readonly #isRotating: boolean;
  readonly #allocated: IpPrefix[] = [];
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
      if (taken.some((t) => ipPrefixesOverlap(subnet, t))) continue;
      if (this.#isRotating) this.#startIndex = (index + 1) % count;
      return this.#reserve(subnet);
    }
    return undefined;
  }

  /** The pool of a subnet that the user chose; `undefined` when it overlaps an allocated one. */
  claim(subnet: IpPrefix, range?: IpPrefix): LocalPool | undefined {
    if (this.#allocated.some((pool) => ipPrefixesOverlap(pool, subnet))) return undefined;
    return this.#reserve(subnet, range);
  }

  /** Gives a pool back. */
  release(pool: LocalPool): void {
    const index = this.#allocated.indexOf(pool.subnet);
    if (index >= 0) this.#allocated.splice(index, 1);
  }

  /** The next free /64 of an IPv6 prefix. */
  allocateIpv6(base: IpPrefix): LocalPool {
    const step = 1n << BigInt(128 - IPV6_SUBNET_BITS);
    let address = base.address;
    for (;;) {
      const pool = this.claim({ address, lengthBits: IPV6_SUBNET_BITS });
      if (pool !== undefined) return pool;
      address = ipv6OfInteger(ipToInteger(address) + step);
    }
  }

  #reserve(subnet: IpPrefix, range?: IpPrefix): LocalPool {
    this.#allocated.push(subnet);
    return new LocalPool(subnet, range);
  }
}
