/**
 * `swarmlab run FILE…`: runs scenarios and reports what came of them.
 */
import { mkdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { LoadedScenario } from '../../scenarios/load.ts';
import { formatJsonReport } from '../../scenarios/report/json.ts';
import { formatJunitReport } from '../../scenarios/report/junit.ts';
import { formatTerminalReport } from '../../scenarios/report/terminal.ts';
import type { RunResult } from '../../scenarios/result.ts';
import { DEFAULT_SEED, type RunOptions, runScenario } from '../../scenarios/run/run-scenario.ts';
import { parseDuration } from '../../sim/time.ts';
import { Captures } from '../captures.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { loadOrFail, parseOverrides } from '../load-files.ts';
import {
  collectPlugin,
  PLUGIN_FLAG,
  PLUGIN_HELP,
  type PluginFlag,
  pluginAttacher,
} from '../plugin-flags.ts';
import { replayLine } from '../replay-line.ts';
import { Progress, stdoutHasColour, writeDocument } from '../terminal.ts';
import { TraceFile } from '../trace-file.ts';

interface RunFlags {
  readonly seed?: string;
  readonly set: readonly string[];
  readonly json?: string;
  readonly junit?: string;
  readonly pcap?: string;
  readonly pcapClear?: boolean;
  readonly trace?: string;
  readonly until?: number;
  readonly shortcuts: boolean;
  readonly checkDeterminism?: boolean;
  readonly plugin: readonly PluginFlag[];
}

const EXAMPLES = `
Examples:
  $ swarmlab run scenarios/library/voting-app-worker-crash.yaml
  $ swarmlab run my.yaml --seed 7 --set cluster.workers=8
  $ swarmlab run my.yaml --json - | jq .measures
  $ swarmlab run my.yaml --pcap captures/ --until 40s`;

/** Adds the command. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run scenarios and say what came of them')
    .argument('<file...>', 'scenario files')
    .option('--seed <seed>', "the seed; default: the scenario's, or 1")
    .option('--set <key=value>', 'override a value of the scenario; repeatable', collect, [])
    .option('--json <file>', 'write the result as JSON to a file, or to stdout for -')
    .option('--pcap <dir>', 'write a pcapng capture per node into a directory')
    .option('--pcap-clear', 'write the gossip in captures in the clear')
    .option('--trace <file>', 'write every observation to a file')
    .option('--until <duration>', 'end at this virtual instant', parseSpan)
    .option('--no-shortcuts', 'execute every step literally')
    .option('--check-determinism', 'run twice and compare the digests')
    .option(PLUGIN_FLAG, PLUGIN_HELP, collectPlugin, [])
    .addHelpText('after', EXAMPLES)
    .option('--junit <file>', 'write the expectations as JUnit XML to a file, or to stdout for -')
    .action((files: string[], flags: RunFlags) => {
      if (flags.plugin.length > 0 && flags.checkDeterminism === true) {
        const why = 'what a real plugin says is not decided by the seed';
        throw new CommandFailure(ExitStatus.wrongInput, `--plugin, --check-determinism: ${why}`);
      }
      const results = files.map((file) => runFile(file, flags, files.length > 1));
      if (flags.json !== undefined) writeDocument(flags.json, jsonOf(results));
      if (flags.junit !== undefined) writeDocument(flags.junit, formatJunitReport(results));
      if (results.some((result) => result.verdict === 'failed')) {
        throw new CommandFailure(ExitStatus.notMet, '');
      }
    });
}

/** Runs one file, reports on the terminal and writes captures and trace. */
function runFile(file: string, flags: RunFlags, isOneOfMany: boolean): RunResult {
  const settings = parseOverrides(flags.set);
  const loaded = loadOrFail(file, settings);
  const seed = flags.seed ?? loaded.scenario.seed ?? DEFAULT_SEED;
  const replay = replayLine({ file, seed, settings, shortcuts: flags.shortcuts });
  const attachPlugins = pluginAttacher(loaded, flags.plugin);
  const isClear = flags.pcapClear === true;
  const captures = flags.pcap === undefined ? undefined : new Captures({ isClear });
  const trace = flags.trace === undefined ? undefined : new TraceFile();
  const progress = new Progress(loaded.scenario.name);
  let result: RunResult;
  try {
    result = runTwiceIfAsked(loaded, flags, replay, {
      onProgress: (ratio) => progress.update(ratio),
      onCluster: (cluster) => {
        attachPlugins(cluster);
        captures?.attach(cluster);
        trace?.attach(cluster);
      },
    });
  } catch (error) {
    progress.done();
    if (!(error instanceof CommandFailure)) process.stderr.write(`replay: ${replay}\n`);
    throw error;
  }
  progress.done();
  if (captures !== undefined) {
    const directory = isOneOfMany ? join(flags.pcap!, basename(file, extname(file))) : flags.pcap!;
    mkdirSync(directory, { recursive: true });
    captures.write(directory);
  }
  if (trace !== undefined) writeDocument(flags.trace!, trace.text);
  if (![flags.json, flags.junit, flags.trace].includes('-')) {
    const hasColour = stdoutHasColour();
    process.stdout.write(formatTerminalReport(result, { hasColour, replay }));
  }
  return result;
}

/** Runs a scenario, and with `--check-determinism` again without anybody watching. */
function runTwiceIfAsked(
  loaded: LoadedScenario,
  flags: RunFlags,
  replay: string,
  watchers: Pick<RunOptions, 'onProgress' | 'onCluster'>,
): RunResult {
  const options = { seed: flags.seed, shortcuts: flags.shortcuts, untilNs: flags.until };
  const { result } = runScenario(loaded, { ...options, ...watchers });
  if (flags.checkDeterminism !== true) return result;
  const again = runScenario(loaded, options).result;
  if (again.digest === result.digest) return result;
  const difference = `two runs of seed ${result.seed} differ: ${result.digest}, ${again.digest}`;
  throw new CommandFailure(ExitStatus.nondeterministic, `${difference}\n  replay: ${replay}`);
}

/** One document for one run, an array of them for several. */
function jsonOf(results: readonly RunResult[]): string {
  const documents = results.map((result) => formatJsonReport(result));
  return documents.length === 1 ? documents[0]! : `[\n${documents.join(',')}]\n`;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function parseSpan(text: string): number {
  const spanNs = parseDuration(text);
  if (spanNs === undefined || spanNs <= 0) throw new InvalidArgumentError('such as 40s or 2m.');
  return spanNs;
}
