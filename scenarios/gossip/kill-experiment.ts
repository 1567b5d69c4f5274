/**
 * The experiment behind `gossip simulate`: members that have known each other for long, a while of
 * quiet in which their traffic is counted, then some processes are killed, and it is seen when the
 * others suspect them, declare them dead, and all know.
 *
 * It is the experiment whose results on the real memberlist (v0.4.0 on loopback, 8-character names)
 * the membership is held to.
 */
import { Observed } from '../../gossip/observed.ts';
import { drawBelow } from '../../sim/chance.ts';
import { MILLISECOND_NS, MINUTE_NS } from '../../sim/time.ts';
import { type CurvePoint, DeadViews } from './dead-views.ts';
import { type ClusterInit, EstablishedCluster } from './established-cluster.ts';
import { type AlarmCounts, FalseAlarms } from './false-alarms.ts';
import { type Load, LoadMeter } from './load.ts';

/** How long the traffic of the quiet cluster is counted, unless it is said, in probe intervals. */
const QUIET_INTERVALS = 10;
/** How long the experiment waits for all survivors to know, unless it is told. */
const PATIENCE_NS = 10 * MINUTE_NS;
/** How often it looks whether they do. */
const SLICE_NS = 50 * MILLISECOND_NS;

/** Settings of the experiment. */
export interface KillInit extends ClusterInit {
  /** Killed at once; fewer than the members. */
  readonly killCount: number;
  /** Ends this long after the kill, ns; when all know, but after at most ten minutes, unless given. */
  readonly untilNs?: number;
  /**
   * How long the traffic is counted before the kill, ns; ten probe intervals unless given. The first
   * push/pulls come one push/pull interval after the start, so a shorter span has none.
   */
  readonly quietNs?: number;
}

/** What came of it; instants are since the kill, and `undefined` for what did not happen. */
export interface KillResult {
  readonly killedCount: number;
  readonly survivorCount: number;
  /** Some survivor begins to suspect one of the killed. */
  readonly firstSuspicionNs: number | undefined;
  /** Some survivor declares one of the killed dead. */
  readonly firstDeadNs: number | undefined;
  /** Half of the survivors' views of the killed say dead. */
  readonly halfKnownNs: number | undefined;
  /** All survivors hold all of the killed dead. */
  readonly convergedNs: number | undefined;
  /** The share of the survivors' views of the killed that say dead at the end. */
  readonly knownRatio: number;
  readonly curve: readonly CurvePoint[];
  /** When the first survivor declared each of the killed dead, ascending; who never was is left out. */
  readonly detectedNs: readonly number[];
  /** From the kill to the end, of members whose process ran. */
  readonly alarms: AlarmCounts;
  /** Per member and second before the kill. */
  readonly quietLoad: Load;
  /** Per survivor and second from the kill to the end. */
  readonly killLoad: Load;
  /** How long the experiment went on after the kill. */
  readonly endedNs: number;
  readonly digest: string;
}

/** Runs the experiment; `onProgress` hears the share of the survivors' views that say dead. */
export function simulateKill(
  init: KillInit,
  onProgress: (knownRatio: number) => void = () => {},
): KillResult {
  const experiment = new KillExperiment(init);
  experiment.countQuietLoad();
  experiment.kill();
  experiment.runToEnd(onProgress);
  return experiment.result();
}

/** The experiment in its steps, to be taken once each and in this order. */
export class KillExperiment {
  readonly cluster: EstablishedCluster;
  readonly #init: KillInit;
  readonly #meter: LoadMeter;
  readonly #killKey: number;
  #quietLoad: Load;
  #killedAtNs = 0;
  #firstSuspicionNs: number | undefined = undefined;
  readonly #detectedNs = new Map<number, number>();
  #views!: DeadViews;
  #alarms!: FalseAlarms;

  /** Builds the cluster. */
  constructor(init: KillInit) {
    this.#init = init;
    this.cluster = new EstablishedCluster(init);
    const { world, swim } = this.cluster;
    this.#killKey = world.chance.key('gossip-experiment.kill');
    this.#meter = new LoadMeter(world, swim);
    this.#quietLoad = this.#meter.total();
  }

  /** Lets the quiet pass in which traffic is counted. */
  countQuietLoad(): void {
    const { memberCount, config, quietNs } = this.#init;
    this.cluster.runFor(quietNs ?? QUIET_INTERVALS * config.probeIntervalNs);
    this.#quietLoad = this.#meter.perMemberSecond(memberCount);
    this.cluster.runFor(drawBelow(this.#killKey, config.probeIntervalNs, 0));
  }

  /** Kills the drawn members and begins to record. */
  kill(): void {
    const { memberCount, killCount } = this.#init;
    const { world, swim } = this.cluster;
    const victims = this.#drawVictims();
    this.#killedAtNs = world.nowNs;
    const viewCount = (memberCount - killCount) * killCount;
    this.#views = new DeadViews(world, viewCount, (_, subject) => victims.has(subject));
    this.#alarms = new FalseAlarms(world, memberCount, (_, subject) => !victims.has(subject));
    world.observations.subscribe(Observed.suspect, ({ atNs, a }) => {
      if (this.#firstSuspicionNs === undefined && victims.has(a)) {
        this.#firstSuspicionNs = atNs - this.#killedAtNs;
      }
    });
    world.observations.subscribe(Observed.dead, ({ atNs, a }) => {
      if (this.#detectedNs.size === victims.size) return;
      if (victims.has(a) && !this.#detectedNs.has(a)) {
        this.#detectedNs.set(a, atNs - this.#killedAtNs);
      }
    });
    this.#meter.reset();
    for (const victim of victims) swim.crash(victim);
  }

  /** Runs until all know, or until the end that was asked for. */
  runToEnd(onProgress: (knownRatio: number) => void = () => {}): void {
    const { untilNs } = this.#init;
    const { world } = this.cluster;
    const endAtNs = this.#killedAtNs + (untilNs ?? PATIENCE_NS);
    const endsEarly = untilNs === undefined;
    while (world.nowNs < endAtNs && !(endsEarly && this.#views.deadRatio === 1)) {
      world.queue.runUntil(Math.min(world.nowNs + SLICE_NS, endAtNs));
      onProgress(this.#views.deadRatio);
    }
  }

  /** What came of it. */
  result(): KillResult {
    const { memberCount, killCount } = this.#init;
    const survivorCount = memberCount - killCount;
    return {
      killedCount: killCount,
      survivorCount,
      firstSuspicionNs: this.#firstSuspicionNs,
      firstDeadNs: this.#views.firstNs,
      halfKnownNs: this.#views.halfNs,
      convergedNs: this.#views.allNs,
      knownRatio: this.#views.deadRatio,
      curve: this.#views.curve(),
      detectedNs: [...this.#detectedNs.values()].sort((a, b) => a - b),
      alarms: this.#alarms.counts(),
      quietLoad: this.#quietLoad,
      killLoad: this.#meter.perMemberSecond(survivorCount),
      endedNs: this.cluster.world.nowNs - this.#killedAtNs,
      digest: this.cluster.world.observations.digest.text,
    };
  }

  /** What all members have sent since the kill. */
  sentSinceKill(): Load {
    return this.#meter.total();
  }

  #drawVictims(): ReadonlySet<number> {
    const { memberCount, killCount } = this.#init;
    const victims = new Set<number>();
    for (let i = 0; victims.size < killCount; i++) {
      victims.add(drawBelow(this.#killKey, memberCount, i, 1));
    }
    return victims;
  }
}
