/**
 * The ipsets of a namespace, of type `hash:net`.
 *
 * Docker 28.0.0 keeps its bridges' subnets in two of them (`docker-ext-bridges-v4`, `-v6`) and matches
 * them with `-m set`; 28.0.1 went back to plain rules.
 */
import { type Prefix, prefixContains } from '../../wire/addresses.ts';

/** Named sets of prefixes. */
export class IpSets {
  readonly #sets = new Map<string, Prefix[]>();

  /** Makes an empty set; may do nothing when it exists. */
  create(name: string): void {
    if (!this.#sets.has(name)) this.#sets.set(name, []);
  }

  /** Removes a set; false when it does not exist. */
  destroy(name: string): boolean {
    return this.#sets.delete(name);
  }

  /** True when a set of this name exists. */
  has(name: string): boolean {
    return this.#sets.has(name);
  }

  /** Adds a prefix; false when the set does not exist or has it. */
  add(name: string, prefix: Prefix): boolean {
    const set = this.#sets.get(name);
    if (set === undefined || set.some((other) => isSame(other, prefix))) return false;
    set.push(prefix);
    return true;
  }

  /** Removes a prefix; false when it is not there. */
  remove(name: string, prefix: Prefix): boolean {
    const set = this.#sets.get(name);
    const index = set?.findIndex((other) => isSame(other, prefix)) ?? -1;
    if (index < 0) return false;
    set!.splice(index, 1);
    return true;
  }

  /** True when a prefix of the set holds the address. */
  contains(name: string, address: number): boolean {
    const set = this.#sets.get(name);
    if (set === undefined) return false;
    for (let i = 0; i < set.length; i++) if (prefixContains(set[i]!, address)) return true;
    return false;
  }
}

function isSame(a: Prefix, b: Prefix): boolean {
  return a.address === b.address && a.lengthBits === b.lengthBits;
}
