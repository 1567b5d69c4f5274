/**
 * `swarmlab show <what> <node> --at T FILE`: runs a scenario up to an instant and prints what the
 * tools on a node would print then.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { isWritingRequest } from '../../cluster/show/diagnostic-server.ts';
import {
  namespaceNamesOf,
  networkNamesOf,
  VIEW_NAMES,
  viewText,
} from '../../cluster/show/views.ts';
import { didYouMean } from '../../scenarios/language/issue.ts';
import { runScenario } from '../../scenarios/run/run-scenario.ts';
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

interface ShowFlags {
  readonly at: number;
  readonly seed?: string;
  readonly set: readonly string[];
  readonly namespace?: string;
  readonly network?: string;
  readonly json?: true;
  readonly plugin: readonly PluginFlag[];
}

const HELP = `
What can be shown: ${VIEW_NAMES.join(', ')}.
Without --namespace, every namespace of the node that has something is shown under its name.
A path is a request to the diagnostic server of the node's daemon: /help lists them.

Examples:
  $ swarmlab show iptables worker-1 --at 20s my.yaml
  $ swarmlab show ipvs manager-1 --at 20s --namespace ingress_sbox my.yaml
  $ swarmlab show networkdb-table worker-1 --at 20s --network ingress my.yaml
  $ swarmlab show '/networkstats?nid=…&json' worker-1 --at 20s my.yaml
  $ swarmlab show tasks worker-2 --at 1m my.yaml`;

/** Adds the command. */
export function addShow(program: Command): void {
  program
    .command('show')
    .description('print what the tools on a node would print at an instant')
    .argument('<what>', 'ip-addr, iptables, ipvs, bridge-fdb, members, tasks, …, or a request')
    .argument('<node>', 'a node of the scenario, such as worker-1')
    .argument('<file>', 'a scenario file')
    .requiredOption('--at <duration>', 'the virtual instant', parseInstant)
    .option('--seed <seed>', "the seed; default: the scenario's, or 1")
    .option('--set <key=value>', 'override a value of the scenario; repeatable', collect, [])
    .option('--namespace <name>', 'only this namespace: default, ingress_sbox, lb_…, 1-…')
    .option('--network <name>', "of NetworkDB's views only this network: ingress, <stack>_<name>")
    .option(PLUGIN_FLAG, PLUGIN_HELP, collectPlugin, [])
    .option('--json', "NetworkDB's views as its diagnostic server gives them with ?json")
    .addHelpText('after', HELP)
    .action((what: string, node: string, file: string, flags: ShowFlags) => {
      refuseUnknown(what);
      const loaded = loadOrFail(file, parseOverrides(flags.set));
      const { names } = loaded.nodes;
      if (!names.includes(node)) throw wrong(`unknown node '${node}'`, node, names);
      const onCluster = pluginAttacher(loaded, flags.plugin);
      const { cluster } = runScenario(loaded, { seed: flags.seed, untilNs: flags.at, onCluster });
      const machine = cluster.machines.find((m) => m.name === node)!;
      const networks = networkNamesOf(machine);
      if (flags.network !== undefined && !networks.includes(flags.network)) {
        throw wrong(`${node} has no network '${flags.network}'`, flags.network, networks);
      }
      const text = viewText(cluster, machine, what, flags.namespace, {
        network: flags.network,
        isJson: flags.json === true,
      });
      if (text === undefined) {
        const name = flags.namespace!;
        throw wrong(`${node} has no namespace '${name}'`, name, namespaceNamesOf(machine));
      }
      process.stdout.write(text);
    });
}

function refuseUnknown(what: string): void {
  if (!what.startsWith('/')) {
    if (!VIEW_NAMES.includes(what)) throw wrong(`cannot show '${what}'`, what, VIEW_NAMES);
  } else if (isWritingRequest(what)) {
    throw new CommandFailure(ExitStatus.wrongInput, `'${what}' would change the node\n`);
  }
}

function wrong(message: string, word: string, known: readonly string[]): CommandFailure {
  return new CommandFailure(
    ExitStatus.wrongInput,
    `${message}\n  hint: ${didYouMean(word, known)}`,
  );
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function parseInstant(text: string): number {
  const atNs = parseDuration(text);
  if (atNs === undefined || atNs <= 0) throw new InvalidArgumentError('such as 20s or 1m30s.');
  return atNs;
}
