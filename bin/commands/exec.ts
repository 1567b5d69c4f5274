/**
 * `swarmlab exec FILE NODE [CONTAINER] --at T -- TOOL …`: plays a scenario up to an instant and runs
 * a tool on a node or in a container of it, in virtual time.
 */
import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { TOOL_NAMES } from '../../node/tools/launch.ts';
import { didYouMean } from '../../scenarios/language/issue.ts';
import { execAt } from '../../scenarios/run/exec-at.ts';
import { parseDuration } from '../../sim/time.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { loadOrFail, parseOverrides } from '../load-files.ts';
import {
  collectPlugin,
  PLUGIN_FLAG,
  PLUGIN_HELP,
  type PluginFlag,
  pluginAttacher,
} from '../plugin-flags.ts';

interface ExecFlags {
  readonly at?: number;
  readonly for?: number;
  readonly seed?: string;
  readonly set: readonly string[];
  readonly netns?: string;
  readonly plugin: readonly PluginFlag[];
}

/** How long a tool may run, in ns, unless somebody says otherwise. */
const LIMIT_NS = 60_000_000_000;

const HELP = `
The node is one of the scenario's, outside, or a service, which means the first of its containers.
A container is named by its service (vote), with its number (vote.2), or by its id.

Tools: ${TOOL_NAMES.join(', ')}.
They take the options of the real ones and print what those print. What they change (ip, bridge,
iptables, ipvsadm, conntrack, sysctl) is changed in the simulated kernel: sh -c 'a; b && c & d' does
several things one after the other, and a scenario's timeline runs tools as steps.

Examples:
  $ swarmlab exec my.yaml worker-1 vote --at 35s -- ping -c 3 redis
  $ swarmlab exec my.yaml outside --at 35s -- curl -v http://manager-1:5000/
  $ swarmlab exec my.yaml vote --at 35s -- dig tasks.redis
  $ swarmlab exec my.yaml worker-1 --netns ingress_sbox --at 35s -- ipvsadm -Ln
  $ swarmlab exec my.yaml worker-1 --at 35s -- nsenter --net=/var/run/docker/netns/ingress_sbox ss -tn
  $ swarmlab exec my.yaml worker-1 --at 35s -- sh -c 'ip link set eth0 mtu 1400; ip link show eth0'

Exit status: that of the tool; 127 when there is no such tool, 2 for a wrong scenario, flag or place.`;

/** Adds the command. */
export function addExec(program: Command): void {
  program
    .command('exec')
    .description('run a tool on a node or in a container at an instant: ping, curl, dig, ip, …')
    .argument('<file>', 'a scenario file')
    .argument('<node>', 'a node, outside, or a service')
    .argument('[words...]', 'a container of the node; behind --, the tool and its arguments')
    .usage('[options] <file> <node> [container] -- <tool> [arguments]')
    .option('--at <duration>', "the virtual instant; default: the scenario's end", parseSpan)
    .option('--for <duration>', 'how long it may run before Ctrl-C; default: 1m', parseSpan)
    .option('--netns <name>', 'in this namespace of the node: ingress_sbox, lb_…, 1-…')
    .option('--seed <seed>', "the seed; default: the scenario's, or 1")
    .option('--set <key=value>', 'override a value of the scenario; repeatable', collect, [])
    .option(PLUGIN_FLAG, PLUGIN_HELP, collectPlugin, [])
    .addHelpText('after', HELP)
    .action((file: string, on: string, words: string[], flags: ExecFlags) => {
      exec([file, on, ...words], behindDashes(), flags);
    });
}

/** The words behind `--`; commander passes them on among the others. */
function behindDashes(): readonly string[] {
  const dashes = process.argv.indexOf('--');
  return dashes < 0 ? [] : process.argv.slice(dashes + 1);
}

function exec(words: readonly string[], tool: readonly string[], flags: ExecFlags): void {
  const [file = '', on = '', container, ...more] = words.slice(0, words.length - tool.length);
  if (tool.length === 0 || on === '' || more.length > 0) {
    const message = 'expected: swarmlab exec <file> <node> [container] -- <tool> [arguments]';
    throw new CommandFailure(ExitStatus.wrongInput, message);
  }
  const name = tool[0]!.slice(tool[0]!.lastIndexOf('/') + 1);
  if (!TOOL_NAMES.includes(name)) {
    throw new CommandFailure(
      127,
      `there is no tool '${name}'\n  hint: ${didYouMean(name, TOOL_NAMES)}`,
    );
  }
  const loaded = loadOrFail(file, parseOverrides(flags.set));
  const { at: atNs = loaded.scenario.until, for: limitNs = LIMIT_NS, netns, seed } = flags;
  const request = { where: { on, container, netns }, argv: tool, atNs, limitNs };
  const status = execAt(
    loaded,
    request,
    { seed, onCluster: pluginAttacher(loaded, flags.plugin) },
    {
      onOutput: (text, stream) => void process[stream].write(text),
      onFile: (path, bytes) => writeFileSync(path, bytes),
    },
  );
  if (typeof status !== 'number') {
    const { error, word, known } = status;
    const hint = known.length === 0 ? '' : `\n  hint: ${didYouMean(word, known)}`;
    throw new CommandFailure(ExitStatus.wrongInput, error + hint);
  }
  if (status !== 0) throw new CommandFailure(status, '');
}

function parseSpan(text: string): number {
  const spanNs = parseDuration(text);
  if (spanNs === undefined || spanNs <= 0) throw new InvalidArgumentError('such as 20s or 1m30s.');
  return spanNs;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
