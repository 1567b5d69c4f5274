/**
 * `swarmlab gossip suffer`: some members suffer, and false positives are counted with and without
 * each part of Lifeguard.
 */
import type { Command } from 'commander';
import { BURST_NS, type Starvation } from '../../gossip/transport/starvation.ts';
import type {
  Affliction,
  Stalls,
  SufferingInit,
} from '../../scenarios/gossip/suffering-experiment.ts';
import type {
  Flow,
  FlowConditions,
  MemberConditions,
} from '../../scenarios/gossip/uniform-network.ts';
import {
  drift,
  ratio,
  span,
  spanDistribution,
  spanRange,
} from '../../scenarios/language/quantities.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { formatSufferingJson, formatSufferingReport } from '../../sweep/gossip/suffering-report.ts';
import { sweepSuffering } from '../../sweep/gossip/suffering-sweep.ts';
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
  $ swarmlab gossip suffer --starve "exponential(6s)"
  $ swarmlab gossip suffer --suffering 8 --block 16s --rest 64ms --seeds 1..10
  $ swarmlab gossip suffer --cut 5s --rest 25s
  $ swarmlab gossip suffer --members 50 --suffering 5 --lose udp-in=100%,out=20%
  $ swarmlab gossip suffer --starve lognormal\\(500ms,1.5\\) --share 30% --drift 2% --json -`;

const MEMBERS_MAX = 10_000;

interface Flags {
  readonly members: string;
  readonly suffering?: string;
  readonly starve?: string;
  readonly share?: string;
  readonly burst?: string;
  readonly pause?: string;
  readonly block?: string;
  readonly cut?: string;
  readonly rest?: string;
  readonly lose?: string;
  readonly delay?: string;
  readonly drift?: string;
  readonly for: string;
  readonly kill: string;
  readonly seeds: string;
  readonly jobs?: string;
  readonly loss: string;
  readonly latency: string;
  readonly profile: string;
  readonly set: readonly string[];
  readonly json?: string;
}

/** Adds the subcommand. */
export function addGossipSuffer(gossip: Command): void {
  gossip
    .command('suffer')
    .description('let members suffer, and count false positives with each part of Lifeguard')
    .option('--members <count>', 'how many members know each other', '128')
    .option('--suffering <count>', 'how many of them suffer (default: an eighth)')
    .option('--starve <wait>', 'they wait so long for a CPU each time: 2s, 1s..5s, exponential(6s)')
    .option('--share <ratio>', 'in this share of the time (default: 100%)')
    .option('--burst <duration>', 'in bursts of this length (default: 10s)')
    .option('--pause <duration>', 'their processes stop for so long, again and again')
    .option('--block <duration>', 'their messages are stuck for so long while their timers go on')
    .option('--cut <duration>', 'their links are cut for so long, again and again')
    .option('--rest <duration>', 'between two stops or cuts (default: 1s)')
    .option('--lose <flows>', 'they lose packets: udp-in=100%,tcp-out=20%; udp, in and all do too')
    .option('--delay <flows>', 'their packets take longer: out=200ms..400ms')
    .option('--drift <ratio>', "every other one's clock is fast, the others' are slow: 200ppm")
    .option('--for <duration>', 'how long they suffer', '120s')
    .option('--kill <count>', 'healthy members that are really killed meanwhile', '1')
    .option('--seeds <list>', 'the seeds', '1..3')
    .option('-j, --jobs <count>', 'how many runs at once (default: one per core)')
    .option('--loss <ratio>', 'share of packets that everybody loses', '0')
    .option('--latency <range>', 'one-way delay between members', '200us..800us')
    .option('--profile <name>', `configuration: ${profileNames()}`, 'lan')
    .option('--set <name=value>', 'override a tunable; the paper: suspicion-mult=5', collect, [])
    .option('--json <file>', 'write the result as JSON; - for stdout, instead of the report')
    .addHelpText('after', EXAMPLES)
    .action(runSuffer);
}

async function runSuffer(flags: Flags): Promise<void> {
  const init = initOf(flags);
  const seeds = parseSeeds(flags.seeds);
  if (!Array.isArray(seeds)) fail(`--seeds: ${seeds.error}`);
  const progress = new Progress('runs');
  const pool = poolOf(flags.jobs, seeds.length);
  try {
    const outcomes = await sweepSuffering(init, seeds, pool, (endedCount) => {
      progress.update(endedCount / (seeds.length * 8), `${endedCount}/${seeds.length * 8}`);
    });
    progress.done();
    if (flags.json !== undefined) {
      writeDocument(
        flags.json,
        formatSufferingJson(init, seeds, outcomes, configText(flags.profile, flags.set)),
      );
    }
    if (flags.json === '-') return;
    const report = formatSufferingReport(init, outcomes, {
      hasColour: stdoutHasColour(),
      isAscii: !stdoutHasUnicode(),
      widthColumns: stdoutWidthColumns(),
      profile: configText(flags.profile, flags.set),
      replay: replayOf(flags),
    });
    process.stdout.write(report);
  } finally {
    progress.done();
    await pool.close();
  }
}

function initOf(flags: Flags): SufferingInit {
  const memberCount = countOf('--members', flags.members, 4, MEMBERS_MAX);
  const eighth = String(Math.max(1, Math.floor(memberCount / 8)));
  const sufferingCount = countOf('--suffering', flags.suffering ?? eighth, 0, memberCount - 2);
  const killCountMax = memberCount - sufferingCount - 1;
  const latency = quantityOf('--latency', spanRange, flags.latency);
  return {
    seed: '1',
    memberCount,
    sufferingCount,
    affliction: afflictionOf(flags),
    sufferNs: positiveSpanOf('--for', flags.for),
    killCount: countOf('--kill', flags.kill, 0, killCountMax),
    config: configOf(flags.profile, flags.set),
    latencyNsMin: latency.minNs,
    latencyNsMax: latency.maxNs,
    lossRatio: quantityOf('--loss', ratio, flags.loss),
  };
}

function afflictionOf(flags: Flags): Affliction {
  const starvation = starvationOf(flags);
  const stalls = stallsOf(flags);
  const network = networkOf(flags);
  const clockDriftRatio =
    flags.drift === undefined ? undefined : quantityOf('--drift', drift, flags.drift);
  const affliction = {
    ...(starvation === undefined ? {} : { starvation }),
    ...(stalls === undefined ? {} : { stalls }),
    ...(network === undefined ? {} : { network }),
    ...(clockDriftRatio === undefined ? {} : { clockDriftRatio }),
  };
  if (Object.keys(affliction).length > 0 || flags.loss !== '0') return affliction;
  return fail(
    'nothing is to be suffered\n  hint: such as --starve "exponential(6s)" or --block 16s',
  );
}

function starvationOf(flags: Flags): Starvation | undefined {
  if (flags.starve === undefined) {
    for (const name of ['share', 'burst'] as const) {
      if (flags[name] !== undefined) fail(`--${name} belongs to --starve`);
    }
    return undefined;
  }
  return {
    wait: quantityOf('--starve', spanDistribution, flags.starve),
    shareRatio: flags.share === undefined ? 1 : quantityOf('--share', ratio, flags.share),
    burstNs: flags.burst === undefined ? BURST_NS : positiveSpanOf('--burst', flags.burst),
  };
}

function stallsOf(flags: Flags): Stalls | undefined {
  const kinds = (['pause', 'block', 'cut'] as const).filter((how) => flags[how] !== undefined);
  const [how, other] = kinds;
  if (other !== undefined) fail(`--${how} and --${other} do not go together`);
  const { rest } = flags;
  if (how === undefined) {
    return rest === undefined ? undefined : fail('--rest belongs to --pause, --block and --cut');
  }
  const restNs = rest === undefined ? SECOND_NS : positiveSpanOf('--rest', rest);
  return { how, forNs: positiveSpanOf(`--${how}`, flags[how]!), restNs };
}

/** The flows by the names that people give them: a protocol, a direction, both or neither. */
const FLOWS: Readonly<Record<string, readonly Flow[]>> = {
  'udp-out': ['udpOut'],
  'udp-in': ['udpIn'],
  'tcp-out': ['tcpOut'],
  'tcp-in': ['tcpIn'],
  udp: ['udpOut', 'udpIn'],
  tcp: ['tcpOut', 'tcpIn'],
  out: ['udpOut', 'tcpOut'],
  in: ['udpIn', 'tcpIn'],
  all: ['udpOut', 'udpIn', 'tcpOut', 'tcpIn'],
};

function networkOf(flags: Flags): MemberConditions | undefined {
  const conditions: Partial<Record<Flow, FlowConditions>> = {};
  const change = (flow: Flow, changed: Partial<FlowConditions>): void => {
    conditions[flow] = {
      lossRatio: 0,
      delayNsMin: 0,
      delayNsMax: 0,
      ...conditions[flow],
      ...changed,
    };
  };
  for (const [flow, text] of flowsOf('--lose', flags.lose)) {
    change(flow, { lossRatio: quantityOf('--lose', ratio, text) });
  }
  for (const [flow, text] of flowsOf('--delay', flags.delay)) {
    const { minNs, maxNs } = quantityOf('--delay', spanRange, text);
    change(flow, { delayNsMin: minNs, delayNsMax: maxNs });
  }
  return Object.keys(conditions).length === 0 ? undefined : conditions;
}

function flowsOf(flag: string, text: string | undefined): (readonly [Flow, string])[] {
  return (text ?? '')
    .split(',')
    .filter(Boolean)
    .flatMap((item) => {
      const [name = '', value = ''] = item.split('=').map((word) => word.trim());
      const flows = Object.hasOwn(FLOWS, name) ? FLOWS[name]! : undefined;
      if (flows === undefined || value === '') {
        const hint = `${flag} wants flows with values, such as ${flag} udp-in=20%`;
        fail(
          `${flag}: '${item}' is no flow\n  hint: ${hint}; flows are ${Object.keys(FLOWS).join(', ')}`,
        );
      }
      return flows.map((flow) => [flow, value] as const);
    });
}

function positiveSpanOf(flag: string, text: string): number {
  const spanNs = quantityOf(flag, span, text);
  return spanNs > 0 ? spanNs : fail(`${flag} wants more than no time at all`);
}

function fail(message: string): never {
  throw new CommandFailure(ExitStatus.wrongInput, message);
}

/** The command again, with every flag that decides the result. */
function replayOf(flags: Flags): string {
  const words = ['swarmlab gossip suffer'];
  const { json: _json, jobs: _jobs, set, ...deciding } = flags;
  for (const [name, value] of Object.entries(deciding)) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    words.push(`--${flag} ${/[()]/.test(value) ? `"${value}"` : value}`);
  }
  for (const setting of set) words.push(`--set ${setting}`);
  return words.join(' ');
}
