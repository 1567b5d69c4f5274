/**
 * The published schemas know what the reader knows.
 */
import { expect, test } from 'vitest';
import { parseExpectation } from '../language/expectation.ts';
import { scenarioSchema, VERBS } from '../language/scenario.ts';
import { type JsonSchema, scenarioJsonSchema, workloadJsonSchema } from './json-schema.ts';

const property = (schema: JsonSchema, name: string) => schema.properties![name] as JsonSchema;

test('every key of a scenario is there, described, and nothing else is allowed', () => {
  const schema = scenarioJsonSchema();
  expect(Object.keys(schema.properties!)).toEqual(Object.keys(scenarioSchema.shape));
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toEqual(['name', 'until']);
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(property(schema, 'until')).toMatchObject({
    description: 'when the run ends, such as 180s',
    type: ['string', 'number'],
  });
});

test('an entry of the timeline has exactly one verb', () => {
  const entry = property(scenarioJsonSchema(), 'timeline').items as JsonSchema;
  expect(entry.oneOf).toEqual(VERBS.map((verb) => ({ required: [verb] })));
  expect(entry.required).toEqual(['at']);
});

test('every snippet of a sentence is one that can be read once it is filled in', () => {
  const sentence = property(scenarioJsonSchema(), 'expect').items as JsonSchema;
  const values: Readonly<Record<string, string>> = {
    bound: 'most',
    checker: 'members-agree',
    outcome: 'timeout',
    quantile: 'p99',
    ratio: '5%',
    span: '15s',
    status: '0',
    value: '17s',
    verb: 'holds',
  };
  for (const { body } of sentence['defaultSnippets'] as { body: string }[]) {
    const isNode = body.startsWith('node');
    const filled = body.replace(/\$\{\d+:(\w+)\}/g, (_all, name: string) =>
      name === 'state' ? (isNode ? 'down' : 'dead') : (values[name] ?? name),
    );
    expect(parseExpectation(filled), filled).not.toHaveProperty('error');
  }
});

test('a program can be described without any key', () => {
  const schema = workloadJsonSchema();
  expect(schema.required).toBeUndefined();
  expect(property(schema, 'listen').description).toMatch(/listens on/);
});
