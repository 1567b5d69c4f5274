/**
 * The experiment behind `gossip suffer`: some members suffer (their processes are starved of CPU, or
 * paused or blocked again and again, or their links cut; their packets fare worse; their clocks
 * drift) and the others are healthy. How often is a healthy one called dead, by anybody and by other
 * healthy ones? How soon is a member that is really killed meanwhile?
 *
 * These are the measures of the Lifeguard paper (false positives FP and FP-, latency of the first
 * detection and of full dissemination, message load), and its anomaly is the blocked process. A
 * member whose link was cut is healthy again as soon as it is not: nothing waits for it to be done.
 */
import type { Starvation } from '../../gossip/transport/starvation.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { DeadViews } from './dead-views.ts';
import { type ClusterInit, EstablishedCluster } from './established-cluster.ts';
import { type AlarmCounts, FalseAlarms } from './false-alarms.ts';
import { type Load, LoadMeter } from './load.ts';
import type { MemberConditions } from './uniform-network.ts';

/** How long all are healthy before. */
const CALM_NS = 15 * SECOND_NS;

/** A process that stops again and again, or the link of its host. */
export interface Stalls {
  /** To be cut off is to lose all packets, of every suffering member by itself. */
  readonly how: 'pause' | 'block' | 'cut';
  /** How long each time, ns. */
  readonly forNs: number;
  /** How long all goes well between two stalls, ns. */
  readonly restNs: number;
}

/** What a member suffers. */
export interface Affliction {
  readonly starvation?: Starvation;
  readonly stalls?: Stalls;
  readonly network?: MemberConditions;
  /** By how much its clock is fast; every other suffering member's is slow by as much. */
  readonly clockDriftRatio?: number;
}

/** Settings of the experiment. */
export interface SufferingInit extends Omit<ClusterInit, 'clockDriftRatioOf'> {
  /** The first so many members suffer, all at the same time. */
  readonly sufferingCount: number;
  readonly affliction: Affliction;
  /** How long they suffer, ns. */
  readonly sufferNs: number;
  /** The last so many members, healthy ones, are killed when half of that is over. */
  readonly killCount: number;
}

/** What came of it. */
export interface SufferingResult {
  /** Accusations of healthy members; `deaths` is the paper's FP. */
  readonly alarms: AlarmCounts;
  /** Those that healthy members believed; `deaths` is the paper's FP-. */
  readonly alarmsAtHealthy: AlarmCounts;
  /** Deaths of members while they suffer, summed over the healthy that held them. */
  readonly sufferingDeaths: number;
  /** Since the kill: when the first healthy survivor held a killed one dead, and when all held all. */
  readonly firstDeadNs: number | undefined;
  readonly allDeadNs: number | undefined;
  /** Per member and second. */
  readonly load: Load;
  readonly digest: string;
}

/** Runs the experiment. */
export function simulateSuffering(init: SufferingInit): SufferingResult {
  const { memberCount, sufferingCount, killCount, affliction, sufferNs } = init;
  const driftRatio = affliction.clockDriftRatio ?? 0;
  const suffers = (member: number): boolean => member < sufferingCount;
  const cluster = new EstablishedCluster({
    ...init,
    clockDriftRatioOf: (member) => (suffers(member) ? (member % 2 === 0 ? 1 : -1) * driftRatio : 0),
  });
  const { world, swim } = cluster;
  cluster.runFor(CALM_NS);
  const ails = (member: number): boolean =>
    suffers(member) && (affliction.stalls?.how !== 'cut' || cluster.network.isCut);
  const isHealthy = (member: number): boolean => !ails(member) && swim.isUp(member);
  const alarms = new FalseAlarms(world, memberCount, (_, subject) => isHealthy(subject));
  const alarmsAtHealthy = new FalseAlarms(
    world,
    memberCount,
    (observer, subject) => !suffers(observer) && isHealthy(subject),
  );
  const lost = new FalseAlarms(
    world,
    memberCount,
    (observer, subject) => !suffers(observer) && ails(subject),
  );
  const meter = new LoadMeter(world, swim);
  const untilNs = world.nowNs + sufferNs;
  const killAtNs = world.nowNs + Math.floor(sufferNs / 2);
  afflict(cluster, init, untilNs);
  world.queue.runUntil(killAtNs);
  const victimsFrom = memberCount - killCount;
  const survivorCount = victimsFrom - sufferingCount;
  const views = new DeadViews(
    world,
    survivorCount * killCount,
    (observer, subject) => subject >= victimsFrom && !suffers(observer),
  );
  for (let victim = victimsFrom; victim < memberCount; victim++) swim.crash(victim);
  world.queue.runUntil(untilNs);
  return {
    alarms: alarms.counts(),
    alarmsAtHealthy: alarmsAtHealthy.counts(),
    sufferingDeaths: lost.counts().deaths,
    firstDeadNs: views.firstNs,
    allDeadNs: killCount === 0 ? undefined : views.allNs,
    load: meter.perMemberSecond(memberCount),
    digest: world.observations.digest.text,
  };
}

/** Lets the first members suffer from now on. */
function afflict(cluster: EstablishedCluster, init: SufferingInit, untilNs: number): void {
  const { swim, network } = cluster;
  const { starvation, stalls, network: conditions } = init.affliction;
  if (conditions !== undefined) swim.beforeUnderlayChange();
  for (let member = 0; member < init.sufferingCount; member++) {
    if (starvation !== undefined) swim.starve(member, starvation);
    if (conditions !== undefined) network.worsen(member, conditions);
  }
  if (stalls !== undefined) stall(cluster, init.sufferingCount, stalls, untilNs);
}

/** Stops the first members, and again when they have rested. */
function stall(
  cluster: EstablishedCluster,
  sufferingCount: number,
  stalls: Stalls,
  untilNs: number,
): void {
  const { world } = cluster;
  setStalled(cluster, sufferingCount, stalls.how, true);
  world.queue.scheduleCallback(world.nowNs + stalls.forNs, (nowNs) => {
    setStalled(cluster, sufferingCount, stalls.how, false);
    const againNs = nowNs + stalls.restNs;
    if (againNs >= untilNs) return;
    world.queue.scheduleCallback(againNs, () => stall(cluster, sufferingCount, stalls, untilNs));
  });
}

function setStalled(
  { swim, network }: EstablishedCluster,
  sufferingCount: number,
  how: Stalls['how'],
  isStalled: boolean,
): void {
  if (how === 'cut') {
    swim.beforeUnderlayChange();
    if (isStalled) network.cut((member) => (member < sufferingCount ? member + 1 : 0));
    else network.heal();
    return;
  }
  for (let member = 0; member < sufferingCount; member++) {
    if (isStalled) swim[how](member);
    else swim.resume(member);
  }
}
