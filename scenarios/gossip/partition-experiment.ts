/**
 * The experiment behind `gossip simulate --partition`: the network falls into two parts for a while,
 * each of which declares the other dead, and is healed.
 *
 * memberlist alone hardly finds together again. It neither probes nor pushes and pulls with members
 * that it holds dead; it gossips to them for `gossipToTheDeadTime` after their death, and only while
 * there is news. So what happens depends on how soon the cut is healed, and on `reconnectNs`: with
 * it, each member joins one of those that it holds dead so often, as NetworkDB's `reconnectNode`
 * does every minute (moby `libnetwork/networkdb/cluster.go`).
 */
import { MemberState } from '../../gossip/members/views.ts';
import { drawBelow } from '../../sim/chance.ts';
import { MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { type CurvePoint, DeadViews } from './dead-views.ts';
import { type ClusterInit, EstablishedCluster } from './established-cluster.ts';
import { type AlarmCounts, FalseAlarms } from './false-alarms.ts';
import { type Load, LoadMeter } from './load.ts';

/** How often it looks whether the end has come. */
const SLICE_NS = SECOND_NS / 2;
/** How long after the healing it waits for the parts to be one again, unless it is told. */
const PATIENCE_NS = 5 * MINUTE_NS;
/** The least number of members: one on each side, and one to talk to. */
export const PARTITION_MEMBERS_MIN = 3;

/** Settings of the experiment. */
export interface PartitionInit extends ClusterInit {
  /** How long the cut lasts, ns. */
  readonly cutNs: number;
  /** The share of the members in one part, in (0, 1); the rest is the other. */
  readonly partRatio: number;
  /** How often each member joins one that it holds dead, ns; 0 for never. */
  readonly reconnectNs: number;
  /** Ends this long after the healing, ns; when nobody is dead any more, at most five minutes. */
  readonly untilNs?: number;
}

/** What came of it; instants are since the cut, and `undefined` for what did not happen. */
export interface PartitionResult {
  /** Members of the two parts. */
  readonly partCounts: readonly [number, number];
  /** Somebody declares a member of the other part dead. */
  readonly firstDeadNs: number | undefined;
  /** Everybody holds the whole other part dead. */
  readonly allDeadNs: number | undefined;
  /** The share of the views across the cut that said dead when it was healed. */
  readonly deadRatioHealed: number;
  readonly healedNs: number;
  /** Nobody holds anybody of the other part dead any more. */
  readonly reunitedNs: number | undefined;
  /** The share of the views across the cut that say dead at the end. */
  readonly deadRatioEnd: number;
  readonly curve: readonly CurvePoint[];
  /** Of members that could be reached: of the own part always, of the other after the healing. */
  readonly alarms: AlarmCounts;
  /** Per member and second during the cut, and after it. */
  readonly cutLoad: Load;
  readonly healedLoad: Load;
  readonly endedNs: number;
  readonly digest: string;
}

/** Which part a member is in: parts interleave, so that both have members of all phases. */
function partOf(member: number, partRatio: number): 0 | 1 {
  const isFirst = Math.floor((member + 1) * partRatio) > Math.floor(member * partRatio);
  return isFirst ? 0 : 1;
}

/** Runs the experiment; `onProgress` hears how much of its time has passed. */
export function simulatePartition(
  init: PartitionInit,
  onProgress: (ratio: number) => void = () => {},
): PartitionResult {
  const { memberCount, partRatio, cutNs, reconnectNs } = init;
  const cluster = new EstablishedCluster(init);
  const { world, swim, network } = cluster;
  const firstCount = Math.floor(memberCount * partRatio);
  const partCounts = [firstCount, memberCount - firstCount] as const;
  const isAcross = (a: number, b: number): boolean => partOf(a, partRatio) !== partOf(b, partRatio);
  const cutAtNs = world.nowNs;
  const views = new DeadViews(world, 2 * partCounts[0] * partCounts[1], isAcross);
  let isCut = true;
  const alarms = new FalseAlarms(world, memberCount, (a, b) => !(isCut && isAcross(a, b)));
  const meter = new LoadMeter(world, swim);
  const endNs = cutNs + (init.untilNs ?? PATIENCE_NS);
  const runTo = (spanNs: number, isOver: () => boolean): void => {
    while (world.nowNs < cutAtNs + spanNs && !isOver()) {
      world.queue.runUntil(Math.min(world.nowNs + SLICE_NS, cutAtNs + spanNs));
      onProgress((world.nowNs - cutAtNs) / endNs);
    }
  };
  swim.beforeUnderlayChange();
  network.cut((member) => partOf(member, partRatio));
  if (reconnectNs > 0) reconnectEvery(cluster, reconnectNs);
  runTo(cutNs, () => false);
  const cutLoad = meter.perMemberSecond(memberCount);
  const deadRatioHealed = views.deadRatio;
  meter.reset();
  swim.beforeUnderlayChange();
  network.heal();
  isCut = false;
  runTo(endNs, () => init.untilNs === undefined && views.deadRatio === 0);
  return {
    partCounts,
    firstDeadNs: views.firstNs,
    allDeadNs: views.allNs,
    deadRatioHealed,
    healedNs: cutNs,
    reunitedNs: views.noneNs,
    deadRatioEnd: views.deadRatio,
    curve: views.curve(),
    alarms: alarms.counts(),
    cutLoad,
    healedLoad: meter.perMemberSecond(memberCount),
    endedNs: world.nowNs - cutAtNs,
    digest: world.observations.digest.text,
  };
}

/** Lets each member join one that it holds dead so often, from a drawn instant on. */
function reconnectEvery(
  { world, swim, memberCount }: EstablishedCluster,
  intervalNs: number,
): void {
  const key = world.chance.key('gossip-experiment.reconnect');
  const reconnect = (member: number, round: number): void => {
    const atNs = world.nowNs + (round === 0 ? drawBelow(key, intervalNs, member) : intervalNs);
    world.queue.scheduleCallback(atNs, () => {
      const from = drawBelow(key, memberCount, member, round, 1);
      const dead = firstDeadFrom(member, from);
      if (dead !== undefined) swim.join(member, [dead]);
      reconnect(member, round + 1);
    });
  };
  const firstDeadFrom = (member: number, from: number): number | undefined => {
    for (let i = 0; i < memberCount; i++) {
      const other = (from + i) % memberCount;
      if (swim.stateOf(member, other) === MemberState.dead) return other;
    }
    return undefined;
  };
  for (let member = 0; member < memberCount; member++) reconnect(member, 0);
}
