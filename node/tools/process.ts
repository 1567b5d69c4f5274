/**
 * A process of a simulated tool: what it prints, what it waits for in virtual time, how it ends.
 *
 * A tool is a function of a process and its arguments. It may be over when the function returns
 * (`ip addr`), or go on by timers and sockets (`ping`); what it opened is closed when it ends.
 */
import { type DrawKey, draw32, hashText, keyOf } from '../../sim/chance.ts';
import type { World } from '../../sim/world.ts';
import { Files } from './files.ts';
import type { Place } from './place.ts';
import { TextPipe } from './text-pipe.ts';

/** What a process prints to. */
export type OutputStream = 'stdout' | 'stderr';

/** Somebody who follows a process. */
export interface ProcessFollower {
  readonly onOutput: (text: string, stream: OutputStream) => void;
  readonly onExit: (status: number) => void;
  /** It wrote a file (`tcpdump -w`). */
  readonly onFile?: ((name: string, bytes: Uint8Array) => void) | undefined;
}

/** What a program that another one starts may have for itself. */
export interface OwnStreams {
  readonly place?: Place;
  readonly stdin?: TextPipe;
  readonly onOutput?: ((text: string, stream: OutputStream) => void) | undefined;
}

/** Starts the program that argv names, in a process that nothing runs in yet. */
export type Launcher = (process: Process, argv: readonly string[]) => void;

/** A tool: takes its arguments (without its name), and exits now or later. */
export type Tool = (process: Process, argv: readonly string[]) => void;

/** Exit status of a process that SIGINT ended. */
const INTERRUPTED = 130;
/** And of one that SIGKILL ended. */
const KILLED = 137;

/** One process. */
export class Process {
  readonly place: Place;
  /** Standard input; empty unless a pipe, a file or a here text is at its other end. */
  readonly stdin: TextPipe;
  /** What it and those who started it have written, and can read. */
  readonly files: Files;
  /** Its exit status, once it is over. */
  status: number | undefined = undefined;
  readonly #launch: Launcher;
  readonly #follower: ProcessFollower;
  readonly #closers: (() => void)[] = [];
  readonly #key: DrawKey;
  #onInterrupt: () => void = () => this.exit(INTERRUPTED);
  #drawCount = 0;

  constructor(
    place: Place,
    launch: Launcher,
    follower: ProcessFollower,
    stdin = TextPipe.of(''),
    files = new Files((name, bytes) => follower.onFile?.(name, bytes)),
  ) {
    this.place = place;
    this.stdin = stdin;
    this.files = files;
    this.#launch = launch;
    this.#follower = follower;
    const { chance, queue } = this.world;
    const key = keyOf(chance.key('tool'), hashText(place.namespace.name));
    this.#key = draw32(key, queue.firedCount);
  }

  /** The world in which it runs. */
  get world(): World {
    return this.place.namespace.world;
  }

  /** True once it has exited. */
  get isOver(): boolean {
    return this.status !== undefined;
  }

  /** Writes to stdout. */
  print(text: string): void {
    if (!this.isOver && text !== '') this.#follower.onOutput(text, 'stdout');
  }

  /** Writes to stderr. */
  complain(text: string): void {
    if (!this.isOver && text !== '') this.#follower.onOutput(text, 'stderr');
  }

  /** Ends it; whatever it opened is closed, and nothing of it happens any more. */
  exit(status: number): void {
    if (this.isOver) return;
    this.status = status;
    for (const close of this.#closers.splice(0)) close();
    this.#follower.onExit(status);
  }

  /** Complains and ends it. */
  fail(status: number, text: string): void {
    this.complain(text);
    this.exit(status);
  }

  /** Does something after a span of virtual time, unless it is over by then. */
  after(spanNs: number, action: () => void): void {
    const { queue } = this.world;
    queue.scheduleCallback(queue.nowNs + spanNs, () => {
      if (!this.isOver) action();
    });
  }

  /** Closes something when it ends. */
  whenOver(close: () => void): void {
    this.#closers.push(close);
  }

  /** Says what SIGINT (Ctrl-C) does, instead of ending it with status 130. */
  whenInterrupted(action: () => void): void {
    this.#onInterrupt = action;
  }

  /** Sends SIGINT. */
  interrupt(): void {
    if (!this.isOver) this.#onInterrupt();
  }

  /** Sends SIGINT, and ends it with SIGKILL if it goes on. */
  terminate(): void {
    this.interrupt();
    this.exit(KILLED);
  }

  /** The next random number of 32 bits. */
  draw(): number {
    return draw32(this.#key, this.#drawCount++);
  }

  /**
   * Runs another program, here or at another place, with the same input and output or its own.
   * `onMade` gets the process before anything of it has happened.
   */
  spawn(
    argv: readonly string[],
    onExit: (status: number) => void,
    { place = this.place, stdin = this.stdin, onOutput }: OwnStreams = {},
    onMade: (child: Process) => void = () => {},
  ): Process {
    return this.fork(
      (child) => this.#launch(child, argv),
      onExit,
      { place, stdin, onOutput },
      onMade,
    );
  }

  /** {@link spawn} with something else than a program: what a shell does in a process of its own. */
  fork(
    run: (child: Process) => void,
    onExit: (status: number) => void,
    { place = this.place, stdin = this.stdin, onOutput }: OwnStreams = {},
    onMade: (child: Process) => void = () => {},
  ): Process {
    const follower = { onOutput: onOutput ?? this.#follower.onOutput, onExit };
    const child = new Process(place, this.#launch, follower, stdin, this.files);
    onMade(child);
    run(child);
    return child;
  }
}
