/**
 * One run of one setting: a cluster that is watched for a minute under loss and then loses some
 * members, one after the other.
 *
 * Trials with one seed share their draws, whatever the setting: the same members start at the same
 * phases and are killed, so that settings differ by what they do and not by their luck.
 */

import { pushPullScaleNs } from '../../../gossip/formulas.ts';
import { DeadViews } from '../../../scenarios/gossip/dead-views.ts';
import {
  type ClusterInit,
  EstablishedCluster,
} from '../../../scenarios/gossip/established-cluster.ts';
import { FalseAlarms } from '../../../scenarios/gossip/false-alarms.ts';
import { LoadMeter } from '../../../scenarios/gossip/load.ts';
import { drawBelow } from '../../../sim/chance.ts';
import { MILLISECOND_NS, MINUTE_NS } from '../../../sim/time.ts';
import type { Work } from '../../pool.ts';

/** How long the cluster is watched before the first kill. */
const WATCH_NS = MINUTE_NS;
/** How many are killed in a trial, of so many members each. */
const KILLS_MAX = 4;
const MEMBERS_PER_KILL = 5;
/** How often it looks whether all know. */
const SLICE_NS = 50 * MILLISECOND_NS;

/** What a trial is told. */
export interface TrialInit extends ClusterInit {
  /** When a kill counts as never detected, ns. */
  readonly patienceNs: number;
}

/** What it came to. */
export interface TrialOutcome {
  /** From each kill until the first declares it dead, and until all know, ns; null for never. */
  readonly firstDeadNs: readonly (number | null)[];
  readonly allKnowNs: readonly (number | null)[];
  /** Times that a member that runs was dead to anybody. */
  readonly falsePositives: number;
  /** How much virtual time they were counted over. */
  readonly watchedNs: number;
  /** Per member and second, without push/pulls. */
  readonly packets: number;
  readonly bytes: number;
}

/**
 * The trial where it stands, or in the worker thread that loads this file.
 * @public
 */
export function runTrial(init: TrialInit): TrialOutcome {
  const { memberCount, config, patienceNs } = init;
  const cluster = new EstablishedCluster(init);
  const { world, swim } = cluster;
  const killed = new Set<number>();
  const alarms = new FalseAlarms(world, memberCount, (_, subject) => !killed.has(subject));
  const meter = new LoadMeter(world, swim);
  const sinceNs = world.nowNs;
  const meteredNs = meteredSpanNs(init);
  cluster.runFor(meteredNs);
  const load = meter.perMemberSecond(memberCount);
  cluster.runFor(WATCH_NS - meteredNs);
  const key = world.chance.key('gossip-tune.kill');
  const killCount = Math.max(1, Math.min(KILLS_MAX, Math.floor(memberCount / MEMBERS_PER_KILL)));
  const firstDeadNs: (number | null)[] = [];
  const allKnowNs: (number | null)[] = [];
  for (let i = 0; killed.size < killCount; i++) {
    const victim = drawBelow(key, memberCount, i);
    if (killed.has(victim)) continue;
    cluster.runFor(drawBelow(key, config.probeIntervalNs, i, 1));
    killed.add(victim);
    const views = new DeadViews(
      world,
      memberCount - killed.size,
      (observer, subject) => subject === victim && !killed.has(observer),
    );
    swim.crash(victim);
    const endAtNs = world.nowNs + patienceNs;
    while (views.deadRatio < 1 && world.nowNs < endAtNs) cluster.runFor(SLICE_NS);
    firstDeadNs.push(views.firstNs ?? null);
    allKnowNs.push(views.allNs ?? null);
  }
  return {
    firstDeadNs,
    allKnowNs,
    falsePositives: alarms.counts().deadMembers,
    watchedNs: world.nowNs - sinceNs,
    packets: load.packets,
    bytes: load.packetBytes + load.streamBytes,
  };
}

/** How long traffic is counted: until the first push/pull could come, one interval after the start. */
function meteredSpanNs({ memberCount, config }: ClusterInit): number {
  const { pushPullIntervalNs, probeIntervalNs } = config;
  if (pushPullIntervalNs <= 0) return WATCH_NS;
  const quietNs = pushPullScaleNs(pushPullIntervalNs, memberCount) - 2 * probeIntervalNs;
  return Math.max(probeIntervalNs, Math.min(WATCH_NS, quietNs));
}

/** See {@link runTrial}. */
export const TRIAL: Work<TrialInit, TrialOutcome> = {
  run: runTrial,
  url: import.meta.url,
  name: 'runTrial',
};

/**
 * Bytes of push/pulls per member and second: measured apart, over one whole interval, since a
 * minute has all of them or none.
 */
export function measurePushPulls(init: ClusterInit): number {
  const { memberCount, config } = init;
  const { pushPullIntervalNs } = config;
  if (pushPullIntervalNs <= 0) return 0;
  const periodNs = pushPullScaleNs(pushPullIntervalNs, memberCount);
  const cluster = new EstablishedCluster({ ...init, lossRatio: 0 });
  cluster.runFor(pushPullIntervalNs + periodNs);
  const meter = new LoadMeter(cluster.world, cluster.swim);
  cluster.runFor(periodNs);
  return meter.perMemberSecond(memberCount).streamBytes;
}
