/**
 * `swarmlab gossip members`, `kill`, `leave` and the other commands of a live server: each is asked
 * over the control socket of `swarmlab gossip serve`, which carries it out.
 */
import type { Command } from 'commander';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { askServer, defaultControlPath } from '../live/control-socket.ts';
import { LIVE_COMMANDS, type LiveAnswer, type LiveCommand, QUIT } from '../live/live-commands.ts';

interface ControlFlags {
  readonly control: string;
  readonly json?: boolean;
}

/** Adds a subcommand for each command of a live server. */
export function addGossipControl(gossip: Command): void {
  for (const [name, command] of Object.entries(LIVE_COMMANDS)) add(gossip, name, command);
  add(gossip, QUIT, { usage: '', summary: 'end the server', example: '' });
}

function add(
  gossip: Command,
  name: string,
  { usage, summary, example }: Pick<LiveCommand, 'usage' | 'summary' | 'example'>,
): void {
  const line = `swarmlab gossip ${name} ${example}`.trimEnd();
  const command = gossip
    .command(`${name} ${usage}`.trimEnd())
    .summary(summary)
    .description(`asks a server (swarmlab gossip serve): ${summary}`)
    .option('--control <path>', 'the control socket of the server', defaultControlPath())
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', `\nExamples:\n  $ ${line}\n  $ ${line} --json`);
  command.action(async () => {
    await ask(name, command.args, command.opts<ControlFlags>());
  });
}

async function ask(
  name: string,
  words: readonly string[],
  { control, json }: ControlFlags,
): Promise<void> {
  let answer: LiveAnswer;
  try {
    answer = await askServer(control, [name, ...words]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `no server answers at ${control} (swarmlab gossip serve starts one): ${reason}`;
    throw new CommandFailure(ExitStatus.wrongInput, message);
  }
  const { isDone, text, data } = answer;
  if (json === true) process.stdout.write(`${JSON.stringify(data, undefined, 2)}\n`);
  else if (isDone) process.stdout.write(`${text}\n`);
  if (!isDone) throw new CommandFailure(ExitStatus.notMet, json === true ? '' : text);
}
