/**
 * Policy rules (`ip rule`): which tables are asked, in which order, for which packets.
 * Mirrors net/core/fib_rules.c and net/ipv4/fib_rules.c.
 */
import { anyAddressLike, isInPrefix } from '../../wire/ip-address.ts';
import { type RouteQuery, RouteTableId, type Rule } from './route.ts';

const FIRST_RULES: readonly Rule[] = [
  { priority: 0, table: RouteTableId.local },
  { priority: 32_766, table: RouteTableId.main },
  { priority: 32_767, table: RouteTableId.default },
];
/** IPv6 has no table `default`. */
const FIRST_IPV6_RULES: readonly Rule[] = FIRST_RULES.slice(0, 2);

/** The rules of one namespace, lowest priority number first. */
export class Rules {
  readonly #first: readonly Rule[];
  #rules: Rule[];
  /** Told of every change. */
  readonly #onChange: () => void;
  /** True while a rule looks at more than destination and mark, so that answers cannot be cached. */
  needsMoreThanMark = false;

  constructor(onChange: () => void, family: 'ipv4' | 'ipv6' = 'ipv4') {
    this.#onChange = onChange;
    this.#first = family === 'ipv4' ? FIRST_RULES : FIRST_IPV6_RULES;
    this.#rules = [...this.#first];
  }

  /** True once there are others than those of a fresh kernel. */
  get isCustom(): boolean {
    if (this.#rules.length !== this.#first.length) return true;
    return this.#rules.some((rule, i) => rule !== this.#first[i]);
  }

  /** All rules in order; not to be changed. */
  list(): readonly Rule[] {
    return this.#rules;
  }

  /** `ip rule add`: behind those of the same priority. */
  add(rule: Rule): void {
    let place = this.#rules.length;
    while (place > 0 && this.#rules[place - 1]!.priority > rule.priority) place--;
    this.#rules.splice(place, 0, rule);
    this.#changed();
  }

  /** `ip rule del`: the first rule that has all the given fields; false when there is none. */
  remove(fields: Partial<Rule>): boolean {
    const wanted = Object.entries(fields).filter(([, value]) => value !== undefined);
    const place = this.#rules.findIndex((rule) =>
      wanted.every(([key, value]) => isEqual(rule[key as keyof Rule], value)),
    );
    if (place < 0) return false;
    this.#rules.splice(place, 1);
    this.#changed();
    return true;
  }

  /** True when a rule takes this query (`fib_rule_match`). */
  matches(rule: Rule, query: RouteQuery): boolean {
    return this.#matchesAll(rule, query) !== (rule.isNegated === true);
  }

  #matchesAll(rule: Rule, query: RouteQuery): boolean {
    if (rule.mark !== undefined) {
      const mask = rule.markMask ?? 0xffff_ffff;
      if ((((query.mark ?? 0) ^ rule.mark) & mask) !== 0) return false;
    }
    if (rule.inDevice !== undefined && query.inDevice?.name !== rule.inDevice) return false;
    if (rule.outDevice !== undefined && query.outDevice?.name !== rule.outDevice) return false;
    const { source, destination } = rule;
    if (source !== undefined) {
      if (!isInPrefix(source, query.source ?? anyAddressLike(source.address))) return false;
    }
    return destination === undefined || isInPrefix(destination, query.destination);
  }

  #changed(): void {
    this.needsMoreThanMark = this.#rules.some(
      (rule) =>
        rule.source !== undefined || rule.inDevice !== undefined || rule.outDevice !== undefined,
    );
    this.#onChange();
  }
}

function isEqual(a: Rule[keyof Rule], b: Rule[keyof Rule]): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.address === b.address && a.lengthBits === b.lengthBits;
}
