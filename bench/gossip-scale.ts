/**
 * Membership alone as clusters grow: CPU seconds against virtual seconds from a kill to full
 * agreement, of a quiet cluster, of many kills, of a partition and its healing, and of loss. Building
 * the cluster is timed apart.
 *
 * `npm run bench -- gossip-scale` does 1,000 to 1,000,000 members; `--members 20000,10000000` others,
 * `--only kill` one of the experiments. CPU counts all threads of the case's process. Memory is what
 * is still in use after the run, beyond what the process used before the cluster was there; the peak
 * is the whole process's. `warm` is the median of further runs in the same process with other seeds,
 * once V8 has compiled what they need: in a first run of up to some 100,000 members that is most of it.
 */
import { LAN } from '../gossip/constants.ts';
import { EstablishedCluster } from '../scenarios/gossip/established-cluster.ts';
import { KillExperiment } from '../scenarios/gossip/kill-experiment.ts';
import { LoadMeter } from '../scenarios/gossip/load.ts';
import { PartitionExperiment } from '../scenarios/gossip/partition-experiment.ts';
import { plotCurve } from '../scenarios/report/plot.ts';
import { MICROSECOND_NS, MINUTE_NS, SECOND_NS } from '../sim/time.ts';
import { answer, ownCase, runCase } from './support/own-process.ts';
import { formatTable } from './support/table.ts';

const MEMBER_COUNTS = [1_000, 10_000, 100_000, 1_000_000];
/** Cases larger than this are run once. */
const WARM_MEMBERS_MAX = 100_000;
/** Further runs go on until so many members have been simulated; the second half of them counts. */
const WARM_MEMBERS = 200_000;
const WARM_RUNS_MAX = 24;
/** What they may take together, CPU seconds. */
const WARM_CPU_SECONDS_MAX = 20;

type Experiment = 'kill' | 'quiet' | 'kills' | 'partition' | 'loss';

interface Case {
  readonly experiment: Experiment;
  readonly memberCount: number;
  readonly lossRatio: number;
  readonly killCount: number;
  readonly seed: number;
}

/** What one run took. */
interface Run {
  readonly setupCpuSeconds: number;
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
  readonly packets: number;
}

interface Answer {
  readonly first: Run;
  readonly warmSpeed: number | undefined;
  readonly retainedBytes: number;
  readonly peakBytes: number;
}

/** The experiments by what they are called in the table. */
const PHRASES: Readonly<Record<Experiment, string>> = {
  kill: 'one kill, to full agreement',
  quiet: 'quiet, one minute',
  kills: '1,000 kills, to full agreement',
  partition: 'two halves apart for a minute, healed, joining one dead member a minute, to the end',
  loss: '5 % loss, one minute',
};

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A cluster with something to measure: the steps up to `run` are setup. */
interface Prepared {
  readonly cluster: EstablishedCluster;
  run(): void;
  packets(): number;
}

function prepare({ experiment, memberCount, lossRatio, killCount, seed }: Case): Prepared {
  const conditions = { latencyNsMin: 200 * MICROSECOND_NS, latencyNsMax: 800 * MICROSECOND_NS };
  const init = { seed: String(seed), memberCount, config: LAN, lossRatio, ...conditions };
  if (experiment === 'partition') {
    const halves = { cutNs: MINUTE_NS, partRatio: 0.5, reconnectNs: MINUTE_NS };
    const partition = new PartitionExperiment({ ...init, ...halves });
    return {
      cluster: partition.cluster,
      run: () => {
        partition.cut();
        partition.heal();
      },
      packets: () => partition.packets(),
    };
  }
  if (experiment === 'quiet' || experiment === 'loss') {
    const cluster = new EstablishedCluster(init);
    const meter = new LoadMeter(cluster.world, cluster.swim);
    return {
      cluster,
      run: () => cluster.runFor(MINUTE_NS),
      packets: () => meter.total().packets,
    };
  }
  const kill = new KillExperiment({ ...init, killCount });
  return {
    cluster: kill.cluster,
    run: () => {
      kill.kill();
      kill.runToEnd();
    },
    packets: () => kill.sentSinceKill().packets,
  };
}

/** One run, and the cluster, which is still in memory. */
function measure(one: Case): { readonly run: Run; readonly prepared: Prepared } {
  const beganAt = cpuSeconds();
  const prepared = prepare(one);
  const setupAt = cpuSeconds();
  const { world } = prepared.cluster;
  const sinceNs = world.nowNs;
  prepared.run();
  const endedAt = cpuSeconds();
  const run = {
    setupCpuSeconds: setupAt - beganAt,
    cpuSeconds: endedAt - setupAt,
    virtualSeconds: (world.nowNs - sinceNs) / SECOND_NS,
    packets: prepared.packets(),
  };
  return { run, prepared };
}

function runOwn(one: Case): Answer {
  const before = usedBytes();
  const { run: first, prepared } = measure(one);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const retainedBytes = usedBytes() - before;
  const isQuick = prepared.cluster.memberCount <= WARM_MEMBERS_MAX && first.cpuSeconds < 30;
  const warmSpeed = isQuick ? warmSpeedOf(one) : undefined;
  return { first, warmSpeed, retainedBytes, peakBytes };
}

/** Virtual seconds per CPU second when the code is compiled. */
function warmSpeedOf(one: Case): number {
  const runCount = Math.min(WARM_RUNS_MAX, Math.ceil(WARM_MEMBERS / one.memberCount));
  const endAt = cpuSeconds() + WARM_CPU_SECONDS_MAX;
  const speeds: number[] = [];
  while (speeds.length < runCount && cpuSeconds() < endAt) {
    speeds.push(speedOf(measure({ ...one, seed: one.seed + 1 + speeds.length }).run));
  }
  const counted = speeds.slice(Math.floor(speeds.length / 2)).sort((a, b) => a - b);
  return counted[Math.floor(counted.length / 2)]!;
}

function speedOf({ virtualSeconds, cpuSeconds: spent }: Run): number {
  return virtualSeconds / spent;
}

const HEADER = [
  'members',
  'setup CPU s',
  'CPU s',
  'virtual s',
  'virtual/CPU',
  'warm',
  'packets',
  'ns/packet',
  'bytes/member',
  'peak MB',
];

function rowOf({ memberCount }: Case, result: Answer | undefined): string[] {
  const members = memberCount.toLocaleString('en');
  if (result === undefined) return [members, ...HEADER.slice(1).map(() => 'died')];
  const { first, warmSpeed, retainedBytes, peakBytes } = result;
  const rounded = (speed: number): string =>
    speed.toLocaleString('en', { maximumSignificantDigits: 3 });
  return [
    members,
    first.setupCpuSeconds.toFixed(2),
    first.cpuSeconds.toFixed(2),
    first.virtualSeconds.toFixed(1),
    rounded(speedOf(first)),
    warmSpeed === undefined ? '' : rounded(warmSpeed),
    first.packets.toLocaleString('en'),
    ((first.cpuSeconds * 1e9) / first.packets).toFixed(0),
    (retainedBytes / memberCount).toFixed(0),
    (peakBytes / 2 ** 20).toFixed(0),
  ];
}

/** CPU seconds against members, both in powers of ten. */
function growthPlot(points: readonly (readonly [memberCount: number, cpu: number])[]): string {
  const logs = points.map(([memberCount, cpu]) => ({
    x: Math.log10(memberCount),
    y: Math.log10(cpu),
  }));
  const power = (x: number): string =>
    (10 ** x).toLocaleString('en', { maximumSignificantDigits: 2 });
  const formatY = (y: number): string => `${power(y)} s`;
  return plotCurve(logs, { widthColumns: 70, heightRows: 9, formatX: power, formatY });
}

function runExperiment(experiment: Experiment, cases: readonly Case[]): void {
  const answers = cases.map((one) => runCase<Case, Answer>(one));
  const rows = cases.map((one, i) => rowOf(one, answers[i]));
  console.log(`\n${PHRASES[experiment]}\n${formatTable(HEADER, rows)}`);
  const points = cases.flatMap(({ memberCount }, i): [number, number][] => {
    const cpu = answers[i]?.first.cpuSeconds;
    return cpu === undefined ? [] : [[memberCount, cpu]];
  });
  const plot = growthPlot(points);
  if (plot !== '') console.log(`\nCPU seconds by members, both in powers of ten\n${plot}`);
}

/** The value after a flag of the command line. */
function flagOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function main(): void {
  const own = ownCase<Case>();
  if (own !== undefined) {
    answer(runOwn(own));
    return;
  }
  const asked = flagOf('--members')?.split(',').map(Number);
  const only = flagOf('--only');
  const of = (
    experiment: Experiment,
    memberCounts: readonly number[],
    { lossRatio = 0, killCount = 1 } = {},
  ): void => {
    if (only !== undefined && only !== experiment) return;
    const cases = (asked ?? memberCounts).map((memberCount) => {
      return { experiment, memberCount, lossRatio, killCount, seed: 1 };
    });
    runExperiment(experiment, cases);
  };
  of('kill', MEMBER_COUNTS);
  of('quiet', MEMBER_COUNTS);
  of('kills', [100_000], { killCount: 1_000 });
  of('partition', [20_000]);
  of('loss', [100_000], { lossRatio: 0.05 });
}

main();
