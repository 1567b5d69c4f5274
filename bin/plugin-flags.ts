/**
 * `--plugin NAME=SOCKET` and `--plugin NAME@NODES=SOCKET`: real plugins for simulated hosts, on unix
 * sockets or at `tcp://HOST:PORT`.
 */
import { InvalidArgumentError } from 'commander';
import type { Cluster } from '../cluster/cluster.ts';
import { didYouMean } from '../scenarios/language/issue.ts';
import { selectNodes, selectorsOf } from '../scenarios/language/node-names.ts';
import type { LoadedScenario } from '../scenarios/load.ts';
import { CommandFailure, ExitStatus } from './exit-status.ts';
import type { PluginPlace } from './live/plugin-caller.ts';
import { RealPlugin } from './live/real-plugin.ts';

/** One plugin as it was asked for. */
export interface PluginFlag {
  readonly name: string;
  /** Where it is found; empty for everywhere. */
  readonly nodes: string;
  readonly place: PluginPlace;
}

/** What the flag is called in help texts. */
export const PLUGIN_FLAG = '--plugin <name[@nodes]=socket>';

/** What it does. */
export const PLUGIN_HELP =
  'a real plugin on a unix socket or at tcp://host:port, for docker on these nodes; repeatable';

/** Reads one flag, behind those that were there. */
export function collectPlugin(text: string, previous: readonly PluginFlag[]): PluginFlag[] {
  const match = /^([A-Za-z0-9][\w.-]*)(?:@([^=]+))?=(.+)$/.exec(text);
  if (match === null)
    throw new InvalidArgumentError('such as acme=/run/acme.sock or acme=tcp://127.0.0.1:9000.');
  const [, name = '', nodes = '', path = ''] = match;
  return [...previous, { name, nodes, place: placeOf(path) }];
}

function placeOf(text: string): PluginPlace {
  const address = /^tcp:\/\/(.+):(\d+)$/.exec(text);
  if (address === null) return { socketPath: text.replace(/^unix:\/\//, '') };
  return { host: address[1]!.replace(/^\[|\]$/g, ''), port: Number(address[2]) };
}

/** Puts plugins on the nodes of a scenario; for `RunOptions.onCluster`. */
export function pluginAttacher(
  loaded: LoadedScenario,
  flags: readonly PluginFlag[],
): (cluster: Cluster) => void {
  const wanted = flags.map(({ nodes, ...flag }) => {
    const selector = nodes === '' ? 'all' : nodes;
    const indexes = selectNodes(loaded.nodes, selector);
    if (indexes !== undefined) return { ...flag, indexes };
    const hint = didYouMean(selector, selectorsOf(loaded.nodes));
    throw new CommandFailure(ExitStatus.wrongInput, `unknown node '${selector}'\n  hint: ${hint}`);
  });
  return (cluster) => {
    for (const { name, indexes, place } of wanted) {
      const plugin = new RealPlugin(place, ({ method }) =>
        process.stderr.write(`warning: plugin ${name} does not answer ${method}\n`),
      );
      cluster.plugins.attach(name, indexes, plugin);
    }
  };
}
