/**
 * What libxtables checks of an extension's options by itself: that none is given twice, negated or
 * combined where that is not allowed. Mirrors `xtables_option_parse` and `xtables_options_fcheck` of
 * libxtables' xtoptions.c.
 */
import type { OptionChecks } from '../extension.ts';
import { cannotBeInverted, cannotBeUsedWith, onlyOnce } from '../options.ts';

/** A kind of extension, as far as its options go. */
interface Kind extends OptionChecks {
  readonly name: string;
}

/** The error of an option that is given now, beside those in `given`, which it then joins. */
export function optionError(
  kind: Kind,
  given: Set<string>,
  option: string,
  isNegated: boolean,
  isTarget: boolean,
): string | undefined {
  if (kind.isOwnParser === true) return undefined;
  const name = kind.aliases?.find((names) => names.includes(option))?.[0] ?? option;
  if (given.has(name) && kind.repeatable?.includes(name) !== true) return onlyOnce(kind.name, name);
  if (isNegated && (isTarget || kind.plain?.includes(name) === true)) {
    return cannotBeInverted(kind.name, name);
  }
  given.add(name);
  return undefined;
}

/** The error of options that may not stand together, or not alone. */
export function combinationError(kind: Kind, given: ReadonlySet<string>): string | undefined {
  for (const group of kind.exclusive ?? []) {
    const [name, other] = group.filter((each) => given.has(each));
    if (other !== undefined) return cannotBeUsedWith(kind.name, name!, other);
  }
  for (const [name, needed] of kind.requires ?? []) {
    if (!given.has(name) || given.has(needed)) continue;
    return `${kind.name}: option "${name}" also requires "${needed}".\n`;
  }
  return undefined;
}
