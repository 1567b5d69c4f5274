/**
 * A match on one field of the packet: one option, possibly negated, and a comparison.
 *
 * Most small matches of iptables are of this form and differ in how they read and print the value.
 */
import type { Match, MatchKind, OptionChecks, RuleHead } from '../../extension.ts';
import type { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';

/** What is particular to one such match; `T` is its parsed value. */
export interface Field<T extends object> {
  readonly name: string;
  /** Its options; the first is the one that errors name. */
  readonly options: readonly string[];
  /** The value, or iptables' error text. */
  parse(text: string, option: string): T | string;
  /** True when the packet has the value; undefined when it has no such field at all. */
  holds(inspection: Inspection, value: T): boolean | undefined;
  /** Behind `-m name`, with its blanks; `not` is `! ` or empty. */
  save(value: T, not: string): string;
  /** As `iptables -L` prints it, with a blank before it. */
  list(value: T, isNegated: boolean, isNumeric: boolean): string;
  /** The error when the option is missing, where it is not libxtables' own. */
  readonly missing?: string;
  readonly hooks?: readonly Hook[];
  /** The only family that has it; both when absent. */
  readonly family?: 'ipv4' | 'ipv6';
  /** What libxtables checks of its options. */
  readonly checks?: OptionChecks;
  /** What it is without its option, where it needs none. */
  readonly bare?: T;
  isAllowed?(head: RuleHead): boolean;
}

class FieldMatch<T extends object> implements Match {
  readonly #field: Field<T>;
  #value: T | undefined = undefined;
  #isNegated = false;

  constructor(field: Field<T>) {
    this.#field = field;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    const field = this.#field;
    const value = field.parse(text, name);
    if (typeof value === 'string') return value;
    this.#value = value;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    this.#value ??= this.#field.bare;
    if (this.#value !== undefined) return undefined;
    const { missing, name, options } = this.#field;
    return missing ?? mustBeSpecified(name, options[0]!);
  }

  isAllowed(head: RuleHead): boolean {
    return this.#field.isAllowed?.(head) ?? true;
  }

  matches(inspection: Inspection): boolean {
    const holds = this.#field.holds(inspection, this.#value!);
    return holds !== undefined && holds !== this.#isNegated;
  }

  save(): string {
    return this.#field.save(this.#value!, this.#isNegated ? '! ' : '');
  }

  list(isNumeric: boolean): string {
    return this.#field.list(this.#value!, this.#isNegated, isNumeric);
  }
}

/** The kind of match that looks at a field. */
export function fieldMatchKind<T extends object>(field: Field<T>): MatchKind {
  const { hooks, family } = field;
  return {
    ...field.checks,
    name: field.name,
    options: field.options.map((option) => `${option}=`),
    create: () => new FieldMatch(field),
    ...(hooks === undefined ? {} : { hooks }),
    ...(family === undefined ? {} : { family }),
  };
}
