/**
 * `swarmlab explain request|connection|packet`: follows one request, a connection or a probe over all
 * hosts, and says where it went wrong.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { explainProbe } from '../../scenarios/explain/explain-probe.ts';
import {
  explainConnection,
  explainRequest,
  type RequestSelector,
} from '../../scenarios/explain/explain-request.ts';
import type { Explanation } from '../../scenarios/explain/explanation.ts';
import { didYouMean } from '../../scenarios/language/issue.ts';
import type { LoadedScenario } from '../../scenarios/load.ts';
import { formatExplanation, formatWhyNot } from '../../scenarios/report/explanation.ts';
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
import { type ProbeTarget, probeTargetOf } from '../probe-target.ts';
import { Progress, stdoutHasColour, writeDocument } from '../terminal.ts';

interface ExplainFlags {
  readonly seed?: string;
  readonly set: readonly string[];
  readonly json?: string;
  readonly all?: boolean;
  readonly whyNot?: boolean;
}

interface PacketFlags extends ExplainFlags {
  readonly from: string;
  readonly to: ProbeTarget;
  readonly at: number;
  readonly ipv6?: boolean;
  readonly plugin: readonly PluginFlag[];
}

const REQUEST_EXAMPLES = `
Examples:
  $ swarmlab explain request votes first-failed scenarios/library/voting-app-worker-crash.yaml
  $ swarmlab explain request votes 17 my.yaml --all`;

const CONNECTION_EXAMPLES = `
Examples:
  $ swarmlab explain connection pool first-failed my.yaml
  $ swarmlab explain connection stream 1 my.yaml --all`;

const PACKET_EXAMPLES = `
Examples:
  $ swarmlab explain packet --from outside --to manager-1:5000 --at 20s my.yaml
  $ swarmlab explain packet --from vote --to redis:6379 --at 31s my.yaml
  $ swarmlab explain packet --from worker-1 --to 192.168.56.101 --at 20s my.yaml
  $ swarmlab explain packet --from worker-1/web --to worker-2/db --at 30s my.yaml
  $ swarmlab explain packet --from worker-1/web --to '[fd00:1::2]:80' --at 30s my.yaml`;

/** Adds the command. */
export function addExplain(program: Command): void {
  const explain = program
    .command('explain')
    .description('follow a request or a packet over all hosts and say where it went wrong');
  withCommonOptions(explain.command('request'))
    .description("follow a request of a scenario's traffic")
    .argument('<traffic>', "the traffic's name")
    .argument(
      '<which>',
      'its number from 1 on, first-failed (failed) or last-failed',
      parseSelector,
    )
    .argument('<file>', 'a scenario file')
    .addHelpText('after', REQUEST_EXAMPLES)
    .action((traffic: string, which: RequestSelector, file: string, flags: ExplainFlags) => {
      const loaded = loadOrFail(file, parseOverrides(flags.set));
      const names = loaded.scenario.traffic.map(({ name }) => name);
      requireOneOf('traffic', traffic, names);
      print(flags, loaded, (options) => explainRequest(loaded, traffic, which, options));
    });
  withCommonOptions(explain.command('connection'))
    .description('follow a connection of the traffic with all the requests that it carried')
    .argument('<traffic>', "the traffic's name")
    .argument('<which>', 'its number from 1 on, or first-failed, last-failed', parseSelector)
    .argument('<file>', 'a scenario file')
    .addHelpText('after', CONNECTION_EXAMPLES)
    .action((traffic: string, which: RequestSelector, file: string, flags: ExplainFlags) => {
      const loaded = loadOrFail(file, parseOverrides(flags.set));
      requireOneOf(
        'traffic',
        traffic,
        loaded.scenario.traffic.map(({ name }) => name),
      );
      print(flags, loaded, (options) => explainConnection(loaded, traffic, which, options));
    });
  withCommonOptions(explain.command('packet'))
    .description('send a probe at an instant and follow it and its answer')
    .argument('<file>', 'a scenario file')
    .requiredOption('--from <place>', 'outside, a node, a service, or worker-1/web')
    .requiredOption('--to <target>', 'host:port for a TCP SYN, host for a ping', parseTarget)
    .requiredOption('--at <duration>', 'the virtual instant', parseInstant)
    .option('-6, --ipv6', 'to the IPv6 address of a container or a name')
    .option(PLUGIN_FLAG, PLUGIN_HELP, collectPlugin, [])
    .addHelpText('after', PACKET_EXAMPLES)
    .action((file: string, { from, to, at, ipv6, plugin, ...flags }: PacketFlags) => {
      const loaded = loadOrFail(file, parseOverrides(flags.set));
      const services = Object.keys(loaded.stack?.services ?? {});
      const [place = ''] = from.split('/');
      requireOneOf('place', place, ['outside', ...loaded.nodes.names, ...services]);
      const family = ipv6 === true ? 'ipv6' : 'ipv4';
      const probe = { from, ...to, atNs: at, family } as const;
      const attached = plugin.length === 0 ? {} : { onCluster: pluginAttacher(loaded, plugin) };
      print(flags, loaded, (options) => explainProbe(loaded, probe, { ...options, ...attached }));
    });
  for (const command of explain.commands) command.exitOverride();
}

function withCommonOptions(command: Command): Command {
  return command
    .option('--seed <seed>', "the seed; default: the scenario's, or 1")
    .option('--set <key=value>', 'override a value of the scenario; repeatable', collect, [])
    .option('--why-not', 'only where it first went wrong, and what would mend it')
    .option('--all', 'every step of every packet, nothing folded')
    .option('--json <file>', 'write the explanation as JSON to a file, or to stdout for -');
}

interface Options {
  readonly seed?: string | undefined;
  readonly onProgress: (ratio: number) => void;
}

function print(
  flags: ExplainFlags,
  loaded: LoadedScenario,
  explain: (options: Options) => Explanation | string,
): void {
  const progress = new Progress(loaded.scenario.name);
  const onProgress = (ratio: number) => progress.update(ratio);
  let explanation: Explanation | string;
  try {
    explanation = explain({ seed: flags.seed, onProgress });
  } finally {
    progress.done();
  }
  if (typeof explanation === 'string') throw new CommandFailure(ExitStatus.wrongInput, explanation);
  if (flags.json !== undefined) {
    writeDocument(flags.json, `${JSON.stringify(explanation, undefined, 2)}\n`);
    if (flags.json === '-') return;
  }
  if (flags.whyNot === true) {
    process.stdout.write(formatWhyNot(explanation, stdoutHasColour()));
    return;
  }
  const options = { hasColour: stdoutHasColour(), isWhole: flags.all === true };
  process.stdout.write(formatExplanation(explanation, options));
}

function requireOneOf(what: string, word: string, known: readonly string[]): void {
  if (known.includes(word)) return;
  const hint = known.length === 0 ? 'the scenario has none' : didYouMean(word, known);
  throw new CommandFailure(ExitStatus.wrongInput, `unknown ${what} '${word}'\n  hint: ${hint}`);
}

function parseSelector(text: string): RequestSelector {
  if (text === 'failed') return 'first-failed';
  if (text === 'first-failed' || text === 'last-failed') return text;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('a number from 1 on, first-failed or last-failed.');
}

function parseTarget(text: string): ProbeTarget {
  const target = probeTargetOf(text);
  if (target !== undefined) return target;
  throw new InvalidArgumentError('such as manager-1:5000, 10.0.1.5 or [fd00::5]:80.');
}

function parseInstant(text: string): number {
  const atNs = parseDuration(text);
  if (atNs === undefined || atNs <= 0) throw new InvalidArgumentError('such as 20s or 1m30s.');
  return atNs;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
