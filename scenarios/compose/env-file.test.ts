/** `.env` files as compose-go's dotenv reads them, and where compose files find their variables. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: env files write their variables so
import { expect, test } from 'vitest';
import { siblingOf } from '../load.ts';
import { parseEnvFile } from './env-file.ts';
import { loadProject } from './load.ts';

test('values, quotes, comments, escapes and variables', () => {
  const text = [
    '# a comment',
    'PLAIN=a b # said aside',
    'export EXPORTED=yes',
    'YAML: style',
    "SINGLE='$PLAIN and \\'quotes\\''",
    'DOUBLE="${PLAIN}\\tand \\$PLAIN"',
    'HASH=a#b',
    'LINES="one',
    'two"',
    'DEFAULT=${NONE:-fallback}',
    'EMPTY=',
    'GIVEN',
    'OVER=${SHELL_ONLY}',
    '1ST=left out',
  ].join('\n');
  const parsed = parseEnvFile(text, { GIVEN: 'given', SHELL_ONLY: 'from outside' });
  expect(parsed).toEqual({
    variables: {
      PLAIN: 'a b',
      EXPORTED: 'yes',
      YAML: 'style',
      SINGLE: "$PLAIN and 'quotes'",
      DOUBLE: 'a b\tand $PLAIN',
      HASH: 'a#b',
      LINES: 'one\ntwo',
      DEFAULT: 'fallback',
      EMPTY: '',
      GIVEN: 'given',
      OVER: 'from outside',
    },
  });
});

test.each([
  ['A=1\nB%=2', 'line 2: unexpected character "%" in variable name "B%=2"'],
  ['\nA B=1', 'line 2: key cannot contain a space'],
  ['A="x\n', 'line 1: unterminated quoted value "x'],
])('%j is refused', (text, error) => {
  expect(parseEnvFile(text, {})).toEqual({ error });
});

function load(texts: Readonly<Record<string, string>>, environment = {}) {
  const access = { read: (path: string) => texts[path], siblingOf, environment };
  const source = { files: ['app/a.yaml'], profiles: [], name: 'p' };
  const { project, issues } = loadProject(source, access, 'p');
  const containers = project?.services.flatMap((service) => service.containers) ?? [];
  return { containers, messages: issues.map(({ message }) => message) };
}

test('variables come from the scenario, then from .env beside the file, and an include has its own', () => {
  const texts = {
    'app/.env': 'TAG=1\nNAME=outer',
    'app/a.yaml': `
include: [sub/b.yaml, { path: c.yaml, env_file: [other.env] }]
services:
  web:
    image: nginx:$TAG
    hostname: $NAME
    env_file: [web.env, { path: none.env, required: false }]
    environment: [A=own, NAME, NOBODY]
`,
    'app/web.env': 'A=file\nB=${NAME}',
    'app/sub/.env': 'TAG=2\nONLY=here',
    'app/sub/b.yaml': 'services: { db: { image: "redis:$TAG", hostname: $ONLY } }',
    'app/other.env': 'ONLY=there',
    'app/c.yaml': 'services: { mq: { image: "rabbitmq:$TAG", hostname: $ONLY } }',
  };
  const { containers, messages } = load(texts, { NAME: 'given' });
  expect(messages).toEqual([]);
  expect(containers.map(({ image, hostname }) => `${image} ${hostname}`)).toEqual([
    'redis:1 here',
    'rabbitmq:1 there',
    'nginx:1 given',
  ]);
  expect(containers[2]!.environment).toEqual(['A=own', 'B=given', 'NAME=given']);
});

test('a file of variables that is missing or wrong', () => {
  const web = 'services: { web: { image: x, env_file: gone.env } }';
  expect(load({ 'app/a.yaml': web }).messages).toEqual([
    'env file app/gone.env not found: stat app/gone.env: no such file or directory',
  ]);
  expect(load({ 'app/a.yaml': web, 'app/.env': 'A"=1' }).messages).toEqual([
    'failed to read app/.env: line 1: unexpected character "\\"" in variable name "A\\"=1"',
  ]);
});
