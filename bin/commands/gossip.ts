/**
 * `swarmlab gossip …`: membership alone, without a cluster around it. `simulate` measures a kill
 * among any number of members, `serve` lets real programs join simulated ones.
 */
import type { Command } from 'commander';
import { type KillInit, simulateKill } from '../../scenarios/gossip/kill-experiment.ts';
import { formatKillJson, formatKillReport } from '../../scenarios/gossip/kill-report.ts';
import { ratio, span, spanRange } from '../../scenarios/language/quantities.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { countOf, profileNames, profileOf, quantityOf } from '../gossip-flags.ts';
import { Progress, stdoutHasColour, writeDocument } from '../terminal.ts';
import { addGossipServe } from './gossip-serve.ts';

const SIMULATE_EXAMPLES = `
Examples:
  $ swarmlab gossip simulate --members 10 --kill 1
  $ swarmlab gossip simulate --members 100000 --kill 1000 --loss 5%
  $ swarmlab gossip simulate --members 1000 --profile wan --json - | jq .convergedSeconds`;

const DEFAULT_WIDTH_COLUMNS = 80;
const MEMBERS_MAX = 10_000_000;

interface SimulateFlags {
  readonly members: string;
  readonly kill: string;
  readonly seed: string;
  readonly loss: string;
  readonly profile: string;
  readonly latency: string;
  readonly until?: string;
  readonly quiet?: string;
  readonly json?: string;
  readonly shortcuts: boolean;
}

/** Adds the command and its subcommands. */
export function addGossip(program: Command): void {
  const gossip = program
    .command('gossip')
    .description('membership alone: measure it, or let real programs join it');
  gossip
    .command('simulate')
    .description('kill members and see when the others notice')
    .option('--members <count>', 'how many members know each other', '10')
    .option('--kill <count>', 'how many of them are killed at once', '1')
    .option('--seed <seed>', 'the seed', '1')
    .option('--loss <ratio>', 'share of packets that are lost, such as 5%', '0')
    .option('--profile <name>', `configuration: ${profileNames()}`, 'lan')
    .option('--latency <range>', 'one-way delay between members', '200us..800us')
    .option('--until <duration>', 'end this long after the kill (default: when all know)')
    .option('--quiet <duration>', 'count traffic this long before (default: 10 probe intervals)')
    .option('--json <file>', 'write the result as JSON; - for stdout, instead of the report')
    .option('--no-shortcuts', 'execute literally what shortcuts would skip')
    .addHelpText('after', SIMULATE_EXAMPLES)
    .action(runSimulate);
  addGossipServe(gossip);
  for (const command of gossip.commands) command.exitOverride();
}

function runSimulate(flags: SimulateFlags): void {
  const init = killInitOf(flags);
  const progress = new Progress('survivors that know');
  const result = simulateKill(init, (knownRatio) => progress.update(knownRatio));
  progress.done();
  if (flags.json !== undefined) {
    writeDocument(flags.json, formatKillJson(init, result, flags.profile));
  }
  if (flags.json !== '-') {
    const report = formatKillReport(init, result, {
      hasColour: stdoutHasColour(),
      widthColumns: process.stdout.columns ?? DEFAULT_WIDTH_COLUMNS,
      profile: flags.profile,
      replay: replayOf(flags),
    });
    process.stdout.write(report);
  }
  if (result.knownRatio < 1 && flags.until === undefined) {
    throw new CommandFailure(ExitStatus.notMet, 'not all survivors know after ten minutes');
  }
}

function killInitOf(flags: SimulateFlags): KillInit {
  const memberCount = countOf('--members', flags.members, 2, MEMBERS_MAX);
  const latency = quantityOf('--latency', spanRange, flags.latency);
  const { until, quiet } = flags;
  return {
    seed: flags.seed,
    memberCount,
    killCount: countOf('--kill', flags.kill, 1, memberCount - 1),
    config: profileOf(flags.profile),
    latencyNsMin: latency.minNs,
    latencyNsMax: latency.maxNs,
    lossRatio: quantityOf('--loss', ratio, flags.loss),
    ...(until === undefined ? {} : { untilNs: quantityOf('--until', span, until) }),
    ...(quiet === undefined ? {} : { quietNs: quantityOf('--quiet', span, quiet) }),
    shortcuts: flags.shortcuts,
  };
}

function replayOf(flags: SimulateFlags): string {
  const words = ['swarmlab gossip simulate', `--members ${flags.members}`, `--kill ${flags.kill}`];
  words.push(`--seed ${flags.seed}`, `--profile ${flags.profile}`, `--latency ${flags.latency}`);
  if (flags.loss !== '0') words.push(`--loss ${flags.loss}`);
  if (flags.until !== undefined) words.push(`--until ${flags.until}`);
  if (flags.quiet !== undefined) words.push(`--quiet ${flags.quiet}`);
  if (!flags.shortcuts) words.push('--no-shortcuts');
  return words.join(' ');
}
