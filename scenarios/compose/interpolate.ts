/**
 * Variables in stack files, as docker/cli reads them (`cli/compose/template`): `$NAME`, `${NAME}`,
 * `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`, and `$$` for a dollar.
 * compose-go (`template/template.go`) knows `${NAME:+value}` and variables within defaults besides.
 *
 * Values come from the scenario's `environment` and from `.env` files only: a run must not depend on
 * the shell that it was started from. Keys are not interpolated, as upstream.
 */
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml, YamlPath } from '../language/located-yaml.ts';
import { type Casts, COMPOSE_CASTS, castAt, STACK_CASTS } from './casts.ts';

/** What a template may say, and what the tool that reads it says of it. */
export interface TemplateRules {
  /** `${NAME:+value}` and `${NAME+value}`, which count when the variable has a value. */
  readonly hasAlternatives: boolean;
  /** Variables in defaults and messages: `${A:-${B}}`. */
  readonly nests: boolean;
  readonly casts: Casts;
  /** True where texts without variables are cast, too. */
  readonly castsAll: boolean;
  /** The tool's words for a template that cannot be read. */
  invalid(where: string, template: string): string;
  /** The tool's words for a variable that must have a value. */
  required(where: string, why: string): string;
  /** Its words for a variable without one. */
  unset(name: string): string;
}

/** As docker/cli reads stack files, where a missing variable is told like a broken template. */
export const STACK_TEMPLATES: TemplateRules = {
  hasAlternatives: false,
  nests: false,
  casts: STACK_CASTS,
  castsAll: false,
  invalid: (where, template) =>
    `invalid interpolation format for ${where}: ${JSON.stringify(template)}; you may need to escape ` +
    'any $ with another $',
  required: (where, why) => STACK_TEMPLATES.invalid(where, why),
  unset: (name) => `the variable ${name} is not set; it becomes an empty string`,
};

/** As compose-go reads compose files. */
export const COMPOSE_TEMPLATES: TemplateRules = {
  hasAlternatives: true,
  nests: true,
  casts: COMPOSE_CASTS,
  castsAll: true,
  invalid: (where, template) =>
    `invalid interpolation format for ${where}.\nYou may need to escape any $ with another $.\n` +
    template,
  required: (where, why) => `error while interpolating ${where}: ${why}`,
  unset: (name) => `The "${name}" variable is not set. Defaulting to a blank string.`,
};

/** A name, behind a dollar or a brace. */
const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;

/** What stands behind a name in braces. */
const OPERATOR = /:?[-?+]/y;

/** A text with its variables replaced, or what is wrong with it. */
export interface Interpolated {
  readonly text: string;
  /** A variable that must have a value and has none. */
  readonly missing: string | undefined;
  /** True when the text cannot be read. */
  readonly isInvalid: boolean;
  /** Variables that have neither a value nor a default. */
  readonly unset: readonly string[];
}

/** Replaces the variables of one text. */
export function interpolate(
  text: string,
  environment: Readonly<Record<string, string>>,
  rules: TemplateRules = STACK_TEMPLATES,
): Interpolated {
  return new Template(text, environment, rules).interpolated();
}

/** One text whose variables are being replaced. */
class Template {
  readonly #text: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #rules: TemplateRules;
  readonly #unset: string[] = [];
  #missing: string | undefined;
  #isInvalid = false;

  constructor(text: string, environment: Readonly<Record<string, string>>, rules: TemplateRules) {
    this.#text = text;
    this.#environment = environment;
    this.#rules = rules;
  }

  interpolated(): Interpolated {
    const text = this.#replaced(this.#text);
    return { text, missing: this.#missing, isInvalid: this.#isInvalid, unset: this.#unset };
  }

  #replaced(text: string): string {
    let result = '';
    let at = 0;
    for (;;) {
      const dollar = text.indexOf('$', at);
      if (dollar < 0) return result + text.slice(at);
      result += text.slice(at, dollar);
      const next = text[dollar + 1];
      const name = matchAt(NAME, text, dollar + 1);
      if (next === '$') {
        result += '$';
        at = dollar + 2;
      } else if (name !== undefined) {
        result += this.#plain(name);
        at = dollar + 1 + name.length;
      } else {
        const end = next === '{' ? this.#endOf(text, dollar + 2) : -1;
        if (end < 0) return this.#invalid();
        result += this.#braced(text.slice(dollar + 2, end));
        at = end + 1;
      }
    }
  }

  /** Where the brace closes that is open at `from`; -1 when it does not. */
  #endOf(text: string, from: number): number {
    if (!this.#rules.nests) return text.indexOf('}', from);
    let depth = 1;
    for (let at = from; at < text.length; at++) {
      if (text[at] === '{' && text[at - 1] === '$') depth++;
      else if (text[at] === '}' && --depth === 0) return at;
    }
    return -1;
  }

  #braced(inner: string): string {
    const name = matchAt(NAME, inner, 0);
    if (name === undefined) return this.#invalid();
    if (name.length === inner.length) return this.#plain(name);
    const operator = matchAt(OPERATOR, inner, name.length);
    const isKnown = operator !== undefined;
    if (!isKnown || (operator.endsWith('+') && !this.#rules.hasAlternatives))
      return this.#invalid();
    const rest = inner.slice(name.length + operator.length);
    const value = this.#given(name);
    const isGiven = operator.startsWith(':') ? (value ?? '') !== '' : value !== undefined;
    if (operator.endsWith('+')) return isGiven ? this.#nested(rest) : '';
    if (isGiven) return value!;
    if (operator.endsWith('-')) return this.#nested(rest);
    const reason = this.#nested(rest);
    const why = reason === '' && this.#rules.nests ? '' : `: ${reason}`;
    this.#missing ??= `required variable ${name} is missing a value${why}`;
    return '';
  }

  #nested(text: string): string {
    return this.#rules.nests ? this.#replaced(text) : text;
  }

  #plain(name: string): string {
    const value = this.#given(name);
    if (value === undefined) this.#unset.push(name);
    return value ?? '';
  }

  #given(name: string): string | undefined {
    return Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined;
  }

  #invalid(): string {
    this.#isInvalid = true;
    return '';
  }
}

/** What a sticky pattern finds at an offset. */
function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Replaces the variables of a whole stack file and says what is wrong with them. */
export function interpolateDocument(
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
  issues: Issue[],
  rules: TemplateRules = STACK_TEMPLATES,
): unknown {
  return walk(document.value, [], { document, environment, issues, rules });
}

/** What a walk over a file needs at every value. */
interface Walk {
  readonly document: LocatedYaml;
  readonly environment: Readonly<Record<string, string>>;
  readonly issues: Issue[];
  readonly rules: TemplateRules;
}

function walk(value: unknown, path: YamlPath, context: Walk): unknown {
  if (typeof value === 'string') return replaced(value, path, context);
  if (Array.isArray(value)) return value.map((item, i) => walk(item, [...path, i], context));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key], context)]),
  );
}

function replaced(value: string, path: YamlPath, context: Walk): unknown {
  const { document, environment, issues, rules } = context;
  const { text, missing, isInvalid, unset } = interpolate(value, environment, rules);
  const where = path.map((part) => (typeof part === 'number' ? '[]' : part)).join('.');
  const fail = (message: string, hint: string) =>
    issues.push(document.issueAt(path, 'interpolation', message, hint));
  if (isInvalid) fail(rules.invalid(where, value), 'write $$ for a dollar sign');
  else if (missing !== undefined) {
    fail(rules.required(where, missing), 'give it a value under environment in the scenario');
  }
  for (const name of unset) {
    const hint = `give it a value under environment in the scenario, or write \${${name}:-default}`;
    issues.push(document.issueAt(path, 'unset-variable', rules.unset(name), hint, true));
  }
  if (text === value && !rules.castsAll) return text;
  const cast = castAt(rules.casts, path, text);
  if (cast === undefined) return text;
  if ('value' in cast) return cast.value;
  const message = `error while interpolating ${where}: failed to cast to expected type: ${cast.error}`;
  fail(message, '');
  return text;
}
