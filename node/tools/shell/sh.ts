/**
 * `sh -c TEXT [NAME [ARGUMENT…]]`: dash, with pipelines, lists, loops, functions, expansions and
 * redirections. A program that writes to one that has ended is ended too (SIGPIPE).
 *
 * Each turn of a loop begins in an event of its own. A shell that has begun so many commands in one
 * instant that it cannot be waiting for anything gives up, as time would never go on.
 */
import { answerOf, type Steps, takeSteps } from '../../../sim/steps.ts';
import { parseOptions } from '../options.ts';
import type { OutputStream, OwnStreams, Process } from '../process.ts';
import { TextPipe } from '../text-pipe.ts';
import { BUILTINS, type Jobs, Jump } from './builtins.ts';
import { ExpansionError, expandPattern, expandText, expandWords } from './expand.ts';
import { parseShell, ShellSyntaxError } from './parser.ts';
import { patternOf, ShellState } from './state.ts';
import type { Command, List, Pipeline, Redirection, Sequence } from './syntax.ts';

/** Exit status of a program that SIGPIPE ended. */
const BROKEN_PIPE = 141;
const INTERRUPTED = 130;
/** Commands that may begin in one instant. */
const COMMANDS_MAX = 20_000;

/** `sh [-eux] -c TEXT [NAME [ARGUMENT…]]`. */
export function sh(process: Process, argv: readonly string[]): void {
  const options = parseOptions('sh', argv, '+c:eux');
  const text = typeof options === 'string' ? undefined : options.value('c');
  if (text === undefined || typeof options === 'string') {
    process.fail(2, 'sh: -c and a command line are needed: nobody types here\n');
    return;
  }
  const [name, ...positional] = options.operands;
  const state = new ShellState(name, positional);
  for (const flag of ['e', 'u', 'x']) if (options.has(flag)) state.flags.add(flag);
  let list: List;
  try {
    list = parseShell(text);
  } catch (error) {
    if (!(error instanceof ShellSyntaxError)) throw error;
    process.fail(2, `sh: 1: Syntax error: ${error.message}\n`);
    return;
  }
  new Shell(process, state).run(list);
}

/** What runs in one process: the shell itself, a subshell, a part of a pipeline. */
class Shell {
  readonly #process: Process;
  readonly #state: ShellState;
  readonly #foreground = new Set<Process>();
  readonly #background = new Map<number, { process: Process; status: number | undefined }>();
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #countedAtNs = -1;

  constructor(process: Process, state: ShellState) {
    this.#process = process;
    this.#state = state;
  }

  /** Runs a list and ends its process with the list's status. */
  run(list: List): void {
    const process = this.#process;
    process.whenInterrupted(() => {
      for (const child of this.#foreground) child.interrupt();
      process.exit(INTERRUPTED);
    });
    process.whenOver(() => {
      for (const job of this.#background.values()) job.process.interrupt();
    });
    takeSteps(this.#list(list, process), (result) =>
      process.exit(result instanceof Jump ? result.count : result),
    );
  }

  *#list(list: List, io: Process): Steps<number | Jump> {
    for (const sequence of list) {
      if (sequence.isBackground) {
        this.#start({ ...sequence, isBackground: false }, io);
        this.#state.status = 0;
        continue;
      }
      const result = yield* this.#sequence(sequence, io);
      if (result instanceof Jump) return result;
    }
    return this.#state.status;
  }

  #start(sequence: Sequence, io: Process): void {
    const number = ++this.#state.lastJob;
    const state = this.#state.copy();
    const onExit = (status: number) => {
      this.#background.get(number)!.status = status;
      for (const look of this.#waiting.splice(0)) look();
    };
    io.fork(
      (child) => new Shell(child, state).run([sequence]),
      onExit,
      { stdin: TextPipe.of('') },
      (child) => {
        this.#background.set(number, { process: child, status: undefined });
      },
    );
  }

  *#sequence({ first, rest }: Sequence, io: Process): Steps<number | Jump> {
    let result = yield* this.#pipeline(first, io);
    let isTested = rest.length > 0 || first.isNegated;
    for (const [i, { operator, pipeline }] of rest.entries()) {
      if (result instanceof Jump) return result;
      if ((operator === '&&') !== (result === 0)) continue;
      result = yield* this.#pipeline(pipeline, io);
      isTested = i < rest.length - 1 || pipeline.isNegated;
    }
    if (result instanceof Jump) return result;
    const isFatal = this.#state.flags.has('e') && result !== 0 && !isTested && !this.#isCondition;
    return isFatal ? new Jump('exit', result) : result;
  }

  /** In what `if`, `while` and `until` ask, `set -e` ends nothing. */
  #isCondition = false;

  *#pipeline({ commands, isNegated }: Pipeline, io: Process): Steps<number | Jump> {
    const [only] = commands;
    const result =
      commands.length === 1
        ? yield* this.#command(only!, io)
        : yield* answerOf<number>((resume) => this.#pipe(commands, io, resume));
    if (result instanceof Jump) return result;
    this.#state.status = isNegated ? (result === 0 ? 1 : 0) : result;
    return this.#state.status;
  }

  /** Commands side by side; the status is that of the last one. */
  #pipe(commands: readonly Command[], io: Process, onEnd: (status: number) => void): void {
    const processes: Process[] = [];
    const pipes = commands.map((_, i) => (i === 0 ? io.stdin : new TextPipe()));
    let leftCount = commands.length;
    let last = 0;
    // readers first, so that they are there when writers begin
    for (let at = commands.length - 1; at >= 0; at--) {
      const isLast = at === commands.length - 1;
      const onExit = (status: number) => {
        pipes[at + 1]?.end();
        this.#foreground.delete(processes[at]!);
        if (isLast) last = status;
        if (--leftCount === 0) onEnd(last);
      };
      const pass = (text: string) => {
        if (processes[at + 1]?.isOver === true) processes[at]?.exit(BROKEN_PIPE);
        else pipes[at + 1]!.write(text);
      };
      const onOutput = (text: string, stream: OutputStream) => {
        if (stream === 'stderr') io.complain(text);
        else if (isLast) io.print(text);
        else pass(text);
      };
      const state = this.#state.copy();
      const command = commands[at]!;
      io.fork(
        (child) => new Shell(child, state).run(listOf(command)),
        onExit,
        { stdin: pipes[at]!, onOutput },
        (child) => {
          processes[at] = child;
          this.#foreground.add(child);
        },
      );
    }
  }

  *#command(command: Command, io: Process): Steps<number | Jump> {
    try {
      if (command.kind === 'simple') return yield* this.#simple(command, io);
      if (command.redirections.length === 0) return yield* this.#compound(command, io);
      const streams = yield* this.#streams(command.redirections, io);
      if (typeof streams === 'string') {
        io.complain(streams);
        return 2;
      }
      return yield* this.#compound(command, this.#withStreams(io, streams));
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      io.complain(`sh: 1: ${error.message}\n`);
      return new Jump('exit', 2);
    }
  }

  /** A process that stands for the shell's own with other streams. */
  #withStreams(io: Process, streams: OwnStreams): Process {
    return io.fork(
      () => {},
      () => {},
      streams,
    );
  }

  *#compound(command: Exclude<Command, { kind: 'simple' }>, io: Process): Steps<number | Jump> {
    const state = this.#state;
    switch (command.kind) {
      case 'group':
        return yield* this.#list(command.body, io);
      case 'subshell': {
        const { body } = command;
        return yield* this.#child(io, (child) => new Shell(child, state.copy()).run(body));
      }
      case 'if': {
        for (const { condition, body } of command.clauses) {
          const result = yield* this.#condition(condition, io);
          if (result instanceof Jump) return result;
          if (result === 0) return yield* this.#list(body, io);
        }
        state.status = 0;
        return command.otherwise === undefined ? 0 : yield* this.#list(command.otherwise, io);
      }
      case 'while':
      case 'until':
        return yield* this.#loop(command.body, io, () => this.#goesOn(command, io));
      case 'for': {
        const words = yield* this.#forWords(command, io);
        let at = 0;
        return yield* this.#loop(command.body, io, () => {
          if (at === words.length) return false;
          state.variables.set(command.name, words[at++]!);
          return true;
        });
      }
      case 'case': {
        const text = yield* expandText(state, command.word, this.#substitution(io));
        for (const { patterns, body } of command.clauses) {
          for (const pattern of patterns) {
            const expanded = yield* expandPattern(state, pattern, this.#substitution(io));
            if (patternOf(expanded).test(text)) return yield* this.#list(body, io);
          }
        }
        return 0;
      }
      default:
        state.functions.set(command.name, command.body);
        return 0;
    }
  }

  *#forWords(command: Extract<Command, { kind: 'for' }>, io: Process): Steps<readonly string[]> {
    if (command.words === undefined) return this.#state.positional;
    return yield* expandWords(this.#state, command.words, this.#substitution(io));
  }

  *#condition(list: List, io: Process): Steps<number | Jump> {
    const was = this.#isCondition;
    this.#isCondition = true;
    const result = yield* this.#list(list, io);
    this.#isCondition = was;
    return result;
  }

  *#goesOn(
    { kind, condition }: Extract<Command, { kind: 'while' | 'until' }>,
    io: Process,
  ): Steps<boolean | Jump> {
    const result = yield* this.#condition(condition, io);
    return result instanceof Jump ? result : (result === 0) === (kind === 'while');
  }

  *#loop(
    body: List,
    io: Process,
    next: () => boolean | Steps<boolean | Jump>,
  ): Steps<number | Jump> {
    let status = 0;
    for (;;) {
      yield* answerOf<void>((resume) => this.#process.after(0, () => resume()));
      const asked = next();
      const goesOn = typeof asked === 'boolean' ? asked : yield* asked;
      const result = goesOn === true ? yield* this.#list(body, io) : goesOn;
      if (result === false) {
        this.#state.status = status;
        return status;
      }
      if (typeof result === 'number') status = result;
      if (!(result instanceof Jump)) continue;
      if (result.kind !== 'break' && result.kind !== 'continue') return result;
      if (result.count > 1) return new Jump(result.kind, result.count - 1);
      status = 0;
      if (result.kind === 'break') return status;
    }
  }

  *#simple(command: Extract<Command, { kind: 'simple' }>, io: Process): Steps<number | Jump> {
    if (this.#isRunaway()) {
      io.complain('sh: 1: too many commands in one instant: does the loop wait for anything?\n');
      return new Jump('exit', 2);
    }
    const state = this.#state;
    const substitute = this.#substitution(io);
    const argv = yield* expandWords(state, command.words, substitute);
    const assigned: [string, string][] = [];
    for (const { name, word } of command.assignments) {
      assigned.push([name, yield* expandText(state, word, substitute)]);
    }
    const [name] = argv;
    const own = name === undefined ? undefined : state.functions.get(name);
    const replaced = assigned.map(([key]) => [key, state.variables.get(key)] as const);
    for (const [key, value] of assigned) state.variables.set(key, value);
    if (name === undefined) {
      const streams = yield* this.#streams(command.redirections, io);
      // it ends as its substitutions did; without any, well
      const hasSubstituted = command.assignments.some(({ word }) =>
        word.some(({ kind }) => kind === 'command'),
      );
      if (typeof streams !== 'string') return hasSubstituted ? state.status : 0;
      io.complain(streams);
      return 2;
    }
    if (state.flags.has('x')) io.complain(`+ ${argv.join(' ')}\n`);
    const result = yield* this.#invoke(argv, own, command.redirections, io);
    for (const [key, value] of replaced) {
      if (value === undefined) state.variables.delete(key);
      else state.variables.set(key, value);
    }
    return result;
  }

  *#invoke(
    argv: readonly string[],
    own: Command | undefined,
    redirections: readonly Redirection[],
    io: Process,
  ): Steps<number | Jump> {
    const streams = yield* this.#streams(redirections, io);
    if (typeof streams === 'string') {
      io.complain(streams);
      return 2;
    }
    const [name = '', ...rest] = argv;
    const target = redirections.length === 0 ? io : this.#withStreams(io, streams);
    if (own !== undefined) return yield* this.#callFunction(own, rest, target);
    if (name === 'eval') return yield* this.#list(parseShell(rest.join(' ')), target);
    const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
    if (builtin !== undefined) {
      const result = builtin(this.#state, target, rest, this.#jobs);
      return typeof result === 'number' || result instanceof Jump ? result : yield* result;
    }
    return yield* answerOf<number>((resume) => {
      let child: Process | undefined;
      const onExit = (status: number) => {
        if (child !== undefined) this.#foreground.delete(child);
        resume(status);
      };
      io.spawn(argv, onExit, streams, (made) => {
        child = made;
        this.#foreground.add(made);
      });
    });
  }

  *#callFunction(body: Command, positional: readonly string[], io: Process): Steps<number | Jump> {
    const before = this.#state.positional;
    this.#state.positional = positional;
    const result = yield* this.#command(body, io);
    this.#state.positional = before;
    return result instanceof Jump && result.kind === 'return' ? result.count : result;
  }

  /** Runs something in a process of its own, and waits for it. */
  *#child(io: Process, run: (child: Process) => void, streams: OwnStreams = {}): Steps<number> {
    return yield* answerOf<number>((resume) => {
      let child: Process | undefined;
      const onExit = (status: number) => {
        if (child !== undefined) this.#foreground.delete(child);
        resume(status);
      };
      io.fork(run, onExit, streams, (made) => {
        child = made;
        this.#foreground.add(made);
      });
    });
  }

  #substitution(io: Process): (body: List) => Steps<string> {
    const shell = this;
    return function* (body) {
      let text = '';
      const onOutput = (more: string, stream: OutputStream) => {
        if (stream === 'stdout') text += more;
        else io.complain(more);
      };
      const run = (child: Process) => new Shell(child, shell.#state.copy()).run(body);
      shell.#state.status = yield* shell.#child(io, run, { onOutput });
      return text;
    };
  }

  /** What a command reads and where it prints, redirections applied from left to right. */
  *#streams(redirections: readonly Redirection[], io: Process): Steps<OwnStreams | string> {
    const { files, place } = this.#process;
    let stdin = io.stdin;
    const targets = [
      () => {},
      (text: string) => io.print(text),
      (text: string) => io.complain(text),
    ];
    for (const { kind, descriptor, word } of redirections) {
      const text = yield* expandText(this.#state, word, this.#substitution(io));
      if (kind === 'text') stdin = TextPipe.of(text);
      else if (kind === 'read') {
        const content = files.text(text, place);
        if (content === undefined) return `sh: 1: cannot open ${text}: No such file\n`;
        stdin = TextPipe.of(content);
      } else if (kind === 'duplicate') {
        targets[descriptor] = text === '-' ? () => {} : (targets[Number(text)] ?? (() => {}));
      } else {
        if (kind === 'write') files.write(text, new Uint8Array());
        targets[descriptor] = (more) => files.append(text, more, place);
      }
    }
    const onOutput = (text: string, stream: OutputStream) =>
      targets[stream === 'stdout' ? 1 : 2]!(text);
    return { stdin, onOutput };
  }

  get #jobs(): Jobs {
    return {
      wait: (number, onEnd) => {
        const look = () => {
          const jobs = [...this.#background].filter(
            ([key]) => number === undefined || key === number,
          );
          if (jobs.some(([, { status }]) => status === undefined)) this.#waiting.push(look);
          else onEnd(number === undefined ? 0 : (jobs[0]?.[1].status ?? 127));
        };
        look();
      },
      kill: (number) => {
        const job = this.#background.get(number);
        job?.process.interrupt();
        return job !== undefined;
      },
    };
  }

  #isRunaway(): boolean {
    const { nowNs } = this.#process.world;
    if (nowNs !== this.#countedAtNs) this.#count = 0;
    this.#countedAtNs = nowNs;
    return ++this.#count > COMMANDS_MAX;
  }
}

function listOf(command: Command): List {
  return [{ first: { commands: [command], isNegated: false }, rest: [], isBackground: false }];
}
