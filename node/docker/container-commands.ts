/**
 * The commands that look at containers and change what they do: ps, port, inspect, start, stop,
 * restart, kill, rm (docker/cli `command/container`).
 */

import { answerOf, type Steps } from '../../sim/steps.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { containerJson } from '../daemon/inspect/container.ts';
import { jsonText } from '../daemon/inspect/json.ts';
import { networkJson } from '../daemon/inspect/network.ts';
import type { OnDone } from '../daemon/lifecycle.ts';
import { portLinesText, psText, shownContainers } from '../daemon/listings.ts';
import type { Refusal } from '../daemon/refusal.ts';
import { type Command, type CommandResult, commandOf, fail, succeed } from './command.ts';
import type { FlagTable, ParsedFlags } from './flags.ts';

const ANY = Number.POSITIVE_INFINITY;
const TIME: FlagTable = { time: { kind: 'text', letter: 't' } };

/** How long a container may take to end, in ns; `undefined` when nobody says. */
function graceOf(flags: ParsedFlags): number | undefined {
  const seconds = flags.text('time');
  return seconds === '' ? undefined : Number(seconds) * SECOND_NS;
}

/** Does something to each container that is named, and prints the names of those that took it. */
function forEach(
  names: readonly string[],
  action: (name: string) => Refusal | undefined,
): CommandResult {
  return resultOf(names.map((name) => [name, action(name)] as const));
}

/** The same with what may take its time. */
function* forEachInTurn(
  names: readonly string[],
  action: (name: string, resume: OnDone) => void,
): Steps<CommandResult> {
  const outcomes: (readonly [string, Refusal | undefined])[] = [];
  for (const name of names) {
    outcomes.push([name, yield* answerOf<Refusal | undefined>((resume) => action(name, resume))]);
  }
  return resultOf(outcomes);
}

function resultOf(outcomes: readonly (readonly [string, Refusal | undefined])[]): CommandResult {
  let stdout = '';
  let stderr = '';
  for (const [name, refusal] of outcomes) {
    if (refusal === undefined) stdout += `${name}\n`;
    else stderr += `Error response from daemon: ${refusal.message}\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

/** `docker start` says once more at its end which containers did not start. */
function* start(daemon: Daemon, names: readonly string[]): Steps<CommandResult> {
  const refused: string[] = [];
  const result = yield* forEachInTurn(names, (name, resume) =>
    daemon.start(name, (refusal) => {
      if (refusal !== undefined) refused.push(name);
      resume(refusal);
    }),
  );
  if (refused.length === 0) return result;
  const summary = `Error: failed to start containers: ${refused.join(', ')}\n`;
  return { ...result, stderr: result.stderr + summary };
}

function inspect(daemon: Daemon, names: readonly string[]): CommandResult {
  const found = [];
  let stderr = '';
  for (const name of names) {
    const container = daemon.find(name);
    const network = container === undefined ? daemon.host.networks.find(name) : undefined;
    if (container !== undefined) found.push(containerJson(container, daemon));
    else if (network !== undefined) found.push(networkJson(network, daemon.host.engine));
    else stderr += `Error: No such object: ${name}\n`;
  }
  return { stdout: jsonText(found), stderr, exitCode: stderr === '' ? 0 : 1 };
}

/** The commands. */
export const CONTAINER_COMMANDS: readonly Command[] = [
  commandOf(
    {
      name: 'ps',
      usage: '[OPTIONS]',
      description: 'List containers',
      flags: {
        all: { kind: 'switch', letter: 'a' },
        'no-trunc': { kind: 'switch' },
        quiet: { kind: 'switch', letter: 'q' },
      },
      words: [0, 0],
    },
    (daemon, flags) => {
      const hasAll = flags.has('all');
      const isWhole = flags.has('no-trunc');
      if (!flags.has('quiet')) return succeed(psText(daemon, { hasAll, isWhole }));
      const ids = shownContainers(daemon, hasAll).map(
        ({ id, shortId }) => `${isWhole ? id : shortId}\n`,
      );
      return succeed(ids.join(''));
    },
  ),
  commandOf(
    {
      name: 'port',
      usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
      description: 'List port mappings or a specific mapping for the container',
      flags: {},
      words: [1, 1],
    },
    (daemon, { words }) => {
      const container = daemon.find(words[0]!);
      if (container === undefined) return fail(1, `Error: No such container: ${words[0]}\n`);
      return succeed(portLinesText(container, daemon.host.engine));
    },
  ),
  commandOf(
    {
      name: 'inspect',
      usage: '[OPTIONS] NAME|ID [NAME|ID...]',
      description: 'Return low-level information on Docker objects',
      flags: {},
      words: [1, ANY],
    },
    (daemon, { words }) => inspect(daemon, words),
  ),
  commandOf(
    {
      name: 'start',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      description: 'Start one or more stopped containers',
      flags: {},
      words: [1, ANY],
    },
    (daemon, { words }) => start(daemon, words),
  ),
  commandOf(
    {
      name: 'stop',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      description: 'Stop one or more running containers',
      flags: TIME,
      words: [1, ANY],
    },
    (daemon, flags) => forEach(flags.words, (name) => daemon.stop(name, graceOf(flags))),
  ),
  commandOf(
    {
      name: 'restart',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      description: 'Restart one or more containers',
      flags: TIME,
      words: [1, ANY],
    },
    (daemon, flags) =>
      forEachInTurn(flags.words, (name, resume) => daemon.restart(name, graceOf(flags), resume)),
  ),
  commandOf(
    {
      name: 'kill',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      description: 'Kill one or more running containers',
      flags: {},
      words: [1, ANY],
    },
    (daemon, { words }) => forEach(words, (name) => daemon.kill(name)),
  ),
  commandOf(
    {
      name: 'pause',
      usage: 'CONTAINER [CONTAINER...]',
      description: 'Pause all processes within one or more containers',
      flags: {},
      words: [1, ANY],
    },
    (daemon, { words }) => forEach(words, (name) => daemon.pause(name)),
  ),
  commandOf(
    {
      name: 'unpause',
      usage: 'CONTAINER [CONTAINER...]',
      description: 'Unpause all processes within one or more containers',
      flags: {},
      words: [1, ANY],
    },
    (daemon, { words }) => forEach(words, (name) => daemon.unpause(name)),
  ),
  commandOf(
    {
      name: 'rm',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      description: 'Remove one or more containers',
      flags: { force: { kind: 'switch', letter: 'f' }, volumes: { kind: 'switch', letter: 'v' } },
      words: [1, ANY],
    },
    (daemon, flags) => forEach(flags.words, (name) => daemon.remove(name, flags.has('force'))),
  ),
];
