/**
 * The ipsets of a namespace, of types `hash:ip` and `hash:net`: what `-m set` asks for and `-j SET`
 * fills. Docker 28.0.0 keeps its bridges' subnets in one; people keep lists of guests and strangers.
 * Mirrors net/netfilter/ipset/ip_set_core.c and ip_set_hash_net.c.
 */
import { type Prefix, prefixContains } from '../../wire/addresses.ts';

/** The types of sets that there are. */
export const SET_TYPES = ['hash:ip', 'hash:net'] as const;
/** See {@link SET_TYPES}. */
export type IpSetType = (typeof SET_TYPES)[number];

/** A prefix in a set. */
export interface IpSetElement {
  readonly prefix: Prefix;
  /** Infinity for one that stays. */
  readonly expiresAtNs: number;
}

/** One set. */
export class IpSet {
  readonly type: IpSetType;
  /** How long elements stay that do not say so, in ns; undefined where none may expire. */
  readonly timeoutNs: number | undefined;
  #elements: IpSetElement[] = [];

  constructor(type: IpSetType, timeoutNs: number | undefined) {
    this.type = type;
    this.timeoutNs = timeoutNs;
  }

  /** What is in it at an instant, in the order of coming. */
  elements(nowNs: number): readonly IpSetElement[] {
    return this.#elements.filter(({ expiresAtNs }) => expiresAtNs > nowNs);
  }

  /** Adds a prefix; false when it is there, unless that renews it. */
  add(prefix: Prefix, nowNs: number, timeoutNs = this.timeoutNs, renews = false): boolean {
    const isKnown = this.has(prefix, nowNs);
    if (isKnown && !renews) return false;
    const isForEver = this.timeoutNs === undefined || timeoutNs === 0 || timeoutNs === undefined;
    const expiresAtNs = isForEver ? Number.POSITIVE_INFINITY : nowNs + timeoutNs;
    this.#elements = this.elements(nowNs).filter((other) => !isSame(other.prefix, prefix));
    this.#elements.push({ prefix, expiresAtNs });
    return true;
  }

  /** Removes a prefix; false when it is not there. */
  remove(prefix: Prefix, nowNs: number): boolean {
    const isKnown = this.has(prefix, nowNs);
    this.#elements = this.#elements.filter((other) => !isSame(other.prefix, prefix));
    return isKnown;
  }

  /** True when it has just this prefix. */
  has(prefix: Prefix, nowNs: number): boolean {
    return this.elements(nowNs).some((other) => isSame(other.prefix, prefix));
  }

  /** True when one of its prefixes holds the address. */
  contains(address: number, nowNs: number): boolean {
    for (const { prefix, expiresAtNs } of this.#elements) {
      if (expiresAtNs > nowNs && prefixContains(prefix, address)) return true;
    }
    return false;
  }

  /** Takes everything out. */
  flush(): void {
    this.#elements = [];
  }
}

/** Named sets. */
export class IpSets {
  readonly #sets = new Map<string, IpSet>();

  /** Names and sets, in the order of their making. */
  entries(): readonly (readonly [string, IpSet])[] {
    return [...this.#sets];
  }

  /** Makes an empty set; may do nothing when it exists. */
  create(name: string, type: IpSetType = 'hash:net', timeoutNs?: number): void {
    if (!this.#sets.has(name)) this.#sets.set(name, new IpSet(type, timeoutNs));
  }

  /** The set of this name. */
  find(name: string): IpSet | undefined {
    return this.#sets.get(name);
  }

  /** Removes a set; false when it does not exist. */
  destroy(name: string): boolean {
    return this.#sets.delete(name);
  }

  /** True when a set of this name exists. */
  has(name: string): boolean {
    return this.#sets.has(name);
  }
}

function isSame(a: Prefix, b: Prefix): boolean {
  return a.address === b.address && a.lengthBits === b.lengthBits;
}
