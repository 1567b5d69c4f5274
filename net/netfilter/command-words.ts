/**
 * The words of an iptables command line: how they are split, and which options there are.
 * Mirrors the option tables of iptables' xshared.c and `add_argv` of xshared.c.
 */

/** Long options of iptables itself and their letters. */
export const LONG_OPTIONS: Readonly<Record<string, string>> = {
  append: 'A',
  delete: 'D',
  check: 'C',
  insert: 'I',
  replace: 'R',
  list: 'L',
  'list-rules': 'S',
  flush: 'F',
  zero: 'Z',
  'new-chain': 'N',
  'delete-chain': 'X',
  'rename-chain': 'E',
  policy: 'P',
  source: 's',
  src: 's',
  destination: 'd',
  dst: 'd',
  protocol: 'p',
  proto: 'p',
  'in-interface': 'i',
  'out-interface': 'o',
  jump: 'j',
  goto: 'g',
  match: 'm',
  table: 't',
  numeric: 'n',
  verbose: 'v',
  exact: 'x',
  fragments: 'f',
  fragment: 'f',
  'line-numbers': '0',
  'set-counters': 'c',
  wait: 'w',
  'wait-interval': 'W',
  ipv4: '4',
  ipv6: '6',
  version: 'V',
  help: 'h',
  modprobe: 'M',
};

/** The letter of a long option, of as much of its name as is unambiguous; undefined otherwise. */
export function letterOfLong(name: string): string | undefined {
  if (Object.hasOwn(LONG_OPTIONS, name)) return LONG_OPTIONS[name];
  const names = Object.keys(LONG_OPTIONS).filter((known) => name !== '' && known.startsWith(name));
  const letters = new Set(names.map((known) => LONG_OPTIONS[known]));
  return letters.size === 1 ? LONG_OPTIONS[names[0]!] : undefined;
}
/** Letters of options that take an argument. */
export const WITH_ARGUMENT = 'ADCIREPNsdpiojgmtcWM';
/** Letters of commands. */
export const COMMANDS = 'ACDEFILNPRSXZ';
/** Letters of the commands that take a rule. */
export const RULE_COMMANDS = 'ADRIC';
/** Options that only some commands take, in the order in which iptables complains. */
export const OPTION_COMMANDS: readonly (readonly [string, string])[] = [
  ['n', 'L'],
  ['s', RULE_COMMANDS],
  ['d', RULE_COMMANDS],
  ['p', RULE_COMMANDS],
  ['j', RULE_COMMANDS],
  ['x', 'L'],
  ['i', RULE_COMMANDS],
  ['o', RULE_COMMANDS],
  ['0', 'L'],
  ['c', 'AIRP'],
  ['f', RULE_COMMANDS],
];

/** Splits a line as a shell would: blanks, quotes, backslashes. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quote !== '') {
      if (c === quote) quote = '';
      else if (c === '\\' && quote === '"' && i + 1 < line.length) word += line[++i]!;
      else word += c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (c === '\\' && i + 1 < line.length) {
      word = (word ?? '') + line[++i]!;
    } else if (c === ' ' || c === '\t' || c === '\n') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
