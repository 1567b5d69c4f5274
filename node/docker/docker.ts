/**
 * The `docker` command against one host's engine: parses a command line, does what it says, and
 * prints what the real command prints, errors included (docker/cli).
 */
import { splitWords } from '../../net/netfilter/command-words.ts';
import { assert } from '../../sim/assert.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { EngineVersion } from '../engine-version.ts';
import { runText, unknownText } from './client-words.ts';
import { type Command, type CommandResult, fail } from './command.ts';
import { CONTAINER_COMMANDS } from './container-commands.ts';
import { NETWORK_COMMANDS } from './network-commands.ts';
import { RUN_COMMANDS } from './run.ts';

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [...RUN_COMMANDS, ...CONTAINER_COMMANDS, ...NETWORK_COMMANDS].map((command) => [
    command.name,
    command,
  ]),
);

/** The first version whose client says why it cannot connect. */
const NAMES_CAUSE_MAJOR = 29;

/** Groups whose commands also stand alone (`docker container run`), and those that do not. */
const GROUPS = ['container', 'network'];

/** Does what a line such as `run -d -p 8080:80 nginx` (without `docker`) says, at once. */
export function docker(daemon: Daemon, line: string): CommandResult {
  let result: CommandResult | undefined;
  dockerWords(daemon, splitWords(line), (own) => {
    result = own;
  });
  assert(result !== undefined, `docker ${line} waits for a plugin`);
  return result;
}

/** Does what a line says, cut into words; `onDone` hears at once, unless plugins are asked. */
export function dockerWords(
  daemon: Daemon,
  words: readonly string[],
  onDone: (result: CommandResult) => void,
): void {
  const { process, engine } = daemon.host;
  const found = commandOf(words, engine.major);
  if ('exitCode' in found) onDone(found);
  else {
    const complaint = found.command.complaintOf(found.words, engine.major);
    if (complaint !== undefined) onDone(complaint);
    else if (!process.isUp) onDone(unreachable(found.command.name, engine));
    else found.command.run(daemon, found.words, onDone);
  }
}

/** What the client says when nobody listens on dockerd's socket. */
export function unreachable(command: string, { major }: EngineVersion): CommandResult {
  const socket = 'unix:///var/run/docker.sock';
  const why =
    major < NAMES_CAUSE_MAJOR
      ? `Cannot connect to the Docker daemon at ${socket}. Is the docker daemon running?`
      : `failed to connect to the docker API at ${socket}; check if the path is correct and if the ` +
        'daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory';
  if (command !== 'run' && command !== 'create') return fail(1, `${why}\n`);
  return fail(125, runText(major, command, why));
}

/**
 * What a client of this version says is wrong with a line whatever there is on the host; `undefined`
 * when nothing is.
 */
export function dockerComplaint(line: string, major: number): CommandResult | undefined {
  const found = commandOf(splitWords(line), major);
  return 'exitCode' in found ? found : found.command.complaintOf(found.words, major);
}

function commandOf(
  words: readonly string[],
  major: number,
): { command: Command; words: readonly string[] } | CommandResult {
  const [first = '', second = '', ...rest] = words;
  if (GROUPS.includes(first)) {
    const grouped = COMMANDS.get(`${first} ${second}`) ?? COMMANDS.get(aliasOf(first, second));
    if (grouped !== undefined) return { command: grouped, words: rest };
    const known = second === '' ? '' : `unknown command: "${second}"\n\n`;
    return fail(1, `${known}Usage:  docker ${first} COMMAND\n`);
  }
  const command = COMMANDS.get(first);
  if (command !== undefined) return { command, words: words.slice(1) };
  return fail(1, unknownText(major, first));
}

function aliasOf(group: string, name: string): string {
  if (group === 'container') return name === 'ls' || name === 'list' ? 'ps' : name;
  return name === 'list' ? `${group} ls` : `${group} ${name === 'remove' ? 'rm' : name}`;
}
