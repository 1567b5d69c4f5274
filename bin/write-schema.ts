/**
 * Writes the JSON Schemas of scenario files and of `x-swarmlab` beside the compiled program, for
 * editors; the build runs it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type JsonSchema,
  scenarioJsonSchema,
  workloadJsonSchema,
} from '../scenarios/schema/json-schema.ts';

const FOLDER = new URL('../scenarios/', import.meta.url);

function write(name: string, schema: JsonSchema): void {
  writeFileSync(new URL(name, FOLDER), `${JSON.stringify(schema, undefined, 2)}\n`);
}

mkdirSync(fileURLToPath(FOLDER), { recursive: true });
write('scenario.schema.json', scenarioJsonSchema());
write('x-swarmlab.schema.json', workloadJsonSchema());
