/**
 * `nft list …` as nftables prints it: maps before chains, tabs, counters unless `-s`, handles with
 * `-a`. Mirrors nftables' `src/rule.c` and `src/expression.c`.
 */
import { HOOK_NAMES } from '../hook.ts';
import { priorityText } from './priority.ts';
import { type NftChain, type NftMap, type NftTable, nftRuleText } from './rule.ts';
import type { NftSet } from './sets.ts';
import { compareNames } from './statement.ts';

/** What is printed beside rules. */
export interface ListOptions {
  /** `-s`: no counts. */
  readonly isStateless: boolean;
  /** `-a`: a handle behind each chain and rule. */
  readonly hasHandles: boolean;
  /** Elements of sets that expire say when. */
  readonly nowNs: number;
}

/** `nft list ruleset`, empty when there is no table. */
export function listRuleset(tables: readonly NftTable[], options: ListOptions): string {
  return tables.map((table) => listTable(table, options)).join('');
}

/** `nft list table`. */
export function listTable(table: NftTable, options: ListOptions): string {
  const sets = [...table.sets.values()].map((set) => set.text(options.nowNs, options.hasHandles));
  const maps = [...table.maps.values()].map(mapText);
  const chains = [...table.chains.values()].map((chain) => chainText(chain, options));
  const handle = options.hasHandles ? ` # handle ${table.handle}` : '';
  return inTable(table, [...sets, ...maps, ...chains], handle);
}

/** `nft list chain`. */
export function listChain(table: NftTable, chain: NftChain, options: ListOptions): string {
  return inTable(table, [chainText(chain, options)]);
}

/** `nft list map`. */
export function listMap(table: NftTable, map: NftMap): string {
  return inTable(table, [mapText(map)]);
}

/** `nft list set`. */
export function listSet(table: NftTable, set: NftSet, options: ListOptions): string {
  return inTable(table, [set.text(options.nowNs, options.hasHandles)]);
}

/** `nft list sets`: those of a table without blank lines between them. */
export function listSets(table: NftTable, { nowNs, hasHandles }: ListOptions): string {
  const sets = [...table.sets.values()].map((set) => set.text(nowNs, hasHandles));
  return `table ${table.family} ${table.name} {\n${sets.join('')}}\n`;
}

function inTable(table: NftTable, parts: readonly string[], handle = ''): string {
  return `table ${table.family} ${table.name} {${handle}\n${parts.join('\n')}}\n`;
}

function mapText({ name, elements }: NftMap): string {
  const keys = [...elements.keys()].sort(compareNames);
  const texts = keys.map((key) => {
    const { verb, chain } = elements.get(key)!;
    return `"${key}" : ${verb}${chain === '' ? '' : ` ${chain}`}`;
  });
  const list = texts.length === 0 ? '' : `\t\telements = { ${texts.join(',\n\t\t\t     ')} }\n`;
  return `\tmap ${name} {\n\t\ttype ifname : verdict\n${list}\t}\n`;
}

function chainText(chain: NftChain, { isStateless, hasHandles }: ListOptions): string {
  const handleOf = (handle: number) => (hasHandles ? ` # handle ${handle}` : '');
  let text = `\tchain ${chain.name} {${handleOf(chain.handle)}\n`;
  const { base } = chain;
  if (base !== undefined) {
    const hook = HOOK_NAMES[base.hook].toLowerCase();
    const priority = priorityText(base.hook, base.priority);
    text += `\t\ttype ${base.type} hook ${hook} priority ${priority}; policy ${base.policy};\n`;
  }
  for (const rule of chain.rules) {
    text += `\t\t${nftRuleText(rule, isStateless)}${handleOf(rule.handle)}\n`;
  }
  return `${text}\t}\n`;
}
