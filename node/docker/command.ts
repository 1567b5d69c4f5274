/**
 * What every command of `docker` has in common: flags, usage, results, and the check of its words
 * (docker/cli `cli/command`).
 */
import { type Steps, takeSteps } from '../../sim/steps.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { Refusal } from '../daemon/refusal.ts';
import { flagText, wordsText } from './client-words.ts';
import { type FlagTable, type ParsedFlags, parseFlags } from './flags.ts';

/** What a command printed, and its exit status. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** One command. */
export interface Command {
  /** `run`, `network create`. */
  readonly name: string;
  /** `onDone` hears at once, unless somebody has to be waited for. */
  run(daemon: Daemon, words: readonly string[], onDone: (result: CommandResult) => void): void;
  /**
   * What a client of this version says is wrong with the words, whatever there is on the host;
   * `undefined` when nothing is.
   */
  complaintOf(words: readonly string[], major: number): CommandResult | undefined;
}

/** How a command is described. */
export interface CommandFacts {
  readonly name: string;
  /** Behind `docker <name>` in its usage line: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly description: string;
  readonly flags: FlagTable;
  /** How many words it takes at least and at most. */
  readonly words: readonly [min: number, max: number];
  readonly isInterspersed?: boolean;
}

/** Success with what was printed. */
export function succeed(stdout: string, stderr = ''): CommandResult {
  return { stdout, stderr, exitCode: 0 };
}

/** Failure with the complaint. */
export function fail(exitCode: number, stderr: string, stdout = ''): CommandResult {
  return { stdout, stderr, exitCode };
}

/** dockerd's refusal, as most commands print it. */
export function refuse(refusal: Refusal, stdout = ''): CommandResult {
  return fail(1, `Error response from daemon: ${refusal.message}\n`, stdout);
}

/** A command whose flags and words are checked before it is run. */
export function commandOf(
  facts: CommandFacts,
  run: (daemon: Daemon, flags: ParsedFlags) => CommandResult | Steps<CommandResult>,
): Command {
  const { name, flags: table, isInterspersed = true } = facts;
  const check = (words: readonly string[], major: number): ParsedFlags | CommandResult => {
    const flags = parseFlags(table, words, isInterspersed);
    if (typeof flags === 'string') return fail(125, flagText(major, facts, flags));
    const complaint = wordsText(major, facts, flags.words.length);
    return complaint === undefined ? flags : fail(1, complaint);
  };
  return {
    name,
    run: (daemon, words, onDone) => {
      const checked = check(words, daemon.host.engine.major);
      const result = 'exitCode' in checked ? checked : run(daemon, checked);
      if ('exitCode' in result) onDone(result);
      else takeSteps(result, onDone);
    },
    complaintOf: (words, major) => {
      const checked = check(words, major);
      return 'exitCode' in checked ? checked : undefined;
    },
  };
}
