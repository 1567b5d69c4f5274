/**
 * The small programs between pipes: `cat`, `grep`, `head`, `tail`, `wc`, `sort`, `uniq`, `cut`,
 * `tee` and `echo`, with the options that people type and the words of GNU's where something is
 * wrong. They take lines as they come, so that `ping … | grep …` prints while ping runs.
 */
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { TextPipe } from '../text-pipe.ts';

/** What a program does with the lines of its input. */
interface LineReader {
  /** Without its line end; false when no more are wanted. */
  readonly onLine: (line: string) => boolean | undefined;
  readonly onEnd: () => void;
  /** The program goes on when everything is read. */
  readonly staysOpen?: boolean;
}

/** Reads files one after the other, or standard input where none is named. */
export function readLines(
  process: Process,
  tool: string,
  paths: readonly string[],
  reader: LineReader,
): void {
  let rest = '';
  let status = 0;
  let isEnough = false;
  const onText = (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (isEnough || process.isOver) return;
      isEnough = reader.onLine(line) === false;
    }
    if (isEnough) finish();
  };
  const finish = () => {
    if (rest !== '' && !isEnough) reader.onLine(rest);
    rest = '';
    reader.onEnd();
    if (reader.staysOpen !== true) process.exit(status);
  };
  const next = (at: number) => {
    const path = paths[at];
    if (path === undefined) {
      finish();
      return;
    }
    const text = path === '-' ? undefined : process.files.text(path, process.place);
    const input = path === '-' ? process.stdin : text === undefined ? undefined : TextPipe.of(text);
    if (input !== undefined) input.read({ onText, onEnd: () => next(at + 1) });
    else {
      status = tool === 'grep' ? 2 : 1;
      process.complain(`${tool}: ${missingText(tool, path)}: No such file or directory\n`);
      next(at + 1);
    }
  };
  if (paths.length === 0) process.stdin.read({ onText, onEnd: finish });
  else next(0);
}

function missingText(tool: string, path: string): string {
  if (tool === 'head' || tool === 'tail') return `cannot open '${path}' for reading`;
  return tool === 'sort' ? `cannot read: ${path}` : path;
}

/** Reads options, or says what GNU's getopt says; undefined then. */
export function optionsOf(
  process: Process,
  tool: string,
  argv: readonly string[],
  letters: string,
) {
  const options = parseOptions(tool, argv, letters);
  if (typeof options !== 'string') return options;
  const hint = `Try '${tool} --help' for more information.\n`;
  process.fail(tool === 'grep' || tool === 'sort' ? 2 : 1, `${options}\n${hint}`);
  return undefined;
}

/** `cat [FILE…]` */
export function cat(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'cat', argv, 'n');
  if (options === undefined) return;
  let number = 0;
  const head = () => (options.has('n') ? `${String(++number).padStart(6)}\t` : '');
  const onLine = (line: string) => void process.print(`${head()}${line}\n`);
  readLines(process, 'cat', options.operands, { onLine, onEnd: () => {} });
}

/** `tee [-a] FILE…` */
export function tee(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'tee', argv, 'a');
  if (options === undefined) return;
  const { files } = process;
  for (const path of options.has('a') ? [] : options.operands) files.write(path, new Uint8Array());
  readLines(process, 'tee', [], {
    onLine: (line) => {
      process.print(`${line}\n`);
      for (const path of options.operands) files.append(path, `${line}\n`, process.place);
      return undefined;
    },
    onEnd: () => {},
  });
}

/** `grep [-ivcnoEFwqx] [-m N] [-A N] [-B N] PATTERN [FILE…]`; status 1 when nothing fits. */
export function grep(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'grep', argv, 'ivcnoEFwqxm:A:B:e:');
  if (options === undefined) return;
  const given = options.value('e');
  const [pattern, ...paths] = given === undefined ? options.operands : [given, ...options.operands];
  if (pattern === undefined) {
    process.fail(
      2,
      "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n",
    );
    return;
  }
  const expression = expressionOf(pattern, options.has('F'), options.has('E'));
  const bounded = options.has('x') ? `^(?:${expression})$` : expression;
  const whole = options.has('w') ? `\\b(?:${bounded})\\b` : bounded;
  const fits = new RegExp(whole, options.has('i') ? 'gi' : 'g');
  const limit = Number(options.value('m') ?? Number.POSITIVE_INFINITY);
  const behind = Number(options.value('A') ?? 0);
  const before = Number(options.value('B') ?? 0);
  const kept: string[] = [];
  let count = 0;
  let number = 0;
  let shownUntil = 0;
  const show = (line: string, at: number, mark: string) =>
    process.print(`${options.has('n') ? `${at}${mark}` : ''}${line}\n`);
  readLines(process, 'grep', paths, {
    onLine: (line) => {
      number++;
      const found = line.match(fits);
      if ((found === null) === options.has('v')) {
        count++;
        if (options.has('q')) return false;
        if (options.has('c')) return count < limit;
        kept.forEach((earlier, i) => show(earlier, number - kept.length + i, '-'));
        kept.length = 0;
        if (!options.has('o')) show(line, number, ':');
        else for (const part of found ?? []) show(part, number, ':');
        shownUntil = number + behind;
        return count < limit || behind > 0;
      }
      if (number <= shownUntil) show(line, number, '-');
      else if (before > 0) {
        kept.push(line);
        if (kept.length > before) kept.shift();
      }
      return count < limit || number < shownUntil;
    },
    onEnd: () => {
      if (options.has('c')) process.print(`${count}\n`);
      if (count === 0) process.exit(1);
    },
  });
}

/** A basic or extended POSIX expression in JavaScript's spelling. */
export function expressionOf(pattern: string, isFixed: boolean, isExtended: boolean): string {
  const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (isFixed) return pattern.split('\n').map(escaped).join('|');
  const classes = pattern
    .replaceAll('[:digit:]', '0-9')
    .replaceAll('[:alpha:]', 'a-zA-Z')
    .replaceAll('[:alnum:]', 'a-zA-Z0-9')
    .replaceAll('[:space:]', '\\s');
  if (isExtended) return classes;
  // in a basic expression ( ) { } | + ? are letters until they are escaped
  return classes.replaceAll(/\\([(){}|+?])|([(){}|+?])/g, (_, special, letter) =>
    special === undefined ? `\\${letter}` : special,
  );
}

/** `head [-n N | -N] [FILE…]` */
export function head(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'head', withoutDigits(argv), 'n:q');
  if (options === undefined) return;
  let left = Number(options.value('n') ?? 10);
  readLines(process, 'head', options.operands, {
    onLine: (line) => {
      if (left-- <= 0) return false;
      process.print(`${line}\n`);
      return left > 0;
    },
    onEnd: () => {},
  });
}

/** `tail [-n N | -n +N | -N] [FILE…]` */
export function tail(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'tail', withoutDigits(argv), 'n:q');
  if (options === undefined) return;
  const wanted = options.value('n') ?? '10';
  const isFromStart = wanted.startsWith('+');
  const count = Math.abs(Number(wanted));
  const lines: string[] = [];
  let number = 0;
  readLines(process, 'tail', options.operands, {
    onLine: (line) => {
      number++;
      if (!isFromStart || number >= count) lines.push(line);
      if (!isFromStart && lines.length > count) lines.shift();
      return undefined;
    },
    onEnd: () => process.print(lines.map((line) => `${line}\n`).join('')),
  });
}

/** `-5` is `-n 5`. */
function withoutDigits(argv: readonly string[]): string[] {
  return argv.flatMap((word) => (/^-\d+$/.test(word) ? ['-n', word.slice(1)] : [word]));
}

/** `wc [-lwc]` of standard input, or of one file, whose name is printed too. */
export function wc(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'wc', argv, 'lwcm');
  if (options === undefined) return;
  const counts = { l: 0, w: 0, c: 0 };
  readLines(process, 'wc', options.operands, {
    onLine: (line) => {
      counts.l++;
      counts.w += line.split(/\s+/).filter((word) => word !== '').length;
      counts.c += line.length + 1;
      return undefined;
    },
    onEnd: () => {
      const wanted = (['l', 'w', 'c'] as const).filter(
        (letter) => options.given.length === 0 || options.has(letter),
      );
      const width = wanted.length > 1 ? 7 : 0;
      const numbers = wanted.map((letter) => String(counts[letter]).padStart(width)).join(' ');
      process.print(`${[numbers, ...options.operands].join(' ')}\n`);
    },
  });
}

/** `sort [-nru] [-k N] [-t C]`, by the bytes of the lines. */
export function sort(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'sort', argv, 'nruk:t:');
  if (options === undefined) return;
  const lines: string[] = [];
  const key = Number(/^\d+/.exec(options.value('k') ?? '')?.[0] ?? 0);
  const keyOf = (line: string) =>
    key === 0
      ? line
      : fieldsOf(line, options.value('t'))
          .slice(key - 1)
          .join(' ');
  const numberOf = (line: string) => Number.parseFloat(keyOf(line)) || 0;
  const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const compare = (a: string, b: string) =>
    (options.has('n') ? numberOf(a) - numberOf(b) : compareText(keyOf(a), keyOf(b))) ||
    compareText(a, b);
  readLines(process, 'sort', options.operands, {
    onLine: (line) => void lines.push(line),
    onEnd: () => {
      lines.sort(compare);
      if (options.has('r')) lines.reverse();
      const shown = options.has('u') ? lines.filter((line, i) => line !== lines[i - 1]) : lines;
      process.print(shown.map((line) => `${line}\n`).join(''));
    },
  });
}

/** `uniq [-c]` */
export function uniq(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'uniq', argv, 'cd');
  if (options === undefined) return;
  let last: string | undefined;
  let count = 0;
  const show = () => {
    if (last === undefined || (options.has('d') && count < 2)) return;
    process.print(`${options.has('c') ? `${String(count).padStart(7)} ` : ''}${last}\n`);
  };
  readLines(process, 'uniq', options.operands, {
    onLine: (line) => {
      if (line !== last) {
        show();
        count = 0;
      }
      last = line;
      count++;
      return undefined;
    },
    onEnd: show,
  });
}

/** `cut -d C -f LIST`, `cut -c LIST` */
export function cut(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'cut', argv, 'd:f:c:s');
  if (options === undefined) return;
  const list = options.value('f', 'c');
  if (list === undefined) {
    const text = 'cut: you must specify a list of bytes, characters, or fields\n';
    process.fail(1, `${text}Try 'cut --help' for more information.\n`);
    return;
  }
  const separator = options.has('c') ? '' : (options.value('d') ?? '\t');
  const isWanted = (position: number) =>
    list.split(',').some((range) => {
      const [from = '', to = from] = range.split('-');
      return position >= Number(from || 1) && (to === '' || position <= Number(to));
    });
  readLines(process, 'cut', options.operands, {
    onLine: (line) => {
      const parts = line.split(separator);
      if (separator !== '' && parts.length === 1) {
        if (!options.has('s')) process.print(`${line}\n`);
      } else process.print(`${parts.filter((_, i) => isWanted(i + 1)).join(separator)}\n`);
      return undefined;
    },
    onEnd: () => {},
  });
}

function fieldsOf(line: string, separator: string | undefined): string[] {
  return separator === undefined ? line.trim().split(/\s+/) : line.split(separator);
}

/** `echo [-n] [-e] words`. */
export function echo(process: Process, argv: readonly string[]): void {
  let at = 0;
  while (/^-[ne]+$/.test(argv[at] ?? '')) at++;
  const letters = argv.slice(0, at).join('');
  const text = argv.slice(at).join(' ');
  const unescaped = letters.includes('e')
    ? text.replaceAll(/\\([nt\\])/g, (_, c) => ({ n: '\n', t: '\t' })[c as 'n' | 't'] ?? c)
    : text;
  process.print(`${unescaped}${letters.includes('n') ? '' : '\n'}`);
  process.exit(0);
}
