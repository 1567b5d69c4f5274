/**
 * `swarmlab run FILE…`: runs scenarios and reports what came of them.
 */
import { mkdirSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { formatTerminalReport } from '../../scenarios/report/terminal.ts';
import type { RunResult } from '../../scenarios/result.ts';
import { runScenario } from '../../scenarios/run/run-scenario.ts';
import { parseDuration } from '../../sim/time.ts';
import { Captures } from '../captures.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { loadOrFail, parseOverrides } from '../load-files.ts';
import { Progress, stdoutHasColour, writeDocument } from '../terminal.ts';
import { TraceFile } from '../trace-file.ts';

interface RunFlags {
  readonly seed?: string;
  readonly set: readonly string[];
  readonly json?: string;
  readonly pcap?: string;
  readonly trace?: string;
  readonly until?: number;
  readonly shortcuts: boolean;
  readonly checkDeterminism?: boolean;
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
    .option('--trace <file>', 'write every observation to a file')
    .option('--until <duration>', 'end at this virtual instant', parseSpan)
    .option('--no-shortcuts', 'execute every step literally')
    .option('--check-determinism', 'run twice and compare the digests')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], flags: RunFlags) => {
      let failedCount = 0;
      for (const file of files) if (!runFile(file, flags)) failedCount++;
      if (failedCount > 0) throw new CommandFailure(ExitStatus.notMet, '');
    });
}

function runFile(file: string, flags: RunFlags): boolean {
  const loaded = loadOrFail(file, parseOverrides(flags.set));
  const captures = flags.pcap === undefined ? undefined : new Captures();
  const trace = flags.trace === undefined ? undefined : new TraceFile();
  const replay = replayLine(file, flags, flags.seed ?? loaded.scenario.seed ?? '1');
  const options = {
    seed: flags.seed,
    shortcuts: flags.shortcuts,
    untilNs: flags.until,
  };
  const progress = new Progress(loaded.scenario.name);
  let result: RunResult;
  try {
    const run = runScenario(loaded, {
      ...options,
      onProgress: (ratio) => progress.update(ratio),
      onCluster: (cluster) => {
        captures?.attach(cluster);
        trace?.attach(cluster);
      },
    });
    result = run.result;
    if (flags.checkDeterminism === true) {
      const again = runScenario(loaded, options).result;
      if (again.digest !== result.digest) {
        const message = `two runs of seed ${result.seed} differ: ${result.digest}, ${again.digest}\n  replay: ${replay}`;
        throw new CommandFailure(ExitStatus.nondeterministic, message);
      }
    }
  } catch (error) {
    progress.done();
    if (!(error instanceof CommandFailure)) process.stderr.write(`replay: ${replay}\n`);
    throw error;
  }
  progress.done();
  if (captures !== undefined) {
    mkdirSync(flags.pcap!, { recursive: true });
    captures.write(flags.pcap!);
  }
  if (trace !== undefined) writeDocument(flags.trace!, trace.text);
  if (flags.json !== undefined)
    writeDocument(flags.json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (flags.json !== '-') {
    process.stdout.write(formatTerminalReport(result, { hasColour: stdoutHasColour(), replay }));
  }
  return result.verdict === 'passed';
}

/** The line that runs the same again. */
function replayLine(file: string, flags: RunFlags, seed: string): string {
  const settings = flags.set.map((setting) => ` --set ${setting}`).join('');
  const literal = flags.shortcuts ? '' : ' --no-shortcuts';
  return `swarmlab run ${file} --seed ${seed}${settings}${literal}`;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function parseSpan(text: string): number {
  const spanNs = parseDuration(text);
  if (spanNs === undefined || spanNs <= 0) throw new InvalidArgumentError('such as 40s or 2m.');
  return spanNs;
}
