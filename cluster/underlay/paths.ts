/**
 * The table of effective paths between all hosts: base conditions and installed fault rules in, the
 * {@link Path} of an ordered pair out, computed once per change.
 *
 * Rules with a flow filter make the answer depend on protocol and port; while any is installed,
 * those flows are looked up beside the plain table.
 */
import {
  DEFAULT_CONDITIONS,
  type LinkConditions,
  type Path,
  pathOf,
  type UnderlayRule,
} from './conditions.ts';

/** Names an installed rule. */
export type RuleId = number;

/** Effective conditions of every ordered pair of hosts. */
export class Paths {
  readonly #hostCount: number;
  readonly #base: LinkConditions[];
  readonly #rules = new Map<RuleId, UnderlayRule>();
  /** Called before anything changes, for those who foretell fates under the present conditions. */
  beforeChange: () => void = () => {};
  #nextRuleId = 1;
  #filteredRuleCount = 0;
  #plain: (Path | undefined)[];
  readonly #filtered = new Map<number, Path>();

  constructor(hostCount: number, base: LinkConditions = DEFAULT_CONDITIONS) {
    this.#hostCount = hostCount;
    this.#base = new Array<LinkConditions>(hostCount * hostCount).fill(base);
    this.#plain = new Array<Path | undefined>(hostCount * hostCount);
  }

  /** Sets the base conditions of one ordered pair. */
  setBase(from: number, to: number, conditions: LinkConditions): void {
    this.beforeChange();
    this.#base[from * this.#hostCount + to] = conditions;
    this.#forget();
  }

  /** Installs a rule behind the others. */
  install(rule: UnderlayRule): RuleId {
    this.beforeChange();
    const id = this.#nextRuleId++;
    this.#rules.set(id, rule);
    if (rule.filter !== undefined) this.#filteredRuleCount++;
    this.#forget();
    return id;
  }

  /** Takes a rule out; unknown ids are ignored. */
  remove(id: RuleId): void {
    const rule = this.#rules.get(id);
    if (rule === undefined) return;
    this.beforeChange();
    this.#rules.delete(id);
    if (rule.filter !== undefined) this.#filteredRuleCount--;
    this.#forget();
  }

  /** The path of a datagram with this IP protocol and these ports (0 where there are none). */
  of(from: number, to: number, protocol: number, sourcePort: number, port: number): Path {
    const pair = from * this.#hostCount + to;
    if (this.#filteredRuleCount === 0) {
      return (this.#plain[pair] ??= this.#compute(from, to, protocol, sourcePort, port));
    }
    const flow = (protocol * 65536 + sourcePort) * 65536 + port;
    const key = pair * 0x100_0000_0000 + flow;
    let path = this.#filtered.get(key);
    if (path === undefined) {
      if (this.#filtered.size > 100_000) this.#filtered.clear();
      path = this.#compute(from, to, protocol, sourcePort, port);
      this.#filtered.set(key, path);
    }
    return path;
  }

  #compute(from: number, to: number, protocol: number, sourcePort: number, port: number): Path {
    const covering: UnderlayRule[] = [];
    for (const rule of this.#rules.values()) {
      if (!rule.covers(from, to)) continue;
      const filter = rule.filter;
      if (filter !== undefined) {
        if (filter.protocol !== protocol) continue;
        if (filter.port !== undefined && filter.port !== port && filter.port !== sourcePort)
          continue;
      }
      covering.push(rule);
    }
    return pathOf(this.#base[from * this.#hostCount + to]!, covering);
  }

  #forget(): void {
    this.#plain = new Array<Path | undefined>(this.#hostCount * this.#hostCount);
    this.#filtered.clear();
  }
}
