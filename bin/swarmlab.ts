#!/usr/bin/env node
/**
 * The command `swarmlab`: argv to a command to an exit status. The commands are in `commands/`, one
 * file each; here is only what they share: help, misspelt words, and how failures end.
 */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../scenarios/version.ts';
import { InvariantError } from '../sim/assert.ts';
import { addExec } from './commands/exec.ts';
import { addExplain } from './commands/explain.ts';
import { addGossip } from './commands/gossip.ts';
import { addPlugin } from './commands/plugin-serve.ts';
import { addRun } from './commands/run.ts';
import { addShow } from './commands/show.ts';
import { addSweep } from './commands/sweep.ts';
import { addValidate } from './commands/validate.ts';
import { addVersion } from './commands/version.ts';
import { CommandFailure, ExitStatus } from './exit-status.ts';

const EXAMPLES = `
Examples:
  $ swarmlab run scenarios/library/voting-app-worker-crash.yaml
  $ swarmlab run my.yaml --seed 7 --json result.json --pcap captures/
  $ swarmlab sweep my.yaml --seeds 1..200
  $ swarmlab show iptables worker-1 --at 20s my.yaml
  $ swarmlab exec my.yaml worker-1 vote --at 20s -- ping -c 3 redis
  $ swarmlab explain request votes first-failed my.yaml

Exit status: 0 all expectations met, 1 not met, 2 wrong scenario or flag,
3 nondeterminism found, 70 internal error.`;

function createProgram(): Command {
  const program = new Command('swarmlab')
    .description("Simulates a Docker Swarm's network, deterministically, from one seed.")
    .version(VERSION, '-V, --version', 'print the version')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(swarmlab --help shows what there is)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  addRun(program);
  addSweep(program);
  addShow(program);
  addExec(program);
  addExplain(program);
  addValidate(program);
  addGossip(program);
  addPlugin(program);
  addVersion(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...argv]);
    return ExitStatus.met;
  } catch (error) {
    if (error instanceof CommandFailure) {
      if (error.message !== '') process.stderr.write(`${error.message}\n`);
      return error.status;
    }
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? ExitStatus.met : ExitStatus.wrongInput;
    }
    const kind = error instanceof InvariantError ? 'broken invariant' : 'internal error';
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${kind}: ${text}\n`);
    return ExitStatus.internalError;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main(process.argv);
