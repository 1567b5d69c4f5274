/**
 * Variables in stack files, as docker/cli reads them (`cli/compose/template`): `$NAME`, `${NAME}`,
 * `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`, and `$$` for a dollar.
 *
 * Values come from the scenario's `environment` only: a run must not depend on the shell that it was
 * started from. Keys are not interpolated, as upstream.
 */
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml, YamlPath } from '../language/located-yaml.ts';

/** The sections whose values may hold variables (docker/cli `interpolation`). */
const SECTIONS = ['services', 'volumes', 'networks', 'secrets', 'configs'];

/** A variable, an escaped dollar, or a dollar that is neither. */
const PATTERN = /\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{([^}]*)\}|())/g;

/** `NAME`, and behind it what to do when it has no value. */
const BRACED = /^([_a-zA-Z][_a-zA-Z0-9]*)(?:(:?[-?])(.*))?$/s;

/** A text with its variables replaced, or what is wrong with it. */
export interface Interpolated {
  readonly text: string;
  readonly error: string | undefined;
  /** Variables that have neither a value nor a default. */
  readonly unset: readonly string[];
}

/** Replaces the variables of one text. */
export function interpolate(
  text: string,
  environment: Readonly<Record<string, string>>,
): Interpolated {
  let error: string | undefined;
  const unset: string[] = [];
  const given = (name: string): string | undefined =>
    Object.hasOwn(environment, name) ? environment[name] : undefined;
  const plain = (name: string): string => {
    const value = given(name);
    if (value === undefined) unset.push(name);
    return value ?? '';
  };
  const replaced = text.replace(
    PATTERN,
    (_all, dollar: string | undefined, name: string | undefined, braced: string | undefined) => {
      if (dollar !== undefined) return '$';
      if (name !== undefined) return plain(name);
      const match = BRACED.exec(braced ?? '');
      if (match === null) {
        error ??= `invalid interpolation format: "${text}"`;
        return '';
      }
      const [, variable, operator, rest] = match as unknown as [string, string, string?, string?];
      if (operator === undefined) return plain(variable);
      const value = given(variable);
      const isGiven = operator.startsWith(':') ? (value ?? '') !== '' : value !== undefined;
      if (isGiven) return value!;
      if (operator.endsWith('-')) return rest ?? '';
      error ??= `required variable ${variable} is missing a value: ${rest ?? ''}`;
      return '';
    },
  );
  return { text: replaced, error, unset };
}

/** Replaces the variables of a whole stack file and says what is wrong with them. */
export function interpolateDocument(
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
  issues: Issue[],
): unknown {
  const root = document.value;
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return root;
  return Object.fromEntries(
    Object.entries(root).map(([key, value]) => [
      key,
      SECTIONS.includes(key) ? walk(value, [key], document, environment, issues) : value,
    ]),
  );
}

function walk(
  value: unknown,
  path: YamlPath,
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
  issues: Issue[],
): unknown {
  if (typeof value === 'string') {
    if (!value.includes('$')) return value;
    const { text, error, unset } = interpolate(value, environment);
    if (error !== undefined) {
      const hint = error.startsWith('required')
        ? 'give it a value under environment in the scenario'
        : 'write $$ for a dollar sign';
      issues.push(document.issueAt(path, 'interpolation', error, hint));
    }
    for (const name of unset) {
      const message = `the variable ${name} is not set; it becomes an empty string`;
      const hint = `give it a value under environment in the scenario, or write \${${name}:-default}`;
      issues.push(document.issueAt(path, 'unset-variable', message, hint, true));
    }
    return text;
  }
  if (Array.isArray(value)) {
    return value.map((item, i) => walk(item, [...path, i], document, environment, issues));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      walk(item, [...path, key], document, environment, issues),
    ]),
  );
}
