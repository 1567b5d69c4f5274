/**
 * `swarmlab gossip simulate`: members that know each other, and what happens to them: some are
 * killed, the network falls apart for a while, or nothing but loss.
 */
import type { Command } from 'commander';
import type { ClusterInit } from '../../scenarios/gossip/established-cluster.ts';
import { type KillInit, simulateKill } from '../../scenarios/gossip/kill-experiment.ts';
import {
  PARTITION_MEMBERS_MIN,
  type PartitionInit,
  simulatePartition,
} from '../../scenarios/gossip/partition-experiment.ts';
import { formatKillJson, formatKillReport } from '../../scenarios/gossip/report/kill-report.ts';
import {
  formatPartitionJson,
  formatPartitionReport,
} from '../../scenarios/gossip/report/partition-report.ts';
import type { ReportOptions } from '../../scenarios/gossip/report/sections.ts';
import { formatWatchJson, formatWatchReport } from '../../scenarios/gossip/report/watch-report.ts';
import { simulateWatch, type WatchInit } from '../../scenarios/gossip/watch-experiment.ts';
import { ratio, span, spanRange } from '../../scenarios/language/quantities.ts';
import { sweepKill } from '../../sweep/gossip/kill-sweep.ts';
import {
  formatKillSweepJson,
  formatKillSweepReport,
} from '../../sweep/gossip/kill-sweep-report.ts';
import { parseSeeds } from '../../sweep/seeds.ts';
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
Examples:
  $ swarmlab gossip simulate --members 10 --kill 1
  $ swarmlab gossip simulate --members 100000 --kill 1000 --loss 5%
  $ swarmlab gossip simulate --members 50 --seeds 1..200
  $ swarmlab gossip simulate --members 1000 --partition 60s --reconnect 60s
  $ swarmlab gossip simulate --members 10000 --watch 1m --loss 5%
  $ swarmlab gossip simulate --members 500 --set probe-interval=2s --set suspicion-mult=6
  $ swarmlab gossip simulate --members 1000 --profile wan --json - | jq .convergedSeconds`;

const MEMBERS_MAX = 10_000_000;
/** Flags of one experiment, which the others refuse. */
const OWN_FLAGS = {
  kill: ['kill', 'quiet', 'seeds', 'jobs', 'until'],
  partition: ['partition', 'split', 'reconnect', 'until'],
  watch: ['watch'],
} as const;

type Experiment = keyof typeof OWN_FLAGS;

interface Flags {
  readonly members: string;
  readonly kill?: string;
  readonly partition?: string;
  readonly split?: string;
  readonly reconnect?: string;
  readonly watch?: string;
  readonly seed: string;
  readonly seeds?: string;
  readonly jobs?: string;
  readonly loss: string;
  readonly profile: string;
  readonly set: readonly string[];
  readonly latency: string;
  readonly until?: string;
  readonly quiet?: string;
  readonly json?: string;
  readonly ascii?: boolean;
  readonly ipv6?: boolean;
  readonly shortcuts: boolean;
}

/** Adds the subcommand. */
export function addGossipSimulate(gossip: Command): void {
  gossip
    .command('simulate')
    .description('kill members, cut the network or watch it lose packets, and see who notices')
    .option('--members <count>', 'how many members know each other', '10')
    .option('--kill <count>', 'how many of them are killed at once (default: 1)')
    .option('--partition <duration>', 'instead, cut the network in two for so long')
    .option('--split <ratio>', 'share of the members in one part (default: 50%)')
    .option('--reconnect <interval>', 'each joins one that it holds dead so often; Docker: 60s')
    .option('--watch <duration>', 'instead, let nothing happen for so long')
    .option('--seed <seed>', 'the seed', '1')
    .option('--seeds <list>', 'the distribution over many seeds of a kill: 1..200')
    .option('-j, --jobs <count>', 'how many seeds at once (default: one per core)')
    .option('--loss <ratio>', 'share of packets that are lost, such as 5%', '0')
    .option('--profile <name>', `configuration: ${profileNames()}`, 'lan')
    .option('--set <name=value>', 'override a tunable, such as probe-interval=2s', collect, [])
    .option('--latency <range>', 'one-way delay between members', '200us..800us')
    .option('--ipv6', 'members have IPv6 addresses, which take 12 bytes more in messages')
    .option('--until <duration>', 'end this long after the kill or the healing')
    .option('--quiet <duration>', 'count traffic this long before (default: 10 probe intervals)')
    .option('--json <file>', 'write the result as JSON; - for stdout, instead of the report')
    .option('--ascii', 'draw without Unicode (default: by the locale)')
    .option('--no-shortcuts', 'execute literally what shortcuts would skip')
    .addHelpText('after', EXAMPLES)
    .action(runSimulate);
}

async function runSimulate(flags: Flags): Promise<void> {
  const experiment = experimentOf(flags);
  const cluster = clusterInitOf(flags, experiment === 'partition' ? PARTITION_MEMBERS_MIN : 2);
  if (experiment === 'partition') partition(flags, partitionInitOf(flags, cluster));
  else if (experiment === 'watch') watch(flags, watchInitOf(flags, cluster));
  else if (flags.seeds !== undefined) await killSeeds(flags, killInitOf(flags, cluster));
  else kill(flags, killInitOf(flags, cluster));
}

function kill(flags: Flags, init: KillInit): void {
  const progress = new Progress('survivors that know');
  const result = simulateKill(init, (knownRatio) => progress.update(knownRatio));
  progress.done();
  write(
    flags,
    () => formatKillJson(init, result, configText(flags.profile, flags.set)),
    (options) => formatKillReport(init, result, options),
  );
  if (result.knownRatio < 1 && flags.until === undefined) {
    throw new CommandFailure(ExitStatus.notMet, 'not all survivors know after ten minutes');
  }
}

async function killSeeds(flags: Flags, init: KillInit): Promise<void> {
  const seeds = parseSeeds(flags.seeds!);
  if (!Array.isArray(seeds)) {
    throw new CommandFailure(ExitStatus.wrongInput, `--seeds: ${seeds.error}`);
  }
  const progress = new Progress('seeds');
  const pool = poolOf(flags.jobs, seeds.length);
  try {
    const outcomes = await sweepKill(init, seeds, pool, (endedCount) =>
      progress.update(endedCount / seeds.length, `${endedCount}/${seeds.length}`),
    );
    progress.done();
    write(
      flags,
      () => formatKillSweepJson(init, outcomes, configText(flags.profile, flags.set)),
      (options) => formatKillSweepReport(init, outcomes, options),
    );
  } finally {
    progress.done();
    await pool.close();
  }
}

function partition(flags: Flags, init: PartitionInit): void {
  const progress = new Progress('time passed');
  const result = simulatePartition(init, (passedRatio) => progress.update(passedRatio));
  progress.done();
  write(
    flags,
    () => formatPartitionJson(init, result, configText(flags.profile, flags.set)),
    (options) => formatPartitionReport(init, result, options),
  );
}

function watch(flags: Flags, init: WatchInit): void {
  const progress = new Progress('time passed');
  const result = simulateWatch(init, (passedRatio) => progress.update(passedRatio));
  progress.done();
  write(
    flags,
    () => formatWatchJson(init, result, configText(flags.profile, flags.set)),
    (options) => formatWatchReport(init, result, options),
  );
}

function write(
  flags: Flags,
  formatJson: () => string,
  formatReport: (options: ReportOptions) => string,
): void {
  if (flags.json !== undefined) writeDocument(flags.json, formatJson());
  if (flags.json === '-') return;
  const report = formatReport({
    hasColour: stdoutHasColour(),
    isAscii: flags.ascii === true || !stdoutHasUnicode(),
    widthColumns: stdoutWidthColumns(),
    profile: configText(flags.profile, flags.set),
    replay: replayOf(flags),
  });
  process.stdout.write(report);
}

/** Which experiment the flags ask for; a flag of another one is refused. */
function experimentOf(flags: Flags): Experiment {
  const asked = (['partition', 'watch'] as const).filter((name) => flags[name] !== undefined);
  const experiment = asked[0] ?? 'kill';
  for (const names of Object.values(OWN_FLAGS)) {
    for (const name of names) {
      const isOwn = (OWN_FLAGS[experiment] as readonly string[]).includes(name);
      if (isOwn || flags[name] === undefined) continue;
      const message =
        experiment === 'kill'
          ? `--${name} belongs to --partition\n  hint: such as --partition 60s`
          : `--${name} does not go together with --${experiment}`;
      throw new CommandFailure(ExitStatus.wrongInput, message);
    }
  }
  return experiment;
}

function clusterInitOf(flags: Flags, membersMin: number): ClusterInit {
  const latency = quantityOf('--latency', spanRange, flags.latency);
  return {
    seed: flags.seed,
    memberCount: countOf('--members', flags.members, membersMin, MEMBERS_MAX),
    config: configOf(flags.profile, flags.set),
    latencyNsMin: latency.minNs,
    latencyNsMax: latency.maxNs,
    lossRatio: quantityOf('--loss', ratio, flags.loss),
    isIpv6: flags.ipv6 === true,
    shortcuts: flags.shortcuts,
  };
}

function killInitOf(flags: Flags, cluster: ClusterInit): KillInit {
  const { until, quiet } = flags;
  return {
    ...cluster,
    killCount: countOf('--kill', flags.kill ?? '1', 1, cluster.memberCount - 1),
    ...(until === undefined ? {} : { untilNs: quantityOf('--until', span, until) }),
    ...(quiet === undefined ? {} : { quietNs: quantityOf('--quiet', span, quiet) }),
  };
}

function partitionInitOf(flags: Flags, cluster: ClusterInit): PartitionInit {
  const { until, reconnect } = flags;
  const partRatio = quantityOf('--split', ratio, flags.split ?? '50%');
  const partCount = Math.floor(cluster.memberCount * partRatio);
  if (partCount < 1 || partCount === cluster.memberCount) {
    const message = `--split wants members in both parts, which ${flags.split} does not leave`;
    throw new CommandFailure(ExitStatus.wrongInput, message);
  }
  return {
    ...cluster,
    cutNs: positiveSpanOf('--partition', flags.partition!),
    partRatio,
    reconnectNs: reconnect === undefined ? 0 : positiveSpanOf('--reconnect', reconnect),
    ...(until === undefined ? {} : { untilNs: quantityOf('--until', span, until) }),
  };
}

function watchInitOf(flags: Flags, cluster: ClusterInit): WatchInit {
  return { ...cluster, watchNs: positiveSpanOf('--watch', flags.watch!) };
}

function positiveSpanOf(flag: string, text: string): number {
  const spanNs = quantityOf(flag, span, text);
  if (spanNs > 0) return spanNs;
  throw new CommandFailure(ExitStatus.wrongInput, `${flag} wants more than no time at all`);
}

/** The command again, with every flag that decides the result. */
function replayOf(flags: Flags): string {
  const words = ['swarmlab gossip simulate', `--members ${flags.members}`];
  const names = ['kill', 'partition', 'split', 'reconnect', 'watch', 'until', 'quiet'] as const;
  for (const name of names) {
    if (flags[name] !== undefined) words.push(`--${name} ${flags[name]}`);
  }
  words.push(flags.seeds === undefined ? `--seed ${flags.seed}` : `--seeds ${flags.seeds}`);
  words.push(`--profile ${flags.profile}`, `--latency ${flags.latency}`);
  for (const setting of flags.set) words.push(`--set ${setting}`);
  if (flags.loss !== '0') words.push(`--loss ${flags.loss}`);
  if (flags.ipv6 === true) words.push('--ipv6');
  if (!flags.shortcuts) words.push('--no-shortcuts');
  return words.join(' ');
}
