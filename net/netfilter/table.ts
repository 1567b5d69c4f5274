/**
 * One table: its built-in and user chains, and how a packet goes through them.
 *
 * Chains are walked by recursion (a user chain may not call itself, so the depth is bounded by the
 * number of chains); `goto` is a jump whose chain returns to the caller of this one.
 * Mirrors `ipt_do_table` of net/ipv4/netfilter/ip_tables.c.
 */
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { Outcome } from './extension.ts';
import { HOOK_NAMES, Hook, Verdict } from './hook.ts';
import { Inspection } from './inspection.ts';
import { Chain, type Rule, RuleAction } from './rule.ts';
import { ruleText } from './save.ts';
import { traceRule } from './target/report/trace.ts';

/** The tables. */
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

/** The hooks that each table has a built-in chain for. */
export const TABLE_HOOKS: Readonly<Record<TableName, readonly Hook[]>> = {
  raw: [Hook.prerouting, Hook.output],
  mangle: [Hook.prerouting, Hook.input, Hook.forward, Hook.output, Hook.postrouting],
  nat: [Hook.prerouting, Hook.input, Hook.output, Hook.postrouting],
  filter: [Hook.input, Hook.forward, Hook.output],
};

/** One table of one namespace. */
export class Table {
  readonly name: TableName;
  readonly #namespace: Namespace;
  /** Built-in chains by hook number. */
  readonly #builtIn: (Chain | undefined)[] = [];
  /** Every chain by name; user chains come in the order of creation. */
  readonly chains = new Map<string, Chain>();
  /** One per depth of nesting: a REJECT sends a packet while another is being looked at. */
  readonly #inspections: Inspection[] = [];
  #depth = 0;

  constructor(namespace: Namespace, name: TableName) {
    this.#namespace = namespace;
    this.name = name;
    for (const hook of TABLE_HOOKS[name]) {
      const chain = new Chain(HOOK_NAMES[hook], 'ACCEPT');
      this.#builtIn[hook] = chain;
      this.chains.set(chain.name, chain);
    }
  }

  /** Takes all rules and user chains out; policies stay. */
  clear(): void {
    for (const chain of [...this.chains.values()]) {
      chain.flush();
      chain.packets = 0;
      chain.bytes = 0;
      if (chain.policy === undefined) this.chains.delete(chain.name);
    }
  }

  /** Remembers the table; what is returned puts it back. */
  savepoint(): () => void {
    const before = [...this.chains.values()].map((chain) => {
      const { name, policy, packets, bytes, references } = chain;
      return {
        chain,
        fields: { name, policy, packets, bytes, references },
        rules: [...chain.rules],
      };
    });
    return () => {
      this.chains.clear();
      for (const { chain, fields, rules } of before) {
        Object.assign(chain, fields);
        chain.rules.splice(0, chain.rules.length, ...rules);
        this.chains.set(chain.name, chain);
      }
    };
  }

  /** The built-in chains in hook order, then the user chains by name (bytewise). */
  sortedChains(): Chain[] {
    const user = [...this.chains.values()].filter((chain) => chain.policy === undefined);
    user.sort((a, b) => (a.name < b.name ? -1 : 1));
    return [...this.builtInChains(), ...user];
  }

  /** The built-in chains in hook order. */
  builtInChains(): Chain[] {
    return TABLE_HOOKS[this.name].map((hook) => this.#builtIn[hook]!);
  }

  /** Sends a packet through the chain of a hook. */
  run(
    packet: Packet,
    hook: Hook,
    inDevice: Device | undefined,
    outDevice: Device | undefined,
  ): Verdict {
    const chain = this.#builtIn[hook]!;
    // so end three runs of four on a swarm node
    if (chain.rules.length === 0 && chain.policy === 'ACCEPT' && !packet.isTraced) {
      chain.packets++;
      chain.bytes += packet.end - packet.start;
      return Verdict.accept;
    }
    const depth = this.#depth++;
    let inspection = this.#inspections[depth];
    if (inspection === undefined) {
      inspection = new Inspection(this.#namespace);
      this.#inspections.push(inspection);
    }
    inspection.load(packet, hook, inDevice, outDevice);
    let outcome = this.#walk(chain, inspection);
    this.#depth--;
    if (outcome === Outcome.return) {
      if (packet.isTraced) traceRule(inspection, this.name, chain, undefined);
      chain.packets++;
      chain.bytes += packet.end - packet.start;
      outcome = Outcome.accept;
      if (chain.policy === 'DROP') {
        outcome = Outcome.drop;
        if (packet.way !== undefined) this.#note(inspection, 'drop', chain, 'policy DROP');
      }
    }
    if (outcome === Outcome.accept) return Verdict.accept;
    return outcome === Outcome.drop ? Verdict.drop : Verdict.stolen;
  }

  /** `return` when the chain ends without a verdict. */
  #walk(chain: Chain, inspection: Inspection): Outcome {
    const { rules } = chain;
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!;
      if (!rule.isMatch(inspection)) continue;
      rule.packets++;
      rule.bytes += inspection.end - inspection.at;
      if (inspection.packet.way !== undefined) this.#noteRule(inspection, chain, rule);
      if (inspection.packet.isTraced) traceRule(inspection, this.name, chain, rule);
      switch (rule.action) {
        case RuleAction.none:
          break;
        case RuleAction.accept:
          return Outcome.accept;
        case RuleAction.drop:
          return Outcome.drop;
        case RuleAction.return:
          return Outcome.return;
        case RuleAction.goto:
          return this.#walk(rule.chain!, inspection);
        case RuleAction.jump: {
          const outcome = this.#walk(rule.chain!, inspection);
          if (outcome !== Outcome.return) return outcome;
          break;
        }
        case RuleAction.target: {
          const outcome = rule.target!.run(inspection);
          if (outcome === Outcome.drop && inspection.packet.way !== undefined) {
            this.#note(inspection, 'drop', chain, ruleText(chain.name, rule));
          }
          if (outcome !== Outcome.next) return outcome;
          break;
        }
      }
    }
    if (chain.policy === undefined && inspection.packet.isTraced) {
      traceRule(inspection, this.name, chain, undefined);
    }
    return Outcome.return;
  }

  #noteRule(inspection: Inspection, chain: Chain, rule: Rule): void {
    const text = ruleText(chain.name, rule);
    this.#note(inspection, 'rule', chain, text);
    if (rule.action === RuleAction.drop) this.#note(inspection, 'drop', chain, text);
  }

  #note(inspection: Inspection, event: 'rule' | 'drop', chain: Chain, detail: string): void {
    const { world, name } = this.#namespace;
    const place = HOOK_NAMES[inspection.hook];
    const way = inspection.packet.way!;
    way.add(world.nowNs, name, event, place, `${this.name}/${chain.name}`, detail);
  }
}
