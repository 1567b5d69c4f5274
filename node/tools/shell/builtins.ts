/**
 * What a shell does itself: `test`, variables, `read`, loops' ends, jobs.
 */
import { answerOf, type Steps } from '../../../sim/steps.ts';
import type { Process } from '../process.ts';
import type { ShellState } from './state.ts';

/** A command that ends more than itself. */
export class Jump {
  readonly kind: 'break' | 'continue' | 'return' | 'exit';
  /** How many loops, or the status. */
  readonly count: number;

  constructor(kind: Jump['kind'], count: number) {
    this.kind = kind;
    this.count = count;
  }
}

/** Background jobs of a shell. */
export interface Jobs {
  /** Calls when all of them, or the one of this number, have ended. */
  wait(number: number | undefined, onEnd: (status: number) => void): void;
  /** Interrupts one; false when there is none. */
  kill(number: number): boolean;
}

/** A builtin: its exit status, or where the shell goes on; now, or when what it waits for has come. */
export type Builtin = (
  state: ShellState,
  process: Process,
  argv: readonly string[],
  jobs: Jobs,
) => number | Jump | Steps<number>;

/** All builtins by their names. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  ':': () => 0,
  true: () => 0,
  false: () => 1,
  cd: (state, _, [path = '/root']) => {
    state.variables.set('PWD', path);
    return 0;
  },
  test: (_, process, argv) => judge(process, argv, 'test'),
  '[': (_, process, argv) => {
    if (argv.at(-1) === ']') return judge(process, argv.slice(0, -1), '[');
    process.complain('sh: 1: [: missing ]\n');
    return 2;
  },
  exit: (state, _, [status]) => new Jump('exit', Number(status ?? state.status) & 255),
  return: (state, _, [status]) => new Jump('return', Number(status ?? state.status) & 255),
  break: (_state, _process, [count]) => new Jump('break', Number(count ?? 1)),
  continue: (_state, _process, [count]) => new Jump('continue', Number(count ?? 1)),
  shift: (state, _, [count]) => {
    state.positional = state.positional.slice(Number(count ?? 1));
    return 0;
  },
  set: (state, _, argv) => {
    for (const word of argv) {
      if (/^[-+][a-z]+$/.test(word)) {
        for (const letter of word.slice(1)) {
          if (word.startsWith('-')) state.flags.add(letter);
          else state.flags.delete(letter);
        }
      }
    }
    const dashes = argv.indexOf('--');
    if (dashes >= 0) state.positional = argv.slice(dashes + 1);
    return 0;
  },
  export: assign,
  local: assign,
  readonly: assign,
  unset: (state, _, argv) => {
    for (const name of argv) {
      state.variables.delete(name);
      state.functions.delete(name);
    }
    return 0;
  },
  read,
  *wait(_state, _process, [number], jobs) {
    return yield* answerOf<number>((resume) =>
      jobs.wait(number === undefined ? undefined : Number(number), resume),
    );
  },
  kill: (_state, process, argv, jobs) => {
    let status = 0;
    for (const word of argv.filter((each) => !each.startsWith('-'))) {
      if (jobs.kill(Number(word))) continue;
      process.complain(`sh: 1: kill: No such process\n`);
      status = 1;
    }
    return status;
  },
};

function assign(state: ShellState, _process: Process, argv: readonly string[]): number {
  for (const word of argv) {
    const equals = word.indexOf('=');
    if (equals > 0) state.variables.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return 0;
}

/** `read [-r] NAME…`: the last name gets the rest of the line. */
function* read(state: ShellState, process: Process, argv: readonly string[]): Steps<number> {
  const names = argv.filter((word) => !word.startsWith('-'));
  const line = yield* answerOf<string | undefined>((resume) => process.stdin.readLine(resume));
  const fields = (line ?? '').trim().split(/[ \t]+/);
  (names.length === 0 ? ['REPLY'] : names).forEach((name, i, all) => {
    const isLast = i === all.length - 1;
    state.variables.set(name, isLast ? fields.slice(i).join(' ') : (fields[i] ?? ''));
  });
  return line === undefined ? 1 : 0;
}

/** The exit status of `test`. */
function judge(process: Process, argv: readonly string[], name: string): number {
  const [first = '', second = ''] = argv;
  if (first === '!' && argv.length > 1) {
    const status = judge(process, argv.slice(1), name);
    return status > 1 ? status : 1 - status;
  }
  for (const [operator, isOr] of [
    ['-o', true],
    ['-a', false],
  ] as const) {
    const at = argv.indexOf(operator);
    if (at <= 0 || argv.length <= 3) continue;
    const [left, right] = [
      judge(process, argv.slice(0, at), name),
      judge(process, argv.slice(at + 1), name),
    ];
    return (isOr ? left === 0 || right === 0 : left === 0 && right === 0) ? 0 : 1;
  }
  if (argv.length <= 1) return first === '' ? 1 : 0;
  if (argv.length === 2) return unary(process, first, second, name);
  return binary(process, argv, name);
}

function unary(process: Process, operator: string, operand: string, name: string): number {
  const hasFile = () => process.files.text(operand, process.place) !== undefined;
  switch (operator) {
    case '-n':
      return operand === '' ? 1 : 0;
    case '-z':
      return operand === '' ? 0 : 1;
    case '-e':
    case '-f':
    case '-r':
      return hasFile() ? 0 : 1;
    case '-s':
      return (process.files.text(operand, process.place) ?? '') === '' ? 1 : 0;
    case '-d':
      return operand === '/' || operand === '/tmp' ? 0 : 1;
    default:
      process.complain(`sh: 1: ${name}: ${operator}: unexpected operator\n`);
      return 2;
  }
}

function binary(process: Process, words: readonly string[], name: string): number {
  const [left = '', operator = '', right = ''] = words;
  if (operator === '=' || operator === '==') return left === right ? 0 : 1;
  if (operator === '!=') return left === right ? 1 : 0;
  const tests: Readonly<Record<string, (a: number, b: number) => boolean>> = {
    '-eq': (a, b) => a === b,
    '-ne': (a, b) => a !== b,
    '-lt': (a, b) => a < b,
    '-le': (a, b) => a <= b,
    '-gt': (a, b) => a > b,
    '-ge': (a, b) => a >= b,
  };
  const test = tests[operator];
  if (test === undefined) {
    process.complain(`sh: 1: ${name}: ${left}: unexpected operator\n`);
    return 2;
  }
  for (const text of [left, right]) {
    if (/^\s*[-+]?\d+\s*$/.test(text)) continue;
    process.complain(`sh: 1: ${name}: Illegal number: ${text}\n`);
    return 2;
  }
  return test(Number(left), Number(right)) ? 0 : 1;
}
