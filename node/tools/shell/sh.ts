/**
 * `sh -c LINE`: pipelines one after the other, beside each other, or depending on how the one
 * before ended. A program that writes to one that has ended is ended too (SIGPIPE).
 */
import { parseOptions } from '../options.ts';
import type { OutputStream, Process } from '../process.ts';
import { TextPipe } from '../text-pipe.ts';
import { type Command, type Pipeline, pipelinesOf } from './command-line.ts';

/** Exit status of a program that SIGPIPE ended. */
const BROKEN_PIPE = 141;

/** `sh -c 'command | command; command && command || command & command > file'`. */
export function sh(process: Process, argv: readonly string[]): void {
  const options = parseOptions('sh', argv, '+c:eux');
  const line = typeof options === 'string' ? undefined : options.value('c');
  if (line === undefined) {
    process.fail(2, 'sh: -c and a command line are needed: nobody types here\n');
    return;
  }
  const pipelines = pipelinesOf(line);
  if (typeof pipelines === 'string') process.fail(2, pipelines);
  else runPipelines(process, pipelines);
}

function runPipelines(process: Process, pipelines: readonly Pipeline[]): void {
  const background: Job[] = [];
  let foreground: Job | undefined;
  const finish = (status: number) => {
    for (const job of background) job.interrupt();
    process.exit(status);
  };
  process.whenInterrupted(() => {
    foreground?.interrupt();
    finish(130);
  });
  const next = (at: number, status: number) => {
    const pipeline = pipelines[at];
    if (process.isOver) return;
    if (pipeline === undefined) {
      finish(status);
      return;
    }
    const before = pipelines[at - 1]?.connector;
    const isSkipped = (before === '&&' && status !== 0) || (before === '||' && status === 0);
    if (isSkipped) {
      next(at + 1, status);
    } else if (pipeline.connector === '&') {
      background.push(new Job(process, pipeline.commands, () => {}));
      next(at + 1, 0);
    } else {
      foreground = new Job(process, pipeline.commands, (ended) => {
        foreground = undefined;
        next(at + 1, ended);
      });
      if (foreground.isOver) foreground = undefined;
    }
  };
  next(0, 0);
}

/** The running programs of one pipeline; its exit status is that of the last one. */
class Job {
  readonly #processes: Process[] = [];
  #leftCount: number;
  #status = 0;

  constructor(shell: Process, commands: readonly Command[], onEnd: (status: number) => void) {
    this.#leftCount = commands.length;
    const pipes = commands.map((_, i) => (i === 0 ? shell.stdin : new TextPipe()));
    const ended = (at: number, status: number) => {
      pipes[at + 1]?.end();
      if (at === commands.length - 1) this.#status = status;
      if (--this.#leftCount === 0) onEnd(this.#status);
    };
    // readers first, so that they are there when writers begin
    for (let at = commands.length - 1; at >= 0; at--) {
      const command = commands[at]!;
      const isLast = at === commands.length - 1;
      const print = isLast ? (text: string) => shell.print(text) : this.#passer(pipes[at + 1]!, at);
      const streams = streamsOf(shell, command, pipes[at]!, print);
      if (typeof streams === 'string') {
        shell.complain(streams);
        ended(at, 2);
        continue;
      }
      const onExit = (status: number) => ended(at, status);
      // a writer may have ended its reader before it is listed
      shell.spawn(command.argv, onExit, streams, (child) => {
        this.#processes[at] = child;
      });
    }
  }

  /** True when all programs have ended. */
  get isOver(): boolean {
    return this.#leftCount === 0;
  }

  /** Ctrl-C: all of them get it. */
  interrupt(): void {
    for (const process of this.#processes) process?.interrupt();
  }

  /** Hands text on to the next program, as long as there is one. */
  #passer(pipe: TextPipe, at: number): (text: string) => void {
    return (text) => {
      if (this.#processes[at + 1]?.isOver === true) this.#processes[at]?.exit(BROKEN_PIPE);
      else pipe.write(text);
    };
  }
}

/** What a program reads and where it prints, redirections applied from left to right. */
function streamsOf(
  shell: Process,
  { redirections }: Command,
  piped: TextPipe,
  print: (text: string) => void,
): { stdin: TextPipe; onOutput: (text: string, stream: OutputStream) => void } | string {
  const { files, place } = shell;
  let stdin = piped;
  const targets = [() => {}, print, (text: string) => shell.complain(text)];
  for (const redirection of redirections) {
    switch (redirection.kind) {
      case 'text':
        stdin = TextPipe.of(redirection.text);
        break;
      case 'read': {
        const text = files.text(redirection.path, place);
        if (text === undefined) return `sh: 1: cannot open ${redirection.path}: No such file\n`;
        stdin = TextPipe.of(text);
        break;
      }
      case 'duplicate':
        targets[redirection.descriptor] = targets[redirection.of] ?? (() => {});
        break;
      default: {
        const { path, kind } = redirection;
        if (kind === 'write') files.write(path, new Uint8Array());
        targets[redirection.descriptor] = (text) => files.append(path, text, place);
      }
    }
  }
  return { stdin, onOutput: (text, stream) => targets[stream === 'stdout' ? 1 : 2]!(text) };
}
