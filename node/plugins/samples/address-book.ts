/**
 * The addresses of one subnet as a database keeps them: who has which, the lowest free one next.
 */
import {
  broadcastOf,
  type Ipv4Address,
  networkOf,
  type Prefix,
  prefixContains,
} from '../../../wire/addresses.ts';

/** Addresses and their owners. */
export class AddressBook {
  readonly subnet: Prefix;
  readonly #owners = new Map<Ipv4Address, string>();

  constructor(subnet: Prefix) {
    this.subnet = subnet;
  }

  /** How many are taken. */
  get size(): number {
    return this.#owners.size;
  }

  /** Whose an address is. */
  ownerOf(address: Ipv4Address): string | undefined {
    return this.#owners.get(address);
  }

  /** Gives the wanted address, or the lowest free one; `undefined` when it cannot be had. */
  take(owner: string, wanted?: Ipv4Address): Ipv4Address | undefined {
    if (wanted !== undefined) {
      if (!prefixContains(this.subnet, wanted) || this.#owners.has(wanted)) return undefined;
      this.#owners.set(wanted, owner);
      return wanted;
    }
    const last = broadcastOf(this.subnet);
    for (let address = networkOf(this.subnet) + 1; address < last; address++) {
      if (this.#owners.has(address)) continue;
      this.#owners.set(address, owner);
      return address;
    }
    return undefined;
  }

  /** Takes an address back. */
  release(address: Ipv4Address): void {
    this.#owners.delete(address);
  }
}
