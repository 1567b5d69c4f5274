/**
 * `sed [-n] [-E] [-e] SCRIPT [FILE…]`: `s`, `p`, `d`, `q` and `y`, at lines that a number, `$`, an
 * expression or two of them choose.
 */
import type { Process } from '../process.ts';
import { expressionOf, optionsOf, readLines } from './text-tools.ts';

type Address = number | '$' | RegExp;

interface SedCommand {
  readonly from: Address | undefined;
  readonly to: Address | undefined;
  readonly isNegated: boolean;
  readonly name: string;
  readonly pattern?: RegExp;
  readonly replacement?: string;
  readonly prints?: boolean;
  /** The range is open. */
  isOpen: boolean;
}

/** `sed` of GNU, as far as said above. */
export function sed(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'sed', argv, 'nEre:');
  if (options === undefined) return;
  const given = options.given.filter(({ name }) => name === 'e').map(({ value }) => value);
  const [first, ...others] = options.operands;
  const script = given.length > 0 ? given.join('\n') : first;
  if (script === undefined) {
    process.fail(1, 'Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n');
    return;
  }
  const commands = parseScript(script, options.has('E', 'r'));
  if (typeof commands === 'string') {
    process.fail(1, `sed: -e expression #1, char ${commands}\n`);
    return;
  }
  const isQuiet = options.has('n');
  let number = 0;
  let held: string | undefined;
  const take = (line: string, isLast: boolean): boolean => {
    number++;
    let text = line;
    for (const command of commands) {
      if (isChosen(command, text, number, isLast) === command.isNegated) continue;
      if (command.name === 'd') return true;
      if (command.name === 'p') process.print(`${text}\n`);
      else if (command.name === 'q') {
        if (!isQuiet) process.print(`${text}\n`);
        return false;
      } else if (command.name === 's') {
        const before = text;
        text = text.replace(command.pattern!, command.replacement!);
        if (command.prints === true && text !== before) process.print(`${text}\n`);
      }
    }
    if (!isQuiet) process.print(`${text}\n`);
    return true;
  };
  // whether a line is the last one is known when the next has come or none does
  readLines(process, 'sed', given.length > 0 ? options.operands : others, {
    onLine: (line) => {
      const goesOn = held === undefined || take(held, false);
      held = goesOn ? line : undefined;
      return goesOn;
    },
    onEnd: () => {
      if (held !== undefined) take(held, true);
    },
  });
}

function isChosen(command: SedCommand, line: string, number: number, isLast: boolean): boolean {
  const fits = (address: Address) => {
    if (address === '$') return isLast;
    return typeof address === 'number' ? number === address : address.test(line);
  };
  const { from, to } = command;
  if (from === undefined) return true;
  if (to === undefined) return fits(from);
  if (command.isOpen) {
    command.isOpen = !(fits(to) || (typeof to === 'number' && number >= to));
    return true;
  }
  if (!fits(from)) return false;
  command.isOpen = !(typeof to === 'number' && number >= to);
  return true;
}

/** The commands of a script; where it is wrong and why, otherwise. */
function parseScript(script: string, isExtended: boolean): SedCommand[] | string {
  const commands: SedCommand[] = [];
  let rest = script.replace(/^[\s;]+/, '');
  const position = () => script.length - rest.length + 1;
  while (rest !== '') {
    const from = takeAddress();
    let to: Address | undefined;
    if (from !== undefined && rest.startsWith(',')) {
      rest = rest.slice(1);
      to = takeAddress();
      if (to === undefined) return `${position()}: unexpected \`,'`;
    }
    const isNegated = /^\s*!/.test(rest);
    rest = rest.replace(/^\s*!?\s*/, '');
    const name = rest[0] ?? '';
    const base = { from, to, isNegated, name, isOpen: false };
    if (name === 's') {
      const mark = rest[1] ?? '';
      const parts = splitAt(rest.slice(2), mark);
      if (parts === undefined) return `${script.length}: unterminated \`s' command`;
      const [pattern, replacement, tail] = parts;
      const flags = /^[gpiI0-9]*/.exec(tail)![0];
      rest = tail.slice(flags.length);
      const source = expressionOf(pattern, false, isExtended);
      const expression = new RegExp(
        source,
        `${flags.includes('g') ? 'g' : ''}${/i/i.test(flags) ? 'i' : ''}`,
      );
      commands.push({
        ...base,
        pattern: expression,
        replacement: replacementOf(replacement),
        prints: flags.includes('p'),
      });
    } else if ('pdq'.includes(name) && name !== '') {
      rest = rest.slice(1);
      commands.push(base);
    } else return `${position()}: unknown command: \`${name}'`;
    if (!/^\s*(?:[;\n]|$)/.test(rest)) return `${position()}: unknown option to \`${name}'`;
    rest = rest.replace(/^[\s;]+/, '');
  }
  return commands;

  function takeAddress(): Address | undefined {
    const number = /^(\d+|\$)/.exec(rest)?.[0];
    if (number !== undefined) {
      rest = rest.slice(number.length);
      return number === '$' ? '$' : Number(number);
    }
    if (!rest.startsWith('/')) return undefined;
    const parts = splitAt(`${rest.slice(1)}//`, '/');
    const [pattern = ''] = parts ?? [];
    rest = rest.slice(pattern.length + 2);
    return new RegExp(expressionOf(pattern, false, isExtended));
  }
}

/** Two parts that end with a mark, and what stands behind. */
function splitAt(text: string, mark: string): [string, string, string] | undefined {
  const parts = ['', ''];
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\' && i + 1 < text.length) {
      const next = text[++i]!;
      parts[part] += next === mark ? next : `\\${next}`;
    } else if (c === mark) {
      if (++part === 2) return [parts[0]!, parts[1]!, text.slice(i + 1)];
    } else parts[part] += c;
  }
  return undefined;
}

/** `&`, `\1` and `\n` of sed in JavaScript's spelling. */
function replacementOf(text: string): string {
  return text.replaceAll('$', '$$$$').replaceAll(/\\(.)|&/g, (whole, c: string | undefined) => {
    if (whole === '&') return '$&';
    if (/\d/.test(c!)) return `$${c}`;
    return c === 'n' ? '\n' : c!;
  });
}
