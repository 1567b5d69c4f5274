/**
 * Small programs about words: `printf`, `seq`, `tr`, `xargs`, `hostname`, with GNU's words for what is
 * wrong.
 */
import { answerOf, type Steps, takeSteps } from '../../../sim/steps.ts';
import type { Process } from '../process.ts';
import { optionsOf, readLines } from './text-tools.ts';

/** `printf FORMAT [ARGUMENT…]`: the format again and again until the arguments are used up. */
export function printf(process: Process, argv: readonly string[]): void {
  const [format, ...rest] = argv;
  if (format === undefined) {
    process.fail(1, "printf: missing operand\nTry 'printf --help' for more information.\n");
    return;
  }
  let left: readonly string[] = rest;
  do {
    const before = left.length;
    const { text, restOfArguments } = formatted(format, left);
    process.print(text);
    left = restOfArguments;
    if (left.length === before) break;
  } while (left.length > 0);
  process.exit(0);
}

/** One pass over a format of `printf`; what is missing is empty or 0. */
export function formatted(
  format: string,
  argv: readonly string[],
): { text: string; restOfArguments: readonly string[] } {
  let used = 0;
  const text = unescaped(format).replaceAll(
    /%(?:%|([-0 +#]*)(\d*)(?:\.(\d+))?([sdiuxXofgcb]))/g,
    (whole, flags: string, width: string, precision: string | undefined, kind: string) => {
      if (whole === '%%') return '%';
      const argument = argv[used++] ?? '';
      const body = convert(kind, argument, precision === undefined ? undefined : Number(precision));
      const size = Number(width || 0);
      if (flags.includes('-')) return body.padEnd(size);
      return flags.includes('0') && kind !== 's' ? body.padStart(size, '0') : body.padStart(size);
    },
  );
  return { text, restOfArguments: argv.slice(used) };
}

function convert(kind: string, argument: string, precision: number | undefined): string {
  const number = Number(argument === '' ? 0 : argument) || 0;
  switch (kind) {
    case 's':
      return precision === undefined ? argument : argument.slice(0, precision);
    case 'b':
      return unescaped(argument);
    case 'c':
      return argument.slice(0, 1);
    case 'd':
    case 'i':
    case 'u':
      return String(Math.trunc(number));
    case 'x':
      return Math.trunc(number).toString(16);
    case 'X':
      return Math.trunc(number).toString(16).toUpperCase();
    case 'o':
      return Math.trunc(number).toString(8);
    case 'f':
      return number.toFixed(precision ?? 6);
    default:
      return String(Number(number.toPrecision(precision ?? 6)));
  }
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };
  return text.replaceAll(/\\([ntr\\])/g, (_, letter: string) => letters[letter]!);
}

/** `seq [FIRST [STEP]] LAST` */
export function seq(process: Process, argv: readonly string[]): void {
  const numbers = argv.map(Number);
  if (argv.length === 0 || numbers.some(Number.isNaN)) {
    const bad = argv.find((word) => Number.isNaN(Number(word)));
    const why = bad === undefined ? 'missing operand' : `invalid floating point argument: ‘${bad}’`;
    process.fail(1, `seq: ${why}\nTry 'seq --help' for more information.\n`);
    return;
  }
  const last = numbers.at(-1)!;
  const first = numbers.length > 1 ? numbers[0]! : 1;
  const step = numbers.length > 2 ? numbers[1]! : 1;
  let text = '';
  for (let n = first; step > 0 ? n <= last : step < 0 && n >= last; n += step) text += `${n}\n`;
  process.print(text);
  process.exit(0);
}

/** `tr [-d] [-s] [-c] SET1 [SET2]` */
export function tr(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'tr', argv, 'dsc');
  if (options === undefined) return;
  const [from = '', to = ''] = options.operands.map(lettersOf);
  const isIn = (letter: string) => from.includes(letter) !== options.has('c');
  const mapped = (letter: string) => {
    if (!isIn(letter)) return letter;
    if (options.has('d')) return '';
    return options.has('c') ? to.at(-1)! : (to[from.indexOf(letter)] ?? to.at(-1) ?? letter);
  };
  let last = '';
  process.stdin.read({
    onText: (text) => {
      let result = '';
      for (const letter of text) {
        const made = mapped(letter);
        const isSqueezed =
          options.has('s') && made === last && (to === '' ? isIn(letter) : to.includes(made));
        if (made !== '' && !isSqueezed) result += made;
        if (made !== '') last = made;
      }
      process.print(result);
    },
    onEnd: () => process.exit(0),
  });
}

/** `a-z`, `[:upper:]`, `\n` as the letters that they stand for. */
function lettersOf(set: string): string {
  const classes: Readonly<Record<string, string>> = {
    upper: 'A-Z',
    lower: 'a-z',
    digit: '0-9',
    alpha: 'A-Za-z',
    alnum: 'A-Za-z0-9',
    space: ' \t\n\r',
  };
  const plain = unescaped(set.replaceAll(/\[:(\w+):\]/g, (_, name: string) => classes[name] ?? ''));
  return plain.replaceAll(/(.)-(.)/gs, (_, a: string, b: string) => {
    let range = '';
    for (let code = a.charCodeAt(0); code <= b.charCodeAt(0); code++)
      range += String.fromCharCode(code);
    return range;
  });
}

/** `xargs [-n N] [-I MARK] [PROGRAM [ARGUMENT…]]`: one program after the other. */
export function xargs(process: Process, argv: readonly string[]): void {
  const options = optionsOf(process, 'xargs', argv, '+n:I:rt');
  if (options === undefined) return;
  const mark = options.value('I');
  const program = options.operands.length === 0 ? ['echo'] : options.operands;
  const words: string[] = [];
  readLines(process, 'xargs', [], {
    onLine: (line) => {
      if (mark !== undefined) words.push(line.trim());
      else words.push(...line.split(/[ \t]+/).filter((word) => word !== ''));
      return undefined;
    },
    onEnd: () => {
      if (words.length === 0 && options.has('r')) return;
      const size = mark === undefined ? Number(options.value('n') ?? Math.max(1, words.length)) : 1;
      const lines: string[][] = [];
      for (let at = 0; at < Math.max(1, words.length); at += size) {
        const part = words.slice(at, at + size);
        const own =
          mark === undefined
            ? [...program, ...part]
            : program.map((word) => word.replaceAll(mark, part[0] ?? ''));
        lines.push(own);
      }
      runAll(process, lines);
    },
    staysOpen: true,
  });
}

/** Ends with 123 when a program did not end well, 127 when there is none of that name. */
function runAll(process: Process, lines: readonly (readonly string[])[]): void {
  const run = function* (): Steps<number> {
    let status = 0;
    for (const line of lines) {
      const own = yield* answerOf<number>((resume) => process.spawn(line, resume));
      if (own === 127) return 127;
      if (own !== 0) status = 123;
    }
    return status;
  };
  takeSteps(run(), (status) => process.exit(status));
}

/** `hostname`: the name of the host or, in a container, its id. */
export function hostname(process: Process): void {
  const { hosts, namespace } = process.place;
  const name = namespace.name.split('/').at(-1)!;
  const own = [...hosts.keys()].find((each) => /^[0-9a-f]{12}$/.test(each));
  process.print(`${own ?? name}\n`);
  process.exit(0);
}
