/**
 * Files of `NAME=value` lines (compose-go `dotenv`): `.env` beside a compose file, `env_file` of
 * includes and services. Quotes, comments, `export`, escapes in double quotes, and variables in what
 * is not in single quotes.
 */
import { COMPOSE_TEMPLATES, interpolate } from './interpolate.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** The variables of a file, or what is wrong with it. */
export type EnvFile = { readonly variables: Environment } | { readonly error: string };

const STATEMENT = /^(?:export[ \t]+)?([^=:\n]*)(?:[=:][ \t]*|(\n|$))/;
const QUOTED = /^(['"])((?:\\[\s\S]|(?!\1)[^\\])*)\1/;
const KEY = /^[\p{L}\p{N}_.\-[\]\s]*$/u;

/** Reads a file; `given` are the variables that there are beside it, which go before its own. */
export function parseEnvFile(text: string, given: Environment): EnvFile {
  const variables: Record<string, string> = {};
  const expand = (value: string) =>
    interpolate(value, { ...variables, ...given }, COMPOSE_TEMPLATES);
  let rest = text.replace(/^\uFEFF/, '');
  const lineOf = () => text.slice(0, text.length - rest.length).split('\n').length;
  for (;;) {
    rest = rest.replace(/^(?:\s+|#[^\n]*)+/, '');
    if (rest === '') return { variables };
    const [head = '', rawKey = '', end] = STATEMENT.exec(rest)!;
    const key = rawKey.trimEnd();
    const strange = [...key].find((letter) => !KEY.test(letter));
    if (strange !== undefined) {
      const [letter, line] = [strange, rest.split('\n')[0]].map((each) => JSON.stringify(each));
      return { error: `line ${lineOf()}: unexpected character ${letter} in variable name ${line}` };
    }
    if (/\s/.test(key)) return { error: `line ${lineOf()}: key cannot contain a space` };
    rest = rest.slice(head.length);
    if (end !== undefined) {
      if (Object.hasOwn(given, key)) variables[key] = given[key]!;
      continue;
    }
    const quoted = QUOTED.exec(rest);
    if (quoted === null && /^['"]/.test(rest)) {
      return { error: `line ${lineOf()}: unterminated quoted value ${rest.split('\n')[0]}` };
    }
    const raw = quoted === null ? rest.split('\n')[0]! : quoted[0];
    rest = rest.slice(raw.length);
    const value = expanded(raw, quoted, (inner) => expand(inner).text);
    if (!/^\s*\d/.test(key)) variables[key] = value;
  }
}

function expanded(
  raw: string,
  quoted: RegExpExecArray | null,
  expand: (text: string) => string,
): string {
  if (quoted === null) return expand(raw.split(' #')[0]!.trimEnd());
  const inner = quoted[2]!;
  if (quoted[1] === "'") return inner.replaceAll("\\'", "'");
  return expand(inner.replaceAll(/\\([abfnrtv$"\\])/g, (_, letter: string) => ESCAPES[letter]!));
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  $: '$$',
  '"': '"',
  '\\': '\\',
};
