/**
 * What the kernel checks when a table is loaded: that no chain reachable from a hook calls itself,
 * and that extensions are where they may be.
 * Mirrors `mark_source_chains`, `xt_check_match` and `xt_check_target`.
 */
import { HOOK_NAMES } from './hook.ts';
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

/** True when one of the new rules, or one that they newly lead to, may not stand where it does. */
export function violatesHooks(table: Table, added: readonly Rule[]): boolean {
  if (added.some((rule) => !isRuleAllowed(table, rule))) return true;
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
  if (isPlain) return false;
  for (const hook of TABLE_HOOKS[table.name]) {
    const seen = new Set<Chain>();
    const isBad = (chain: Chain): boolean => {
      if (seen.has(chain)) return false;
      seen.add(chain);
      return chain.rules.some((rule) => {
        if (!isAllowedAt(rule, hook)) return true;
        return rule.chain !== undefined && isBad(rule.chain);
      });
    };
    if (isBad(table.chains.get(HOOK_NAMES[hook])!)) return true;
  }
  return false;
}

/** Table, protocol and everything else that does not depend on the chain. */
function isRuleAllowed(table: Table, rule: Rule): boolean {
  for (const { name, match } of rule.matches) {
    if (match.isAllowed !== undefined && !match.isAllowed(rule)) return false;
    const tables = MATCH_KINDS[rule.family].get(name)!.tables;
    if (tables !== undefined && !tables.includes(table.name)) return false;
  }
  if (rule.target === undefined || rule.action !== RuleAction.target) return true;
  if (rule.target.isAllowed !== undefined && !rule.target.isAllowed(rule)) return false;
  const tables = TARGET_KINDS[rule.family].get(rule.targetName)!.tables;
  return tables === undefined || tables.includes(table.name);
}

function isAllowedAt(rule: Rule, hook: (typeof TABLE_HOOKS)['filter'][number]): boolean {
  for (const { name, match } of rule.matches) {
    const hooks = match.allowedHooks?.() ?? MATCH_KINDS[rule.family].get(name)!.hooks;
    if (hooks !== undefined && !hooks.includes(hook)) return false;
  }
  if (rule.action !== RuleAction.target) return true;
  const hooks =
    rule.target!.allowedHooks?.() ?? TARGET_KINDS[rule.family].get(rule.targetName)!.hooks;
  return hooks === undefined || hooks.includes(hook);
}
