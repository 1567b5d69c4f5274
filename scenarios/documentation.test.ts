/**
 * Every example of the documentation is a scenario or a stack that reads without a complaint, and
 * every verb and sentence of the language is documented.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXPECTATION_FORMS } from './language/expectation.ts';
import { VERBS } from './language/scenario.ts';
import { loadScenario } from './load.ts';

const TEXT = readFileSync(new URL('../docs/scenarios.md', import.meta.url), 'utf8');
const EXAMPLES = [...TEXT.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!);
const STACK = EXAMPLES.find((example) => example.startsWith('# stack.yaml'))!;
const SCENARIOS = EXAMPLES.filter((example) => /^name: /m.test(example));

test('every example is a scenario or the stack', () => {
  expect(SCENARIOS.length).toBeGreaterThanOrEqual(3);
  expect(SCENARIOS.length + 1).toBe(EXAMPLES.length);
});

test.each(SCENARIOS)('%s', (scenario) => {
  const { issues } = loadScenario('x.yaml', (path) => (path === 'x.yaml' ? scenario : STACK));
  expect(issues).toEqual([]);
});

test.each(VERBS)('the verb %s is in the table', (verb) => {
  expect(TEXT).toMatch(new RegExp(`^\\|.*\`${verb}\``, 'm'));
});

test.each(EXPECTATION_FORMS)('the sentence %s is in the table', (form) => {
  const words = form.split(' ').slice(0, 1).join(' ');
  expect(TEXT).toMatch(new RegExp(`^\\| \`${words} `, 'm'));
});
