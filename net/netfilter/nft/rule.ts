/**
 * A rule, a chain, a verdict map and a table of nftables: what they hold, and how a packet goes
 * through them. Mirrors `nft_do_chain` (net/netfilter/nf_tables_core.c).
 */
import type { Device } from '../../device/device.ts';
import type { Namespace } from '../../namespace.ts';
import type { Packet } from '../../packet.ts';
import { Outcome } from '../extension.ts';
import { HOOK_NAMES, type Hook, Verdict } from '../hook.ts';
import { Inspection } from '../inspection.ts';
import type { NftSet } from './sets.ts';
import type { Statement } from './statement.ts';

/** What a rule may ask about the table that it is part of. */
export interface NftRuleOwner {
  hasChain(name: string): boolean;
  setOf(name: string): NftSet | undefined;
}

/** One rule. */
export interface NftRule {
  readonly handle: number;
  readonly statements: readonly Statement[];
  readonly comment: string;
}

/** A rule as nft prints it. */
export function nftRuleText({ statements, comment }: NftRule, isStateless: boolean): string {
  const text = statements.map((statement) => statement.text(isStateless)).join(' ');
  return comment === '' ? text : `${text} comment "${comment}"`;
}

/** Where a base chain is hooked in. */
export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: Hook;
  readonly priority: number;
  policy: 'accept' | 'drop';
}

/** A chain; `base` is undefined for one that is only jumped to. */
export class NftChain {
  readonly name: string;
  readonly handle: number;
  readonly base: BaseChain | undefined;
  readonly rules: NftRule[] = [];

  constructor(name: string, handle: number, base: BaseChain | undefined) {
    this.name = name;
    this.handle = handle;
    this.base = base;
  }
}

/** What a verdict map says of a key. */
export interface MapVerdict {
  readonly verb: 'jump' | 'goto' | 'accept' | 'drop';
  readonly chain: string;
}

/** A map from interface names to verdicts. */
export interface NftMap {
  readonly name: string;
  readonly handle: number;
  readonly elements: Map<string, MapVerdict>;
}

/** One table of one namespace. */
export class NftTable implements NftRuleOwner {
  readonly family: string;
  readonly name: string;
  readonly handle: number;
  readonly chains = new Map<string, NftChain>();
  readonly maps = new Map<string, NftMap>();
  readonly sets = new Map<string, NftSet>();
  readonly #namespace: Namespace;
  /** One per depth of nesting, as in iptables' tables. */
  readonly #inspections: Inspection[] = [];
  #depth = 0;
  #lastHandle = 0;

  constructor(namespace: Namespace, family: string, name: string, handle: number) {
    this.#namespace = namespace;
    this.handle = handle;
    this.family = family;
    this.name = name;
  }

  hasChain(name: string): boolean {
    return this.chains.has(name);
  }

  setOf(name: string): NftSet | undefined {
    return this.sets.get(name);
  }

  /** True while a rule asks for the set. */
  isAsked(set: NftSet): boolean {
    for (const { rules } of this.chains.values()) {
      if (rules.some(({ statements }) => statements.some((each) => each.set === set))) return true;
    }
    return false;
  }

  /** Remembers chains, rules, maps and sets; what is returned puts them back. */
  savepoint(): () => void {
    const chains = [...this.chains.values()].map((chain) => ({ chain, rules: [...chain.rules] }));
    const maps = [...this.maps.values()].map((map) => ({ map, elements: [...map.elements] }));
    const sets = [...this.sets.values()].map((set) => ({ set, restore: set.savepoint() }));
    return () => {
      for (const { chain, rules } of chains) {
        this.chains.set(chain.name, chain);
        chain.rules.splice(0, chain.rules.length, ...rules);
      }
      this.maps.clear();
      for (const { map, elements } of maps) {
        this.maps.set(map.name, map);
        map.elements.clear();
        for (const [key, verdict] of elements) map.elements.set(key, verdict);
      }
      this.sets.clear();
      for (const { set, restore } of sets) {
        this.sets.set(set.name, set);
        restore();
      }
    };
  }

  /** A handle for what is new. */
  nextHandle(): number {
    return ++this.#lastHandle;
  }

  /** True while a rule or a map leads to the chain. */
  isReferred(name: string): boolean {
    for (const { rules } of this.chains.values()) {
      for (const { statements } of rules) {
        if (statements.some(({ jump }) => jump?.chain === name)) return true;
      }
    }
    for (const { elements } of this.maps.values()) {
      for (const { chain } of elements.values()) if (chain === name) return true;
    }
    return false;
  }

  /** Sends a packet through a base chain. */
  run(
    chain: NftChain,
    packet: Packet,
    hook: Hook,
    inDevice: Device | undefined,
    outDevice: Device | undefined,
  ): Verdict {
    const base = chain.base!;
    if (chain.rules.length === 0 && base.policy === 'accept') return Verdict.accept;
    const depth = this.#depth++;
    let inspection = this.#inspections[depth];
    if (inspection === undefined) {
      inspection = new Inspection(this.#namespace);
      this.#inspections.push(inspection);
    }
    inspection.load(packet, hook, inDevice, outDevice);
    const outcome = this.#walk(chain, inspection);
    this.#depth--;
    switch (outcome) {
      case Outcome.return:
        if (base.policy === 'accept') return Verdict.accept;
        if (packet.way !== undefined) this.#note(inspection, 'drop', chain, 'policy drop');
        return Verdict.drop;
      case Outcome.accept:
        return Verdict.accept;
      default:
        return outcome === Outcome.drop ? Verdict.drop : Verdict.stolen;
    }
  }

  /** `return` when the chain ends without a verdict. */
  #walk(chain: NftChain, inspection: Inspection): Outcome {
    const { rules } = chain;
    for (let i = 0; i < rules.length; i++) {
      const outcome = this.#runRule(chain, rules[i]!, inspection);
      if (outcome !== Outcome.next) return outcome;
    }
    return Outcome.return;
  }

  /** `next` for the next rule of the chain. */
  #runRule(chain: NftChain, rule: NftRule, inspection: Inspection): Outcome {
    const { statements } = rule;
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i]!;
      if (statement.jump !== undefined || statement.lookup !== undefined) {
        const outcome = this.#follow(chain, rule, statement, inspection);
        if (outcome !== Outcome.next) return outcome;
        continue;
      }
      const outcome = statement.run(inspection);
      if (outcome === Outcome.next) continue;
      if (outcome === Outcome.return) return Outcome.next;
      this.#noteRule(inspection, chain, rule, outcome);
      return outcome;
    }
    return Outcome.next;
  }

  /** A jump, a goto, a return, or a look-up in a verdict map. */
  #follow(chain: NftChain, rule: NftRule, statement: Statement, inspection: Inspection): Outcome {
    const { lookup, jump } = statement;
    let verb: MapVerdict['verb'] = jump?.isGoto === true ? 'goto' : 'jump';
    let name = jump?.chain ?? '';
    if (lookup !== undefined) {
      const found = this.maps.get(lookup.map)?.elements.get(lookup.key(inspection));
      if (found === undefined) return Outcome.next;
      ({ verb, chain: name } = found);
    } else if (name === '') return Outcome.return;
    if (verb === 'accept' || verb === 'drop') {
      const outcome = verb === 'accept' ? Outcome.accept : Outcome.drop;
      this.#noteRule(inspection, chain, rule, outcome);
      return outcome;
    }
    this.#noteRule(inspection, chain, rule, Outcome.next);
    const outcome = this.#walk(this.chains.get(name)!, inspection);
    if (verb === 'goto') return outcome;
    return outcome === Outcome.return ? Outcome.next : outcome;
  }

  #noteRule(inspection: Inspection, chain: NftChain, rule: NftRule, outcome: Outcome): void {
    if (inspection.packet.way === undefined) return;
    const text = nftRuleText(rule, true);
    this.#note(inspection, 'rule', chain, text);
    if (outcome === Outcome.drop) this.#note(inspection, 'drop', chain, text);
  }

  #note(inspection: Inspection, event: 'rule' | 'drop', chain: NftChain, detail: string): void {
    const { world, name } = this.#namespace;
    const place = HOOK_NAMES[inspection.hook];
    inspection.packet.way!.add(
      world.nowNs,
      name,
      event,
      place,
      `${this.name}/${chain.name}`,
      detail,
    );
  }
}
