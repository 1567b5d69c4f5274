/**
 * What a match and a target are: parsed options, a predicate or an action, and their texts.
 *
 * One file per match in `match/`, one per target in `target/`; each exports a kind, and the tables
 * in `match/kinds.ts` and `target/kinds.ts` list them. Texts and error messages are those of the
 * extensions of iptables 1.8.9 (`extensions/libxt_*.c`, `libipt_*.c`).
 */
import type { Hook } from './hook.ts';
import type { Inspection } from './inspection.ts';

/** What a target makes of a packet. */
export const Outcome = {
  /** go on with the next rule */
  next: 0,
  accept: 1,
  drop: 2,
  /** the target took the packet over */
  stolen: 3,
  /** leave this chain */
  return: 4,
} as const;
/** See {@link Outcome}. */
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** What an extension may ask about the rule that it is part of. */
export interface RuleHead {
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  readonly isProtocolNegated: boolean;
  /** The rule's matches, as far as they have been read. */
  readonly matches: readonly { readonly match: Match }[];
}

/** What an extension may ask about the namespace whose rules are parsed. */
export interface ParseEnvironment {
  /** Whose command it is: `iptables` or `ip6tables`. */
  readonly family: 'ipv4' | 'ipv6';
  /** True when an ipset of this name exists. */
  hasSet(name: string): boolean;
  /** Turns the accounting of new connections on (`nf_ct_set_acct`). */
  forceAccounting(): void;
}

/** A match or a target of one rule. */
interface Extension {
  /**
   * Takes an option (`--dport`) with its argument; returns iptables' error text. `head` is as far as
   * it has been read.
   */
  option(name: string, value: string, isNegated: boolean, head: RuleHead): string | undefined;
  /** Called after all options; returns iptables' error text. */
  finish(head: RuleHead): string | undefined;
  /** Options as `iptables-save` prints them, each with a blank before it. */
  save(): string;
  /** As `iptables -L` prints it, with a blank before it where iptables has one. */
  list(isNumeric: boolean): string;
  /** False when the kernel would refuse the rule (`Invalid argument`). */
  isAllowed?(head: RuleHead): boolean;
  /** The kernel's answer when it refuses for another reason than `Invalid argument`. */
  refusal?(head: RuleHead): string | undefined;
  /** The hooks from which the kernel lets this rule be reached; all when undefined. */
  allowedHooks?(): readonly Hook[] | undefined;
  /** What the kernel logs of another hook; x_tables' own words when it has none. */
  hookRefusal?(): string;
}

/** What libxtables checks of options before and after an extension reads them (xtoptions.c). */
export interface OptionChecks {
  /** Options that `!` may not stand before; of a target, none may be negated. */
  readonly plain?: readonly string[];
  /** Options that may be given again. */
  readonly repeatable?: readonly string[];
  /** Groups of which one option may be given; errors name the first two that were, in this order. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Pairs: the first is of no use without the second. */
  readonly requires?: readonly (readonly [string, string])[];
  /** Names of one option, the one that errors name first. */
  readonly aliases?: readonly (readonly string[])[];
  /** It reads its options without libxtables' help, so that nothing of this is checked. */
  readonly isOwnParser?: boolean;
}

/** A match of one rule. */
export interface Match extends Extension {
  matches(inspection: Inspection): boolean;
  /** True when only segments that open a TCP connection can match. */
  readonly demandsSyn?: boolean;
}

/** A target of one rule that is neither a verdict nor a chain. */
export interface Target extends Extension {
  run(inspection: Inspection): Outcome;
}

/** A kind of extension: its name, its options and how one is made. */
export interface ExtensionKind<T extends Extension> extends OptionChecks {
  readonly name: string;
  /** Option names with `--`; one `=` behind it per argument. */
  readonly options: readonly string[];
  create(environment: ParseEnvironment): T;
  /** True when it needs connections to be tracked. */
  readonly needsTracking?: boolean;
  /** The tables in which the kernel takes it; all when absent. */
  readonly tables?: readonly string[];
  /** The name in `iptables -L` when it is another. */
  readonly listedName?: string;
  /** The hooks from which the kernel lets it be reached; all when absent. */
  readonly hooks?: readonly Hook[];
  /** The only family that has it; both when absent. */
  readonly family?: 'ipv4' | 'ipv6';
}

/** The kinds of one family by name; the first of a name counts. */
export function kindsOf<K extends { name: string; family?: 'ipv4' | 'ipv6' }>(
  kinds: readonly K[],
  family: 'ipv4' | 'ipv6',
): ReadonlyMap<string, K> {
  const own = kinds.filter((kind) => kind.family === undefined || kind.family === family);
  return new Map(own.map((kind) => [kind.name, kind]));
}

/** A kind of match. */
export type MatchKind = ExtensionKind<Match>;
/** A kind of target. */
export type TargetKind = ExtensionKind<Target>;
