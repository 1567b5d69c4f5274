/**
 * The scenario language for editors: JSON Schemas made from the same zod types that read the files,
 * so that what an editor completes is what the reader takes.
 *
 * Two things are added that zod cannot say: an entry of the timeline has exactly one verb, and the
 * sentences of `expect` have known forms (offered as `defaultSnippets`, which VS Code and every user
 * of yaml-language-server understand).
 */
import { z } from 'zod';
import { workloadSchema } from '../compose/x-swarmlab.ts';
import { EXPECTATION_FORMS } from '../language/expectation.ts';
import { scenarioSchema, VERBS } from '../language/scenario.ts';

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The schema of scenario files. */
export function scenarioJsonSchema(): JsonSchema {
  const schema = inputSchemaOf(scenarioSchema);
  const timeline = propertyOf(schema, 'timeline').items as JsonSchema;
  timeline.oneOf = VERBS.map((verb) => ({ required: [verb] }));
  const sentence = propertyOf(schema, 'expect').items as JsonSchema;
  sentence['defaultSnippets'] = EXPECTATION_FORMS.map((form) => ({
    label: form,
    body: snippetOf(form),
  }));
  return schema;
}

/** The schema of `x-swarmlab` in stack files. */
export function workloadJsonSchema(): JsonSchema {
  return inputSchemaOf(workloadSchema);
}

function inputSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
}

function propertyOf(schema: JsonSchema, name: string): JsonSchema {
  return schema.properties![name] as JsonSchema;
}

/** `node <node> is down` becomes `node ${1:node} is down`; an optional word keeps its usual value. */
function snippetOf(form: string): string {
  let place = 0;
  return form.replace(/<(\w+)([?+]?)>/g, (_all, name: string, optional: string) => {
    place++;
    return `\${${place}:${optional === '?' ? 'everywhere' : name}}`;
  });
}
