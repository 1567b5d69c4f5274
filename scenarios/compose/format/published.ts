/**
 * The published JSON Schemas, read when a file asks for one: the Compose specification's for
 * `docker compose`, and docker/cli's for each `version` of a stack file.
 */
import { readFileSync } from 'node:fs';
import type { JsonSchema } from './json-schema.ts';

/** The version that a stack file has which names none, or just 3 (docker/cli `defaultVersion`). */
const DEFAULT_VERSION = '3.13';
const VERSIONS = Array.from({ length: 14 }, (_, minor) => `3.${minor}`);

const schemas = new Map<string, JsonSchema>();

/** The schema of compose files. */
export function composeSchema(): JsonSchema {
  return published('compose-spec.json');
}

/** The schema of stack files of a version; `undefined` when there is none. */
export function stackSchema(version: string): JsonSchema | undefined {
  const normal = version === '' || version === '3' ? DEFAULT_VERSION : version;
  return VERSIONS.includes(normal) ? published(`config_schema_v${normal}.json`) : undefined;
}

/** The version of a stack file's contents (docker/cli `schema.Version`). */
export function stackVersionOf(value: unknown): string {
  const version = (value as { readonly version?: unknown } | null)?.version;
  return version === undefined ? DEFAULT_VERSION : String(version);
}

function published(name: string): JsonSchema {
  const known = schemas.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`./published/${name}`, import.meta.url), 'utf8');
  const schema = JSON.parse(text) as JsonSchema;
  schemas.set(name, schema);
  return schema;
}
