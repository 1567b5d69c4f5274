/**
 * `swarmlab gossip tune`: the settings of memberlist that meet goals of detection and of false
 * positives with the lowest load.
 */
import type { Command } from 'commander';
import { ratio, span, spanRange } from '../../scenarios/language/quantities.ts';
import type { Goals } from '../../sweep/gossip/tune/goals.ts';
import { type TuneInit, tune } from '../../sweep/gossip/tune/search.ts';
import { formatTuneJson, formatTuneReport } from '../../sweep/gossip/tune/tune-report.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { collect, configOf, configText } from '../gossip-config.ts';
import { countOf, poolOf, profileNames, quantityOf } from '../gossip-flags.ts';
import {
  Progress,
  stdoutHasColour,
  stdoutHasUnicode,
  stdoutWidthColumns,
  writeDocument,
} from '../terminal.ts';

const EXAMPLES = `
A trial watches the cluster for a minute and then kills up to four members, one after the other.
Goals are met or missed with 95 % confidence: few false positives take many trials to be sure of.

Examples:
  $ swarmlab gossip tune --members 100 --detect-within 15s --false-positives-per-hour 6 --loss 5%
  $ swarmlab gossip tune --members 1000 --detect-within 30s --detected-by first --budget 1000
  $ swarmlab gossip tune --members 50 --detect-within 5s --json - | jq .recommended.settings`;

const MEMBERS_MIN = 5;
const MEMBERS_MAX = 1_000_000;
const BUDGET_MIN = 80;
const BUDGET_MAX = 1_000_000;

interface Flags {
  readonly members: string;
  readonly detectWithin: string;
  readonly percentile: string;
  readonly detectedBy: string;
  readonly falsePositivesPerHour: string;
  readonly loss: string;
  readonly latency: string;
  readonly profile: string;
  readonly set: readonly string[];
  readonly seed: string;
  readonly budget: string;
  readonly jobs?: string;
  readonly json?: string;
  readonly ascii?: boolean;
}

/** Adds the subcommand. */
export function addGossipTune(gossip: Command): void {
  gossip
    .command('tune')
    .description('find the settings that meet goals with the lowest load')
    .option('--members <count>', 'how many members', '100')
    .requiredOption('--detect-within <duration>', 'how soon a killed member is known as dead')
    .option('--percentile <percent>', 'in which share of the kills', '95%')
    .option('--detected-by <who>', 'when all know, or when the first does', 'all')
    .option('--false-positives-per-hour <count>', 'running members called dead, at most', '10')
    .option('--loss <ratio>', 'share of packets that are lost, such as 5%', '0')
    .option('--latency <range>', 'one-way delay between members', '200us..800us')
    .option('--profile <name>', `configuration to begin with: ${profileNames()}`, 'lan')
    .option('--set <name=value>', 'override one of its tunables', collect, [])
    .option('--seed <seed>', 'the seed', '1')
    .option('--budget <trials>', 'how many trials there may be', '400')
    .option('-j, --jobs <count>', 'how many at once (default: one per core)')
    .option('--json <file>', 'write the result as JSON; - for stdout, instead of the report')
    .option('--ascii', 'draw without Unicode (default: by the locale)')
    .addHelpText('after', EXAMPLES)
    .action(runTune);
}

async function runTune(flags: Flags): Promise<void> {
  const init = tuneInitOf(flags);
  const progress = new Progress('trials');
  const pool = poolOf(flags.jobs, init.budget);
  try {
    const result = await tune(init, pool, (spent, what) => progress.update(spent, what));
    progress.done();
    const profile = configText(flags.profile, flags.set);
    if (flags.json !== undefined) writeDocument(flags.json, formatTuneJson(init, result, profile));
    if (flags.json !== '-') {
      const report = formatTuneReport(init, result, {
        hasColour: stdoutHasColour(),
        isAscii: flags.ascii === true || !stdoutHasUnicode(),
        widthColumns: stdoutWidthColumns(),
        profile,
        profileName: flags.profile,
        settings: flags.set,
        replay: replayOf(flags),
      });
      process.stdout.write(report);
    }
    if (result.recommended === undefined) {
      throw new CommandFailure(ExitStatus.notMet, 'no setting that was tried meets the goals');
    }
  } finally {
    progress.done();
    await pool.close();
  }
}

function tuneInitOf(flags: Flags): TuneInit {
  const latency = quantityOf('--latency', spanRange, flags.latency);
  return {
    cluster: {
      seed: flags.seed,
      memberCount: countOf('--members', flags.members, MEMBERS_MIN, MEMBERS_MAX),
      config: configOf(flags.profile, flags.set),
      latencyNsMin: latency.minNs,
      latencyNsMax: latency.maxNs,
      lossRatio: quantityOf('--loss', ratio, flags.loss),
    },
    goals: goalsOf(flags),
    budget: countOf('--budget', flags.budget, BUDGET_MIN, BUDGET_MAX),
  };
}

function goalsOf(flags: Flags): Goals {
  const { detectedBy } = flags;
  if (detectedBy !== 'all' && detectedBy !== 'first') {
    throw new CommandFailure(
      ExitStatus.wrongInput,
      `--detected-by wants all or first, not '${detectedBy}'`,
    );
  }
  const detectWithinNs = quantityOf('--detect-within', span, flags.detectWithin);
  const quantile = quantityOf('--percentile', ratio, flags.percentile);
  const falsePositivesPerHour = Number(flags.falsePositivesPerHour);
  if (detectWithinNs <= 0) {
    throw new CommandFailure(
      ExitStatus.wrongInput,
      '--detect-within wants more than no time at all',
    );
  }
  if (quantile <= 0 || quantile >= 1) {
    const message = `--percentile wants more than 0 and less than 100%, not '${flags.percentile}'`;
    throw new CommandFailure(ExitStatus.wrongInput, message);
  }
  if (!(falsePositivesPerHour > 0)) {
    const message = '--false-positives-per-hour wants a number above 0';
    const hint = 'no number of trials shows that something never happens';
    throw new CommandFailure(ExitStatus.wrongInput, `${message}\n  hint: ${hint}`);
  }
  return { detectWithinNs, quantile, detectedBy, falsePositivesPerHour };
}

/** The command again, with every flag that decides the result. */
function replayOf(flags: Flags): string {
  const words = [
    'swarmlab gossip tune',
    `--members ${flags.members}`,
    `--detect-within ${flags.detectWithin}`,
    `--percentile ${flags.percentile}`,
    `--detected-by ${flags.detectedBy}`,
    `--false-positives-per-hour ${flags.falsePositivesPerHour}`,
    `--loss ${flags.loss} --latency ${flags.latency} --profile ${flags.profile}`,
    ...flags.set.map((setting) => `--set ${setting}`),
    `--seed ${flags.seed} --budget ${flags.budget}`,
  ];
  return words.join(' ');
}
