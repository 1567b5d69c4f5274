/**
 * What `docker compose` says of files that the Compose specification's schema refuses: of all that is
 * wrong, in any branch, the one thing that lies deepest (compose-go `schema/schema.go`,
 * santhosh-tekuri/jsonschema `kind/kind.go`).
 */
import { evaluate, type Violation } from './json-schema.ts';
import { composeSchema } from './published.ts';
import type { SchemaComplaint } from './stack-words.ts';

/** What is wrong with merged compose files; `undefined` when nothing is. */
export function composeComplaintOf(value: unknown): SchemaComplaint | undefined {
  const all = leavesOf(evaluate(composeSchema(), value, {}).violations);
  if (all.length === 0) return undefined;
  const deepest = Math.max(...all.map(specificity));
  const told = all.find((each) => specificity(each) === deepest)!;
  const { path } = told;
  const unknownKey = told.keyword === 'additionalProperties' ? told.property : undefined;
  const message = `${path.join('.')} ${wordsOf(told, all)}`;
  return { message, path, unknownKey, hint: '' };
}

function leavesOf(violations: readonly Violation[]): Violation[] {
  return violations.flatMap((violation) => {
    const isChoice = violation.keyword === 'anyOf' || violation.keyword === 'oneOf';
    if (!isChoice || violation.branches.length === 0) return [violation];
    return leavesOf(violation.branches.flatMap((branch) => branch.violations));
  });
}

function specificity({ keyword, path }: Violation): number {
  return path.length + (keyword === 'additionalProperties' ? 1 : 0);
}

/** One thing; what is wrong in the same way with the same mapping is told with it. */
function wordsOf(told: Violation, all: readonly Violation[]): string {
  switch (told.keyword) {
    case 'type':
      return `must be a ${readableType(told.wanted)}`;
    case 'required': {
      const missing = propertiesOf(told, all);
      return `missing ${missing.length === 1 ? 'property' : 'properties'} ${missing.join(', ')}`;
    }
    case 'additionalProperties':
      return `additional properties ${propertiesOf(told, all).join(', ')} not allowed`;
    case 'enum': {
      const wanted = told.wanted.map((each) => (typeof each === 'string' ? `'${each}'` : each));
      return `value must be ${wanted.length === 1 ? '' : 'one of '}${wanted.join(', ')}`;
    }
    case 'minimum':
      return `must be greater than or equal to ${told.limit}`;
    case 'maximum':
      return `must be less than or equal to ${told.limit}`;
    case 'pattern':
      return `'${told.given}' does not match pattern '${told.pattern}'`;
    case 'format':
      return `is not valid ${told.format}`;
    case 'uniqueItems':
      return `items at ${told.first} and ${told.second} are equal`;
    case 'anyOf':
      return 'anyOf failed';
    case 'oneOf':
      return 'oneOf failed, subschemas 0, 1 matched';
  }
}

function propertiesOf(told: Violation, all: readonly Violation[]): string[] {
  const place = told.path.join('.');
  const names = all.flatMap((each) =>
    each.keyword === told.keyword && 'property' in each && each.path.join('.') === place
      ? [`'${each.property}'`]
      : [],
  );
  return [...new Set(names)];
}

function readableType(wanted: readonly string[]): string {
  const words = wanted.map((each) => (wanted.length === 1 && each === 'object' ? 'mapping' : each));
  if (words.length === 1) return words[0]!;
  words.sort();
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
