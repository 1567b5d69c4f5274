/**
 * The names that one host knows on one network, as its embedded DNS answers them
 * (`libnetwork/network.go`, `svcRecords`).
 *
 * A name holds addresses, each added by one or more sources (endpoints, or the service whose VIP it
 * is); an address goes with its last source. Reverse look-ups know every address that was added with
 * a name of its own. Names are compared lower-cased.
 */
import { type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';

/** The records of one network on one host. */
export class NetworkRecords {
  /** Name to address to the sources that hold it. */
  readonly #forward = new Map<string, Map<IpAddress, Set<string>>>();
  readonly #reverse = new Map<IpAddress, string[]>();

  /** Adds `name -> address` for a source; `hasReverse` makes the address resolve to the name. */
  add(name: string, address: IpAddress, source: string, hasReverse: boolean): void {
    const key = name.toLowerCase();
    let addresses = this.#forward.get(key);
    if (addresses === undefined) {
      addresses = new Map();
      this.#forward.set(key, addresses);
    }
    const sources = addresses.get(address);
    if (sources === undefined) addresses.set(address, new Set([source]));
    else sources.add(source);
    if (!hasReverse) return;
    const names = this.#reverse.get(address);
    if (names === undefined) this.#reverse.set(address, [name]);
    else if (!names.includes(name)) names.push(name);
  }

  /** Takes a source's `name -> address` away. */
  remove(name: string, address: IpAddress, source: string): void {
    const key = name.toLowerCase();
    const addresses = this.#forward.get(key);
    const sources = addresses?.get(address);
    if (addresses === undefined || sources === undefined) return;
    sources.delete(source);
    if (sources.size > 0) return;
    addresses.delete(address);
    if (addresses.size === 0) this.#forward.delete(key);
    const names = this.#reverse.get(address)?.filter((other) => other.toLowerCase() !== key);
    if (names === undefined) return;
    if (names.length === 0) this.#reverse.delete(address);
    else this.#reverse.set(address, names);
  }

  /** The IPv4 addresses of a name in the order of their arrival; `undefined` when it is unknown. */
  addressesOf(name: string): IpAddress[] | undefined {
    return this.#knownOf(name)?.filter((address) => !isIpv6Address(address));
  }

  /** The IPv6 addresses of a name, likewise. */
  ipv6AddressesOf(name: string): IpAddress[] | undefined {
    return this.#knownOf(name)?.filter(isIpv6Address);
  }

  #knownOf(name: string): IpAddress[] | undefined {
    const addresses = this.#forward.get(name.toLowerCase());
    return addresses === undefined ? undefined : [...addresses.keys()];
  }

  /** The name that an address resolves to. */
  nameOf(address: IpAddress): string | undefined {
    return this.#reverse.get(address)?.[0];
  }

  /** All names, for listings. */
  get names(): string[] {
    return [...this.#forward.keys()];
  }
}
