/**
 * What a value does wrong by a JSON Schema, in the keywords that the published schemas of compose and
 * stack files use. The tools' own validators differ in what they tell of it: docker/cli's
 * (`xeipuuv/gojsonschema`) the branch of a `oneOf` that came nearest, by a score, and compose-go's
 * (`santhosh-tekuri/jsonschema`) whatever lies deepest. So a verdict keeps all branches, each with its
 * score, in gojsonschema's order; where Go walks a map at random, the order is the file's.
 *
 * Walked and not compiled: a general validator takes longer to compile one of these schemas than most
 * scenarios take to run, and knows no scores.
 */
import type { YamlPath } from '../../language/located-yaml.ts';

/** A schema as published, as far as it is looked at. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly uniqueItems?: boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** What is wrong, with what the tools' words are made of. */
type Fault =
  | { readonly keyword: 'type'; readonly wanted: readonly string[]; readonly given: string }
  | { readonly keyword: 'required'; readonly property: string }
  | { readonly keyword: 'additionalProperties'; readonly property: string }
  | { readonly keyword: 'enum'; readonly wanted: readonly unknown[] }
  | { readonly keyword: 'minimum' | 'maximum'; readonly limit: number }
  | { readonly keyword: 'pattern'; readonly given: string; readonly pattern: string }
  | { readonly keyword: 'format'; readonly given: string; readonly format: string }
  | { readonly keyword: 'uniqueItems'; readonly first: number; readonly second: number }
  | { readonly keyword: 'anyOf' | 'oneOf'; readonly branches: readonly Verdict[] };

/** One thing that is wrong, and where. */
export type Violation = Fault & { readonly path: YamlPath };

/** What a schema says of a value. */
export interface Verdict {
  readonly violations: readonly Violation[];
  /** How much was right, as gojsonschema counts it. */
  readonly score: number;
}

/** Whether a text or a number has a format; formats that are not there pass. */
export type Formats = Readonly<Record<string, (value: string) => boolean>>;

/** Holds a value against a whole schema. */
export function evaluate(root: JsonSchema, value: unknown, formats: Formats): Verdict {
  return new Evaluation(root, formats).verdict(root, value, []);
}

/** The keys that a schema knows for a mapping of a value, whatever branch it is. */
export function knownKeysAt(root: JsonSchema, path: YamlPath): string[] {
  let layer: readonly JsonSchema[] = [root];
  const widen = (schema: JsonSchema): JsonSchema[] => {
    const own = resolve(root, schema);
    return [own, ...[...(own.oneOf ?? []), ...(own.anyOf ?? [])].flatMap(widen)];
  };
  layer = layer.flatMap(widen);
  for (const part of path)
    layer = layer.flatMap((schema) => stepsInto(schema, part)).flatMap(widen);
  return [...new Set(layer.flatMap(({ properties = {} }) => Object.keys(properties)))];
}

function stepsInto(schema: JsonSchema, part: string | number): JsonSchema[] {
  if (typeof part === 'number') return schema.items === undefined ? [] : [schema.items];
  const { additionalProperties: additional, patternProperties = {}, properties = {} } = schema;
  if (Object.hasOwn(properties, part)) return [properties[part]!];
  const matching = Object.entries(patternProperties).filter(([own]) => new RegExp(own).test(part));
  const fallback = typeof additional === 'object' ? [additional] : [];
  return matching.length > 0 ? matching.map(([, inner]) => inner) : fallback;
}

function resolve(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  let at: unknown = root;
  for (const part of schema.$ref.split('/').slice(1)) at = (at as Record<string, unknown>)[part];
  return resolve(root, at as JsonSchema);
}

class Evaluation {
  readonly #root: JsonSchema;
  readonly #formats: Formats;

  constructor(root: JsonSchema, formats: Formats) {
    this.#root = root;
    this.#formats = formats;
  }

  verdict(schema: JsonSchema, value: unknown, path: YamlPath): Verdict {
    const tally = new Tally();
    this.#judge(schema, value, path, tally);
    return tally;
  }

  #judge(unresolved: JsonSchema, value: unknown, path: YamlPath, tally: Tally): void {
    const schema = resolve(this.#root, unresolved);
    const given = typeOf(value);
    const wanted = [schema.type ?? []].flat();
    const isWanted = wanted.includes(given) || (given === 'integer' && wanted.includes('number'));
    if (wanted.length > 0 && !isWanted) {
      tally.fail(path, { keyword: 'type', wanted, given });
      return;
    }
    this.#branches(schema, value, path, tally);
    if (Array.isArray(value)) this.#array(schema, value, path, tally);
    if (isObject(value)) this.#object(schema, value, path, tally);
    if (typeof value === 'number') numberLimits(schema, value, path, tally);
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      tally.fail(path, { keyword: 'enum', wanted: schema.enum });
    }
    tally.pass();
    this.#textForm(schema, value, path, tally);
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      if (!isObject(value) || !Object.hasOwn(value, key)) continue;
      this.#judge(inner, value[key], [...path, key], tally);
    }
    tally.pass();
  }

  #branches(schema: JsonSchema, value: unknown, path: YamlPath, tally: Tally): void {
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      const all = schema[keyword];
      if (all === undefined) continue;
      const branches = all.map((branch) => this.verdict(branch, value, path));
      const matched = branches.filter(({ violations }) => violations.length === 0).length;
      if (matched === 1 || (matched > 1 && keyword === 'anyOf')) continue;
      tally.fail(path, { keyword, branches: matched === 0 ? branches : [] });
    }
    tally.pass();
  }

  #array(schema: JsonSchema, value: readonly unknown[], path: YamlPath, tally: Tally): void {
    if (schema.items !== undefined) {
      value.forEach((item, i) => tally.add(this.verdict(schema.items!, item, [...path, i])));
    }
    if (schema.uniqueItems === true) {
      const texts = value.map((item) => JSON.stringify(item));
      texts.forEach((text, second) => {
        const first = texts.lastIndexOf(text, second - 1);
        if (second === 0 || first < 0) return;
        tally.fail(path, { keyword: 'uniqueItems', first, second });
      });
    }
    tally.pass();
  }

  #object(
    schema: JsonSchema,
    value: Readonly<Record<string, unknown>>,
    path: YamlPath,
    tally: Tally,
  ): void {
    for (const property of schema.required ?? []) {
      if (Object.hasOwn(value, property)) tally.pass();
      else tally.fail(path, { keyword: 'required', property });
    }
    const { additionalProperties: additional, patternProperties = {}, properties = {} } = schema;
    for (const [property, inner] of Object.entries(value)) {
      const patterns = Object.entries(patternProperties).filter(([pattern]) =>
        new RegExp(pattern).test(property),
      );
      for (const [, own] of patterns) tally.add(this.verdict(own, inner, [...path, property]));
      if (patterns.length > 0) tally.pass();
      if (patterns.length > 0 || Object.hasOwn(properties, property)) continue;
      if (additional === false) tally.fail(path, { keyword: 'additionalProperties', property });
      else if (typeof additional === 'object') {
        tally.add(this.verdict(additional, inner, [...path, property]));
      }
    }
    tally.pass();
  }

  #textForm({ pattern, format }: JsonSchema, value: unknown, path: YamlPath, tally: Tally): void {
    if (typeof value !== 'string' && typeof value !== 'number') return;
    const given = String(value);
    if (pattern !== undefined && typeof value === 'string' && !new RegExp(pattern).test(given)) {
      tally.fail(path, { keyword: 'pattern', given, pattern });
    }
    if (format !== undefined && this.#formats[format]?.(given) === false) {
      tally.fail(path, { keyword: 'format', given, format });
    }
    tally.pass();
  }
}

/** Violations and score while a value is being judged. */
class Tally implements Verdict {
  readonly violations: Violation[] = [];
  score = 0;

  pass(): void {
    this.score++;
  }

  fail(path: YamlPath, fault: Fault): void {
    this.violations.push({ ...fault, path });
    this.score -= 2;
  }

  add(other: Verdict): void {
    this.violations.push(...other.violations);
    this.score += other.score;
  }
}

function numberLimits(
  { minimum, maximum }: JsonSchema,
  value: number,
  path: YamlPath,
  tally: Tally,
): void {
  if (minimum !== undefined && value < minimum) {
    tally.fail(path, { keyword: 'minimum', limit: minimum });
  }
  if (maximum !== undefined && value > maximum) {
    tally.fail(path, { keyword: 'maximum', limit: maximum });
  }
  tally.pass();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
