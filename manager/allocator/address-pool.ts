/**
 * The addresses of one subnet, handed out serially (libnetwork `ipam`, `bitmap` with the option
 * `com.docker.network.ipam.serial`, as the swarm allocator asks).
 *
 * The next address is the first free one after the last that was handed out, wrapping at the end,
 * so a released address is not reused at once. After a leader change the position is lost: the
 * addresses in use are reserved again and the search starts from the bottom.
 */
import type { Ipv4Address, Prefix } from '../../wire/addresses.ts';
import { broadcastOf, networkOf, prefixContains } from '../../wire/addresses.ts';

/** One subnet's addresses. */
export class AddressPool {
  readonly subnet: Prefix;
  readonly #range: Prefix;
  readonly #used = new Set<Ipv4Address>();
  #last: Ipv4Address;

  /** Dynamic addresses come from `range` when it is given. */
  constructor(subnet: Prefix, range?: Prefix) {
    this.subnet = { address: networkOf(subnet), lengthBits: subnet.lengthBits };
    this.#range = range ?? this.subnet;
    this.#last = networkOf(this.#range) - 1;
    if (subnet.lengthBits < 31) {
      this.#used.add(networkOf(subnet));
      this.#used.add(broadcastOf(subnet));
    }
  }

  /** The next free address, or `undefined` when the pool is full. */
  take(): Ipv4Address | undefined {
    const first = networkOf(this.#range);
    const last = broadcastOf(this.#range);
    let candidate = this.#last;
    for (let i = last - first; i >= 0; i--) {
      candidate = candidate >= last ? first : candidate + 1;
      if (this.#used.has(candidate)) continue;
      this.#used.add(candidate);
      this.#last = candidate;
      return candidate;
    }
    return undefined;
  }

  /** Takes this very address; false when it is in use or not in the subnet. */
  reserve(address: Ipv4Address): boolean {
    if (!prefixContains(this.subnet, address) || this.#used.has(address)) return false;
    this.#used.add(address);
    return true;
  }

  /** Gives an address back. */
  release(address: Ipv4Address): void {
    this.#used.delete(address);
  }
}
