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
import { MemberState } from '../../gossip/members/entries.ts';
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
  const experiment = new PartitionExperiment(init);
  experiment.cut(onProgress);
  experiment.heal(onProgress);
  return experiment.result();
}

/** The experiment in its steps, to be taken once each and in this order. */
export class PartitionExperiment {
  readonly cluster: EstablishedCluster;
  readonly #init: PartitionInit;
  readonly #partCounts: readonly [number, number];
  readonly #cutAtNs: number;
  readonly #views: DeadViews;
  readonly #alarms: FalseAlarms;
  readonly #meter: LoadMeter;
  #isCut = false;
  #cutLoad: Load;
  #cutPackets = 0;
  #deadRatioHealed = 0;

  /** Builds the cluster and begins to record. */
  constructor(init: PartitionInit) {
    const { memberCount, partRatio } = init;
    this.#init = init;
    this.cluster = new EstablishedCluster(init);
    const { world, swim } = this.cluster;
    const firstCount = Math.floor(memberCount * partRatio);
    this.#partCounts = [firstCount, memberCount - firstCount];
    this.#cutAtNs = world.nowNs;
    const isAcross = (a: number, b: number): boolean =>
      partOf(a, partRatio) !== partOf(b, partRatio);
    const viewCount = 2 * this.#partCounts[0] * this.#partCounts[1];
    this.#views = new DeadViews(world, viewCount, isAcross);
    const isFalse = (a: number, b: number): boolean => !(this.#isCut && isAcross(a, b));
    this.#alarms = new FalseAlarms(world, memberCount, isFalse);
    this.#meter = new LoadMeter(world, swim);
    this.#cutLoad = this.#meter.total();
  }

  /** Cuts the network, and lets the time of the cut pass. */
  cut(onProgress: (ratio: number) => void = () => {}): void {
    const { memberCount, partRatio, cutNs, reconnectNs } = this.#init;
    const { swim, network } = this.cluster;
    this.#isCut = true;
    swim.beforeUnderlayChange();
    network.cut((member) => partOf(member, partRatio));
    if (reconnectNs > 0) reconnectEvery(this.cluster, reconnectNs);
    this.#runTo(cutNs, () => false, onProgress);
    this.#cutLoad = this.#meter.perMemberSecond(memberCount);
    this.#cutPackets = this.#meter.total().packets;
    this.#deadRatioHealed = this.#views.deadRatio;
  }

  /** Heals it, and runs to the end. */
  heal(onProgress: (ratio: number) => void = () => {}): void {
    const { swim, network } = this.cluster;
    this.#meter.reset();
    this.#isCut = false;
    swim.beforeUnderlayChange();
    network.heal();
    const { untilNs } = this.#init;
    this.#runTo(
      this.#endNs,
      () => untilNs === undefined && this.#views.deadRatio === 0,
      onProgress,
    );
  }

  /** What came of it. */
  result(): PartitionResult {
    const { world } = this.cluster;
    const views = this.#views;
    return {
      partCounts: this.#partCounts,
      firstDeadNs: views.firstNs,
      allDeadNs: views.allNs,
      deadRatioHealed: this.#deadRatioHealed,
      healedNs: this.#init.cutNs,
      reunitedNs: views.noneNs,
      deadRatioEnd: views.deadRatio,
      curve: views.curve(),
      alarms: this.#alarms.counts(),
      cutLoad: this.#cutLoad,
      healedLoad: this.#meter.perMemberSecond(this.#init.memberCount),
      endedNs: world.nowNs - this.#cutAtNs,
      digest: world.observations.digest.text,
    };
  }

  /** Packets that all members have sent since the cut. */
  packets(): number {
    return this.#cutPackets + this.#meter.total().packets;
  }

  get #endNs(): number {
    return this.#init.cutNs + (this.#init.untilNs ?? PATIENCE_NS);
  }

  /** Runs until so long after the cut, or until it is over. */
  #runTo(spanNs: number, isOver: () => boolean, onProgress: (ratio: number) => void): void {
    const { world } = this.cluster;
    const atNs = this.#cutAtNs + spanNs;
    while (world.nowNs < atNs && !isOver()) {
      world.queue.runUntil(Math.min(world.nowNs + SLICE_NS, atNs));
      onProgress((world.nowNs - this.#cutAtNs) / this.#endNs);
    }
  }
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
