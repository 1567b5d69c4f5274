/**
 * Flags as the `docker` command reads them (spf13/pflag): `--name value`, `--name=value`, `-p value`,
 * `-pvalue`, several letters behind one dash, `--` at the end of flags.
 */

/** What a flag takes: nothing, a text, or texts again and again. */
export type FlagKind = 'switch' | 'text' | 'list';

/** A command's flags by their long names, with their letters. */
export type FlagTable = Readonly<
  Record<string, { readonly kind: FlagKind; readonly letter?: string }>
>;

/** What a command line says. */
export interface ParsedFlags {
  has(name: string): boolean;
  /** The last value; empty when the flag was not given. */
  text(name: string): string;
  list(name: string): readonly string[];
  readonly words: readonly string[];
}

/**
 * Parses words; pflag's complaint when they are wrong. `isInterspersed` false: the first word that
 * is no flag ends them (`docker run`).
 */
export function parseFlags(
  table: FlagTable,
  words: readonly string[],
  isInterspersed: boolean,
): ParsedFlags | string {
  const values = new Map<string, string[]>();
  const rest: string[] = [];
  const letters = new Map(
    Object.entries(table).flatMap(([name, { letter }]) =>
      letter === undefined ? [] : [[letter, name] as const],
    ),
  );
  const add = (name: string, value: string) => {
    const own = values.get(name);
    if (own === undefined) values.set(name, [value]);
    else own.push(value);
  };
  let i = 0;
  /** Takes one long flag; its complaint. */
  const takeLong = (word: string): string | undefined => {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (flag === undefined) return `unknown flag: --${name}`;
    if (equals >= 0) return takeValue(name, flag.kind, word.slice(equals + 1));
    if (flag.kind === 'switch') add(name, 'true');
    else if (++i >= words.length) return `flag needs an argument: --${name}`;
    else add(name, words[i]!);
    return undefined;
  };
  const takeValue = (name: string, kind: FlagKind, value: string): string | undefined => {
    if (kind === 'switch' && !/^(true|false|1|0|t|f)$/i.test(value)) {
      const parse = `strconv.ParseBool: parsing "${value}": invalid syntax`;
      return `invalid argument "${value}" for "--${name}" flag: ${parse}`;
    }
    add(name, value);
    return undefined;
  };
  const takeLetters = (word: string): string | undefined => {
    for (let at = 1; at < word.length; at++) {
      const name = letters.get(word[at]!);
      if (name === undefined) return `unknown shorthand flag: '${word[at]}' in ${word}`;
      if (table[name]!.kind === 'switch') {
        add(name, 'true');
        continue;
      }
      const attached = word.slice(at + 1).replace(/^=/, '');
      if (attached !== '') add(name, attached);
      else if (++i >= words.length) return `flag needs an argument: '${word[at]}' in ${word}`;
      else add(name, words[i]!);
      return undefined;
    }
    return undefined;
  };
  for (; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') {
      rest.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      if (isInterspersed) continue;
      rest.push(...words.slice(i + 1));
      break;
    }
    const complaint = word.startsWith('--') ? takeLong(word) : takeLetters(word);
    if (complaint !== undefined) return complaint;
  }
  return {
    words: rest,
    has: (name) => /^(true|1|t)$/i.test(values.get(name)?.at(-1) ?? ''),
    text: (name) => values.get(name)?.at(-1) ?? '',
    list: (name) => values.get(name) ?? [],
  };
}
