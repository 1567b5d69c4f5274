/**
 * `swarmlab sweep FILE --seeds 1..200`: one scenario with many seeds, on all cores, and what came of
 * it usually and at worst.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { inlineExecutor, threadsExecutor } from '../../sweep/executors.ts';
import type { Job } from '../../sweep/job.ts';
import { formatSweepReport } from '../../sweep/report.ts';
import { parseSeeds } from '../../sweep/seeds.ts';
import { sweep } from '../../sweep/sweep.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { loadOrFail, parseOverrides } from '../load-files.ts';
import { replayLine } from '../replay-line.ts';
import { Progress, stdoutHasColour, writeDocument } from '../terminal.ts';

const EXAMPLES = `
Examples:
  $ swarmlab sweep scenarios/library/voting-app-worker-crash.yaml --seeds 1..200
  $ swarmlab sweep my.yaml --seeds 1..50 -j 4 --set cluster.workers=8 --json sweep.json`;

const DEFAULT_WIDTH_COLUMNS = 80;

interface SweepOptions {
  readonly seeds: string;
  readonly jobs?: string;
  readonly set: readonly string[];
  readonly json?: string;
  readonly shortcuts: boolean;
  readonly inline?: boolean;
}

/** Adds the command. */
export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('run a scenario with many seeds and show the distribution of every measure')
    .argument('<file>', 'a scenario file')
    .option('--seeds <list>', 'which seeds: 1..200, 7, or 1,5,9..12', '1..20')
    .option('-j, --jobs <count>', 'how many at once (default: one per core)')
    .option('--set <key=value>', 'override a value of the scenario', collect, [])
    .option('--json <file>', 'write the result as JSON; - for stdout, instead of the report')
    .option('--no-shortcuts', 'execute literally what shortcuts would skip')
    .option('--inline', 'one after the other, without worker threads')
    .addHelpText('after', EXAMPLES)
    .action(runSweep);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

async function runSweep(file: string, options: SweepOptions): Promise<void> {
  const seeds = parseSeeds(options.seeds);
  if (!Array.isArray(seeds)) throw new CommandFailure(ExitStatus.wrongInput, seeds.error);
  const jobCount = jobCountOf(options.jobs);
  const settings = parseOverrides(options.set);
  loadOrFail(file, settings);
  const { shortcuts } = options;
  const jobs = seeds.map((seed): Job => ({ file, seed, settings: [...settings], shortcuts }));
  const isInline = options.inline === true || jobCount === 1;
  const progress = new Progress('sweep');
  const result = await sweep(
    jobs,
    isInline ? inlineExecutor : threadsExecutor(jobCount),
    (endedCount, failedCount) => {
      const failed = failedCount === 0 ? '' : `, ${failedCount} failed`;
      progress.update(endedCount / jobs.length, `${endedCount}/${jobs.length}${failed}`);
    },
  );
  progress.done();
  const replayOf = (seed: string): string => replayLine({ file, seed, settings, shortcuts });
  if (options.json !== undefined) {
    writeDocument(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
  if (options.json !== '-') {
    const widthColumns = process.stdout.columns ?? DEFAULT_WIDTH_COLUMNS;
    const hasColour = stdoutHasColour();
    process.stdout.write(formatSweepReport(result, { hasColour, widthColumns, replayOf }));
  }
  const firstBad = result.badSeeds[0];
  if (firstBad === undefined) return;
  const count = `${result.badSeeds.length} of ${jobs.length} seeds`;
  const message = `${count} missed an expectation or crashed; the first again:\n  ${replayOf(firstBad)}`;
  throw new CommandFailure(ExitStatus.notMet, message);
}

function jobCountOf(text: string | undefined): number {
  if (text === undefined) return availableParallelism();
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1024) return count;
  throw new CommandFailure(ExitStatus.wrongInput, `-j wants a number from 1 on, not '${text}'`);
}
