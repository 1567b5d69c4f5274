/**
 * What `docker stack deploy` says of a file that its schema refuses: of all that is wrong the one
 * thing that lies deepest (docker/cli `cli/compose/schema/schema.go`, gojsonschema `locales.go`).
 */
import { parsePortSpec } from '../../../node/docker/port-spec.ts';
import type { YamlPath } from '../../language/located-yaml.ts';
import { isGoDuration } from '../values.ts';
import { evaluate, type Formats, type Violation } from './json-schema.ts';
import { stackSchema, stackVersionOf } from './published.ts';

/** A complaint of a schema and what it is about. */
export interface SchemaComplaint {
  readonly message: string;
  readonly path: YamlPath;
  /** The key at the path that nobody knows, if that is the matter, and those that are known. */
  readonly unknownKey: string | undefined;
  /** More than the tool says. */
  readonly hint: string;
}

const FORMATS: Formats = {
  ports: (value) => typeof parsePortSpec(value) !== 'string',
  duration: isGoDuration,
};

/** What is wrong with a stack file whose variables are replaced; `undefined` when nothing is. */
export function stackComplaintOf(value: unknown): SchemaComplaint | undefined {
  const version = stackVersionOf(value);
  const schema = stackSchema(version);
  if (schema === undefined) {
    const message = `unsupported Compose file version: ${version}`;
    return { message, path: ['version'], unknownKey: undefined, hint: 'leave it out' };
  }
  const all = nearest(evaluate(schema, value, FORMATS).violations);
  if (all.length === 0) return undefined;
  const deepest = Math.max(...all.map(depthOf));
  const deep = all.filter((each) => depthOf(each) === deepest);
  const told = deep.find(({ keyword }) => keyword === 'type') ?? deep[0]!;
  const child = isChoice(told) ? all[all.indexOf(told) + 1] : undefined;
  const unknownKey = told.keyword === 'additionalProperties' ? told.property : undefined;
  const message = `${fieldOf(told)} ${descriptionOf(told, child)}`;
  return { message, path: told.path, unknownKey, hint: hintOf(child ?? told) };
}

/** Why a port is none, which the schema only knows that it is. */
function hintOf(told: Violation): string {
  if (told.keyword !== 'format' || told.format !== 'ports') return '';
  const reason = parsePortSpec(told.given);
  return typeof reason === 'string' ? reason : '';
}

/** Every violation, each choice that nothing matched followed by those of its best branch. */
function nearest(violations: readonly Violation[]): Violation[] {
  return violations.flatMap((violation) => {
    if (!isChoice(violation)) return [violation];
    const [first, ...rest] = violation.branches;
    if (first === undefined) return [violation];
    const best = rest.reduce((a, b) => (b.score > a.score ? b : a), first);
    return [violation, ...nearest(best.violations)];
  });
}

function isChoice(violation: Violation): violation is Violation & { keyword: 'anyOf' | 'oneOf' } {
  return violation.keyword === 'anyOf' || violation.keyword === 'oneOf';
}

function fieldOf({ path }: Violation): string {
  return path.length === 0 ? '(root)' : path.join('.');
}

function depthOf(violation: Violation): number {
  return fieldOf(violation).split('.').length;
}

function descriptionOf(told: Violation, child: Violation | undefined): string {
  if (told.keyword === 'type') return `must be a ${readableType(told.wanted)}`;
  return localeText(child ?? told);
}

/** gojsonschema's own words. */
function localeText(violation: Violation): string {
  switch (violation.keyword) {
    case 'type': {
      const { wanted, given } = violation;
      const expected = wanted.length === 1 ? wanted[0] : `[${wanted.join(',')}]`;
      return `Invalid type. Expected: ${expected}, given: ${given}`;
    }
    case 'required':
      return `${violation.property} is required`;
    case 'additionalProperties':
      return `Additional property ${violation.property} is not allowed`;
    case 'enum': {
      const wanted = violation.wanted.map((each) => JSON.stringify(each)).join(', ');
      return `${fieldOf(violation)} must be one of the following: ${wanted}`;
    }
    case 'minimum':
      return `Must be greater than or equal to ${violation.limit}`;
    case 'maximum':
      return `Must be less than or equal to ${violation.limit}`;
    case 'pattern':
      return `Does not match pattern '${violation.pattern}'`;
    case 'format':
      return `Does not match format '${violation.format}'`;
    case 'uniqueItems':
      return `array items[${violation.first},${violation.second}] must be unique`;
    case 'anyOf':
      return 'Must validate at least one schema (anyOf)';
    case 'oneOf':
      return 'Must validate one and only one schema (oneOf)';
  }
}

function readableType(wanted: readonly string[]): string {
  const words = wanted.map((each) => WORDS[each] ?? each);
  if (words.length === 1) return words[0]!;
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const WORDS: Readonly<Record<string, string>> = { object: 'mapping', array: 'list' };
