// Writes docs/reference/cli.md from the program's own help and docs/reference/scenario.md from the
// scenario's JSON Schema, so that neither can say what the program does not. Reads dist/: run
// `npm run build` first. What is not built yet is left out, and said.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const PROGRAM = 'dist/bin/swarmlab.js';
const SCHEMA = 'dist/scenarios/scenario.schema.json';
const FOLDER = 'docs/reference';
const NOTE = '<!-- written by scripts/docs.mjs: change the program, not this page -->';

mkdirSync(FOLDER, { recursive: true });
write('cli.md', PROGRAM, cliPage);
write('scenario.md', SCHEMA, scenarioPage);

function write(name, source, pageOf) {
  if (!existsSync(source)) {
    console.error(`docs: no ${source}, so no ${FOLDER}/${name}`);
    return;
  }
  writeFileSync(`${FOLDER}/${name}`, pageOf());
  console.log(`${FOLDER}/${name}`);
}

function cliPage() {
  const help = helpOf();
  const parts = [
    NOTE,
    '# The command `swarmlab`',
    'Every command explains itself with `--help`; these are those texts.',
    fenced(help),
  ];
  for (const name of commandsIn(help)) parts.push(...commandSection([name]));
  return `${parts.join('\n\n')}\n`;
}

function commandSection(names) {
  const help = helpOf(...names);
  const subcommands = commandsIn(help).flatMap((name) => commandSection([...names, name]));
  return [
    `${'#'.repeat(names.length + 1)} swarmlab ${names.join(' ')}`,
    fenced(help),
    ...subcommands,
  ];
}

function helpOf(...names) {
  const environment = { ...process.env, NO_COLOR: '1', COLUMNS: '100' };
  delete environment.FORCE_COLOR;
  const argv = [PROGRAM, ...names, '--help'];
  return execFileSync(process.execPath, argv, { encoding: 'utf8', env: environment }).trimEnd();
}

/** The names in the list that commander prints under `Commands:`, the built-in `help` left out. */
function commandsIn(help) {
  const lines = help.split('\n');
  const start = lines.findIndex((line) => /^Commands:/.test(line));
  const names = [];
  for (const line of start < 0 ? [] : lines.slice(start + 1)) {
    if (/^\S/.test(line)) break;
    const name = /^ {2}([a-z][\w-]*)/.exec(line)?.[1];
    if (name !== undefined && name !== 'help') names.push(name);
  }
  return names;
}

function fenced(text) {
  return ['```text', text, '```'].join('\n');
}

function scenarioPage() {
  const schema = JSON.parse(readFileSync(SCHEMA, 'utf8'));
  const parts = [
    NOTE,
    '# The scenario file',
    `${sentence(schema.description ?? 'A scenario is a YAML file with these keys')} ` +
      'An editor that knows JSON Schema checks it as you type: put ' +
      '`# yaml-language-server: $schema=…/scenario.schema.json` on the first line.',
    ...objectSection('', schema, schema, 2),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** A table of an object's keys, then a section for each key that holds objects of its own. */
function objectSection(path, schema, root, depth) {
  const required = new Set(schema.required ?? []);
  const rows = [];
  const sections = [];
  for (const [name, raw] of Object.entries(schema.properties ?? {})) {
    if (name === '$schema') continue;
    const property = resolved(raw, root);
    const facts = [property.description ?? ''];
    if (raw.default !== undefined && !isEmpty(raw.default)) {
      facts.push(`default \`${JSON.stringify(raw.default)}\``);
    }
    const isRequired = required.has(name) && raw.default === undefined;
    rows.push([`\`${name}\`${isRequired ? ' (required)' : ''}`, typeOf(property, root), facts]);
    const inner = path === '' ? name : `${path}.${name}`;
    for (const [suffix, object] of objectsIn(property, root)) {
      const title = `${'#'.repeat(Math.min(depth, 5))} \`${inner}${suffix}\``;
      sections.push(title, ...objectSection(inner + suffix, object, root, depth + 1));
    }
  }
  const table = rows.map(
    ([name, type, facts]) =>
      `| ${name} | ${type} | ${facts.filter(Boolean).join('; ').replaceAll('|', '\\|')} |`,
  );
  return [['| key | value | meaning |', '| --- | --- | --- |', ...table].join('\n'), ...sections];
}

/** The objects with keys of their own inside a schema, with what leads to them. */
function objectsIn(schema, root) {
  const found = [];
  if (schema.properties !== undefined) found.push(['', schema]);
  for (const choice of choicesOf(schema)) found.push(...objectsIn(resolved(choice, root), root));
  if (schema.items !== undefined) {
    for (const [suffix, object] of objectsIn(resolved(schema.items, root), root)) {
      found.push([`[]${suffix}`, object]);
    }
  }
  if (typeof schema.additionalProperties === 'object') {
    const values = resolved(schema.additionalProperties, root);
    for (const [suffix, object] of objectsIn(values, root)) found.push([`.*${suffix}`, object]);
  }
  return found;
}

function typeOf(schema, root) {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(' or ');
  const choices = choicesOf(schema).map((choice) => typeOf(resolved(choice, root), root));
  if (choices.length > 0) return [...new Set(choices)].join(' or ');
  if (schema.prefixItems !== undefined) {
    const items = schema.prefixItems.map((item) => typeOf(resolved(item, root), root));
    return `\\[${items.join(', ')}\\]`;
  }
  if (schema.type === 'array') return `list of ${typeOf(resolved(schema.items ?? {}, root), root)}`;
  if (schema.properties !== undefined) return 'keys of its own, see below';
  if (typeof schema.additionalProperties === 'object') {
    return `name: ${typeOf(resolved(schema.additionalProperties, root), root)}`;
  }
  return rangeOf(schema);
}

function rangeOf(schema) {
  const { minimum, maximum } = schema;
  const type = [schema.type ?? 'any value'].flat().join(' or ');
  const isBounded = (bound) => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBounded(minimum) && isBounded(maximum)) return `${type}, ${minimum} to ${maximum}`;
  if (isBounded(minimum)) return `${type}, at least ${minimum}`;
  return isBounded(maximum) ? `${type}, at most ${maximum}` : type;
}

function choicesOf(schema) {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
}

function resolved(schema, root) {
  if (schema.$ref === undefined) return schema;
  const target = schema.$ref
    .split('/')
    .slice(1)
    .reduce((node, key) => node[key], root);
  return { ...resolved(target, root), ...schema, $ref: undefined };
}

function isEmpty(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function sentence(text) {
  return text.endsWith('.') ? text : `${text}.`;
}
