/**
 * From zod's complaints to located ones: unknown keys at the key itself with the nearest known key,
 * wrong values at the value with what would have been right.
 */
import { z } from 'zod';
import { didYouMean, type Issue } from './issue.ts';
import type { YamlPath, YamlSource } from './located-yaml.ts';

/** The issues of a failed parse, in the order of their places; `what` names the whole document. */
export function issuesOf(
  error: z.ZodError,
  schema: z.ZodType,
  document: YamlSource,
  what: string,
): Issue[] {
  const conversion = { schema, document, what };
  const issues = error.issues.flatMap((issue) => convert(issue, conversion));
  return issues.sort((a, b) => a.line - b.line || a.column - b.column);
}

interface Conversion {
  readonly schema: z.ZodType;
  readonly document: YamlSource;
  readonly what: string;
}

function convert(issue: z.core.$ZodIssue, conversion: Conversion): Issue[] {
  const { schema, document } = conversion;
  const path = issue.path as YamlPath;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      const where = placeName(path, conversion.what);
      return issue.keys.map((key) => {
        const message = `unknown key '${key}' in ${where}`;
        return document.issueAtKey(path, key, 'unknown-key', message, didYouMean(key, known));
      });
    }
    case 'invalid_union': {
      const meant = issue.errors
        .filter((branch) => branch[0] !== undefined && !isOfAnotherShape(branch[0]))
        .sort((a, b) => b[0]!.path.length - a[0]!.path.length)[0];
      if (meant === undefined) {
        if (isMissing(document, path)) return [missingKey(conversion, path)];
        const message = messageOf(issue, path);
        return [document.issueAt(path, 'wrong-type', message, describe(schema, path))];
      }
      return meant.flatMap((inner) => {
        const whole = { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue;
        return convert(whole, conversion);
      });
    }
    case 'invalid_type': {
      if (isMissing(document, path)) return [missingKey(conversion, path)];
      return [
        document.issueAt(
          path,
          'wrong-type',
          typeMessage(issue, conversion),
          describe(schema, path),
        ),
      ];
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      const given = String(valueAt(document.value, path));
      const message = `'${given}' is not one of ${values.join(', ')}`;
      return [document.issueAt(path, 'wrong-value', message, didYouMean(given, values))];
    }
    case 'custom': {
      const hint = issue.params?.['hint'] ?? describe(schema, path);
      return [document.issueAt(path, 'wrong-value', named(path, issue.message), String(hint))];
    }
    default:
      return [
        document.issueAt(path, 'wrong-value', messageOf(issue, path), describe(schema, path)),
      ];
  }
}

/** True when a branch of a union failed since the value is something else altogether. */
function isOfAnotherShape(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((e) => e.every(isOfAnotherShape));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function placeName(path: YamlPath, what: string): string {
  const last = path.at(-1);
  if (last === undefined) return what;
  return typeof last === 'number' ? 'this entry' : `'${last}'`;
}

function isMissing(document: YamlSource, path: YamlPath): boolean {
  return path.length > 0 && valueAt(document.value, path) === undefined;
}

function missingKey({ schema, document, what }: Conversion, path: YamlPath): Issue {
  const parent = path.slice(0, -1);
  const message = `'${path.at(-1)}' is missing in ${placeName(parent, what)}`;
  return document.issueAt(parent, 'missing-key', message, describe(schema, path));
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'a text',
  tuple: 'a list',
};

function typeMessage(issue: z.core.$ZodIssueInvalidType, { document, what }: Conversion): string {
  const path = issue.path as YamlPath;
  const wanted = TYPE_NAMES[issue.expected] ?? issue.expected;
  const value = valueAt(document.value, path);
  const found = typeof value === 'string' ? `'${value}'` : typeNameOf(value);
  const text = `expected ${wanted}, found ${found}`;
  return path.length === 0 ? `${what} is a mapping; found ${found}` : named(path, text);
}

function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : String(value);
}

function messageOf(issue: z.core.$ZodIssue, path: YamlPath): string {
  const text = issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '');
  return named(path, text);
}

function named(path: YamlPath, text: string): string {
  const key = [...path].reverse().find((part) => typeof part === 'string');
  return key === undefined ? text : `${key}: ${text}`;
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let at: unknown = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** The description of the schema at a path, as a hint. */
function describe(schema: z.ZodType, path: YamlPath): string {
  if (path.length === 0) {
    const keys = keysAt(schema, path).filter((key) => !key.startsWith('$'));
    return `its keys are: ${keys.join(', ')}`;
  }
  const description = schemasAt(schema, path)
    .map((inner) => inner.meta()?.description)
    .find((text) => text !== undefined);
  const last = path.at(-1);
  if (description === undefined) return '';
  return typeof last === 'number' ? `expected ${description}` : `${last}: ${description}`;
}

function keysAt(schema: z.ZodType, path: YamlPath): string[] {
  const keys = schemasAt(schema, path).flatMap((inner) =>
    inner instanceof z.ZodObject ? Object.keys(inner.shape) : [],
  );
  return [...new Set(keys)];
}

/** All schemas that a value at the path may have, wrappers included. */
function schemasAt(schema: z.ZodType, path: YamlPath): z.ZodType[] {
  let layer = unwrap(schema);
  for (const part of path) {
    layer = layer.flatMap((inner) => step(inner, part)).flatMap(unwrap);
  }
  return layer;
}

function step(schema: z.ZodType, part: string | number): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const inner = schema.shape[part as string] as z.ZodType | undefined;
    return inner === undefined ? [] : [inner];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  if (schema instanceof z.ZodTuple) {
    const item = schema.def.items[Number(part)] as z.ZodType | undefined;
    return item === undefined ? [] : [item];
  }
  return [];
}

function unwrap(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return [schema, ...unwrap(schema.unwrap() as z.ZodType)];
  }
  if (schema instanceof z.ZodDefault) return [schema, ...unwrap(schema.def.innerType as z.ZodType)];
  if (schema instanceof z.ZodPipe) return [schema, ...unwrap(schema.def.in as z.ZodType)];
  if (schema instanceof z.ZodUnion) {
    return [schema, ...schema.options.flatMap((option) => unwrap(option as z.ZodType))];
  }
  return [schema];
}
