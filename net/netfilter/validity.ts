/**
 * What the kernel checks when a table is loaded: that no chain reachable from a hook calls itself,
 * and that extensions are where they may be.
 * Mirrors `mark_source_chains`, `xt_check_match` and `xt_check_target`.
 */
import { HOOK_NAMES, type Hook } from './hook.ts';
import { MATCH_KINDS } from './match/kinds.ts';
import { type Chain, type Rule, RuleAction } from './rule.ts';
import { TABLE_HOOKS, type Table } from './table.ts';
import { TARGET_KINDS } from './target/kinds.ts';

/** True when a chain that a built-in one leads to leads back to itself. */
export function isTooDeep(table: Table): boolean {
  const done = new Set<Chain>();
  const open = new Set<Chain>();
  const leadsBack = (chain: Chain): boolean => {
    if (open.has(chain)) return true;
    if (done.has(chain)) return false;
    open.add(chain);
    for (const rule of chain.rules) {
      if (rule.chain !== undefined && leadsBack(rule.chain)) return true;
    }
    open.delete(chain);
    done.add(chain);
    return false;
  };
  return table.builtInChains().some(leadsBack);
}

/** What the kernel answers to a rule that it refuses for another reason than `Invalid argument`. */
export function extensionRefusal(rule: Rule): string | undefined {
  for (const { match } of rule.matches) {
    const refusal = match.refusal?.(rule);
    if (refusal !== undefined) return refusal;
  }
  return rule.target?.refusal?.(rule);
}

/**
 * What the kernel logs of the first new rule, or one that they newly lead to, that may not stand
 * where it does; undefined when all may. It has no words for some ('').
 */
export function hookRefusalOf(table: Table, added: readonly Rule[]): string | undefined {
  for (const rule of added) {
    const refusal = ruleRefusalOf(table, rule);
    if (refusal !== undefined) return refusal;
  }
  const isPlain = added.every(
    (rule) =>
      rule.matches.every(({ name, match }) => {
        return (
          match.allowedHooks === undefined &&
          MATCH_KINDS[rule.family].get(name)!.hooks === undefined
        );
      }) &&
      rule.action !== RuleAction.jump &&
      rule.action !== RuleAction.goto &&
      rule.action !== RuleAction.target,
  );
  if (isPlain) return undefined;
  for (const hook of TABLE_HOOKS[table.name]) {
    const seen = new Set<Chain>();
    const refusalIn = (chain: Chain): string | undefined => {
      if (seen.has(chain)) return undefined;
      seen.add(chain);
      for (const rule of chain.rules) {
        const refusal = refusalAt(rule, hook);
        if (refusal !== undefined) return refusal;
        const below = rule.chain === undefined ? undefined : refusalIn(rule.chain);
        if (below !== undefined) return below;
      }
      return undefined;
    };
    const refusal = refusalIn(table.chains.get(HOOK_NAMES[hook])!);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Table, protocol and everything else that does not depend on the chain. */
function ruleRefusalOf(table: Table, rule: Rule): string | undefined {
  for (const { name, match } of rule.matches) {
    if (match.isAllowed?.(rule) === false) return '';
    const refusal = tableRefusalOf(
      table,
      `${name} match`,
      MATCH_KINDS[rule.family].get(name)!.tables,
    );
    if (refusal !== undefined) return refusal;
  }
  const { target, targetName } = rule;
  if (target === undefined || rule.action !== RuleAction.target) return undefined;
  if (target.isAllowed?.(rule) === false) return '';
  return tableRefusalOf(
    table,
    `${targetName} target`,
    TARGET_KINDS[rule.family].get(targetName)!.tables,
  );
}

function tableRefusalOf(
  table: Table,
  what: string,
  tables: readonly string[] | undefined,
): string | undefined {
  if (tables === undefined || tables.includes(table.name)) return undefined;
  return `x_tables: ip_tables: ${what}: only valid in ${tables.join('/')} table, not ${table.name}`;
}

function refusalAt(rule: Rule, hook: Hook): string | undefined {
  for (const { name, match } of rule.matches) {
    const hooks = match.allowedHooks?.() ?? MATCH_KINDS[rule.family].get(name)!.hooks;
    if (hooks !== undefined && !hooks.includes(hook)) {
      return match.hookRefusal?.() ?? usedFrom(`${name} match`, hook, 'valid', hooks);
    }
  }
  if (rule.action !== RuleAction.target) return undefined;
  const hooks =
    rule.target!.allowedHooks?.() ?? TARGET_KINDS[rule.family].get(rule.targetName)!.hooks;
  if (hooks === undefined || hooks.includes(hook)) return undefined;
  return (
    rule.target!.hookRefusal?.() ?? usedFrom(`${rule.targetName} target`, hook, 'usable', hooks)
  );
}

function usedFrom(what: string, hook: Hook, word: string, hooks: readonly Hook[]): string {
  const names = [...hooks].sort((a, b) => a - b).map((each) => HOOK_NAMES[each]);
  const from = `used from hooks ${HOOK_NAMES[hook]}, but only ${word} from ${names.join('/')}`;
  return `x_tables: ip_tables: ${what}: ${from}`;
}
