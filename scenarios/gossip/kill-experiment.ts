/**
 * The experiment behind `gossip simulate`: members that have known each other for long, a while of
 * quiet in which their traffic is counted, then some processes are killed, and it is seen when the
 * others suspect them, declare them dead, and all know.
 *
 * It is the experiment whose results on the real memberlist (v0.4.0 on loopback, 8-character names)
 * the membership is held to. Members start at drawn instants within one probe interval, so that
 * their ticks are spread as those of processes that nobody started together.
 */

import type { SwimConfig } from '../../gossip/constants.ts';
import { Counter } from '../../gossip/counters.ts';
import { Observed } from '../../gossip/observed.ts';
import { Swim } from '../../gossip/swim.ts';
import { drawBelow } from '../../sim/chance.ts';
import type { ObservationKind } from '../../sim/observations.ts';
import { MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { type UniformConditions, UniformNetwork } from './uniform-network.ts';

/** How long the traffic of the quiet cluster is counted, unless it is said, in probe intervals. */
const QUIET_INTERVALS = 10;
/** How long the experiment waits for all survivors to know, unless it is told. */
const PATIENCE_NS = 10 * MINUTE_NS;
/** How often it looks whether they do. */
const SLICE_NS = 50 * MILLISECOND_NS;
/** Points of the curve at most. */
const CURVE_POINTS_MAX = 200;
const NAME_DIGITS_MIN = 3;
const FIRST_ADDRESS = 0x0a00_0001;

/** Settings of the experiment. */
export interface KillInit extends UniformConditions {
  readonly seed: string;
  readonly memberCount: number;
  /** Killed at once; fewer than the members. */
  readonly killCount: number;
  readonly config: SwimConfig;
  /** Ends this long after the kill, ns; when all know, but after at most ten minutes, unless given. */
  readonly untilNs?: number;
  /**
   * How long the traffic is counted before the kill, ns; ten probe intervals unless given. The first
   * push/pulls come one push/pull interval after the start, so a shorter span has none.
   */
  readonly quietNs?: number;
  readonly shortcuts?: boolean;
}

/** What a member sends in a second on average: UDP payloads and TCP stream bytes. */
export interface Load {
  readonly packets: number;
  readonly packetBytes: number;
  readonly streams: number;
  readonly streamBytes: number;
}

/** How many of the survivors' views of the killed say dead at an instant. */
export interface CurvePoint {
  /** Since the kill. */
  readonly atNs: number;
  /** In [0, 1]. */
  readonly knownRatio: number;
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
  readonly knownRatio: number;
  readonly curve: readonly CurvePoint[];
  /** Suspicions of members whose process ran, summed over observers. */
  readonly falseSuspicions: number;
  /** Declarations of death of members whose process ran, summed over observers. */
  readonly falsePositives: number;
  readonly refutations: number;
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
  const { memberCount, killCount, config } = init;
  const world = new World(init.seed);
  const { queue } = world;
  const swim: Swim = new Swim({
    world,
    underlay: new UniformNetwork(world, init, (member) => swim.isUp(member)),
    config,
    shortcuts: init.shortcuts ?? true,
  });
  startMembers(world, swim, init);
  queue.runUntil(world.nowNs + config.probeIntervalNs);
  const quietSince = totalsOf(swim, world.nowNs);
  queue.runUntil(world.nowNs + (init.quietNs ?? QUIET_INTERVALS * config.probeIntervalNs));
  const quietLoad = loadSince(quietSince, swim, world.nowNs, memberCount);
  const key = world.chance.key('gossip-experiment.kill');
  queue.runUntil(world.nowNs + drawBelow(key, config.probeIntervalNs, 0));
  const victims = victimsOf(key, memberCount, killCount);
  const record = new KillRecord(world, memberCount, victims);
  const killSince = totalsOf(swim, world.nowNs);
  for (const victim of victims) swim.crash(victim);
  const endAtNs = record.killedAtNs + (init.untilNs ?? PATIENCE_NS);
  const endsEarly = init.untilNs === undefined;
  while (world.nowNs < endAtNs && !(endsEarly && record.knownRatio === 1)) {
    queue.runUntil(Math.min(world.nowNs + SLICE_NS, endAtNs));
    onProgress(record.knownRatio);
  }
  const survivorCount = memberCount - killCount;
  return {
    killedCount: killCount,
    survivorCount,
    ...record.result(),
    falseSuspicions: record.falseSuspicions,
    falsePositives: swim.totalOf(Counter.falsePositives),
    refutations: swim.totalOf(Counter.refutations),
    quietLoad,
    killLoad: loadSince(killSince, swim, world.nowNs, survivorCount),
    endedNs: world.nowNs - record.killedAtNs,
    digest: world.observations.digest.text,
  };
}

/** Adds the members, starts them within one probe interval, and makes them know each other. */
function startMembers(world: World, swim: Swim, init: KillInit): void {
  const { memberCount, config } = init;
  const digits = Math.max(NAME_DIGITS_MIN, String(memberCount - 1).length);
  const key = world.chance.key('gossip-experiment.start');
  for (let i = 0; i < memberCount; i++) {
    const name = `node-${String(i).padStart(digits, '0')}`;
    const startAtNs = drawBelow(key, config.probeIntervalNs, i);
    swim.addMember({ name, address: FIRST_ADDRESS + i, startAtNs });
  }
  world.queue.runUntil(config.probeIntervalNs);
  swim.establish();
}

/** That many members, drawn. */
function victimsOf(key: number, memberCount: number, killCount: number): number[] {
  const victims = new Set<number>();
  for (let i = 0; victims.size < killCount; i++) victims.add(drawBelow(key, memberCount, i, 1));
  return [...victims];
}

interface Totals extends Load {
  readonly atNs: number;
}

function totalsOf(swim: Swim, atNs: number): Totals {
  return {
    atNs,
    packets: swim.totalOf(Counter.packetsSent),
    packetBytes: swim.totalOf(Counter.packetBytesSent),
    streams: swim.totalOf(Counter.streams),
    streamBytes: swim.totalOf(Counter.streamBytesSent),
  };
}

function loadSince(since: Totals, swim: Swim, nowNs: number, memberCount: number): Load {
  const now = totalsOf(swim, nowNs);
  const memberSeconds = Math.max(
    (memberCount * (nowNs - since.atNs)) / SECOND_NS,
    Number.MIN_VALUE,
  );
  return {
    packets: (now.packets - since.packets) / memberSeconds,
    packetBytes: (now.packetBytes - since.packetBytes) / memberSeconds,
    streams: (now.streams - since.streams) / memberSeconds,
    streamBytes: (now.streamBytes - since.streamBytes) / memberSeconds,
  };
}

/** Hears who suspects and declares dead whom; one bit for each view of a killed member. */
class KillRecord {
  readonly killedAtNs: number;
  falseSuspicions = 0;
  readonly #memberCount: number;
  readonly #victimNumbers = new Map<number, number>();
  readonly #known: Uint8Array;
  readonly #viewCount: number;
  #knownCount = 0;
  #firstSuspicionNs: number | undefined = undefined;
  #halfKnownNs: number | undefined = undefined;
  #convergedNs: number | undefined = undefined;
  /** Declarations of death in each ms since the kill. */
  readonly #perMillisecond: number[] = [];
  #firstDeadNs: number | undefined = undefined;

  constructor(world: World, memberCount: number, victims: readonly number[]) {
    this.killedAtNs = world.nowNs;
    this.#memberCount = memberCount;
    for (const victim of victims) this.#victimNumbers.set(victim, this.#victimNumbers.size);
    this.#viewCount = (memberCount - victims.length) * victims.length;
    this.#known = new Uint8Array(Math.ceil((memberCount * victims.length) / 8));
    const hear = (
      kind: ObservationKind,
      handle: (atNs: number, observer: number, subject: number) => void,
    ): void => {
      world.observations.subscribe(kind, ({ atNs, node, a }) => {
        handle(atNs - this.killedAtNs, node, a);
      });
    };
    hear(Observed.suspect, (atNs, _observer, subject) => this.#onSuspect(atNs, subject));
    hear(Observed.dead, (atNs, observer, subject) => this.#onDead(atNs, observer, subject));
  }

  /** The share of the survivors' views of the killed that have said dead. */
  get knownRatio(): number {
    return this.#viewCount === 0 ? 1 : this.#knownCount / this.#viewCount;
  }

  result(): Pick<
    KillResult,
    'firstSuspicionNs' | 'firstDeadNs' | 'halfKnownNs' | 'convergedNs' | 'knownRatio' | 'curve'
  > {
    return {
      firstSuspicionNs: this.#firstSuspicionNs,
      firstDeadNs: this.#firstDeadNs,
      halfKnownNs: this.#halfKnownNs,
      convergedNs: this.#convergedNs,
      knownRatio: this.knownRatio,
      curve: this.#curve(),
    };
  }

  #onSuspect(atNs: number, subject: number): void {
    if (this.#victimNumbers.has(subject)) this.#firstSuspicionNs ??= atNs;
    else this.falseSuspicions++;
  }

  #onDead(atNs: number, observer: number, subject: number): void {
    const victim = this.#victimNumbers.get(subject);
    if (victim === undefined) return;
    const bit = victim * this.#memberCount + observer;
    const mask = 1 << (bit & 7);
    if ((this.#known[bit >>> 3]! & mask) !== 0) return;
    this.#known[bit >>> 3]! |= mask;
    this.#knownCount++;
    this.#firstDeadNs ??= atNs;
    if (this.#knownCount * 2 >= this.#viewCount) this.#halfKnownNs ??= atNs;
    if (this.#knownCount === this.#viewCount) this.#convergedNs = atNs;
    const millisecond = Math.ceil(atNs / MILLISECOND_NS);
    this.#perMillisecond[millisecond] = (this.#perMillisecond[millisecond] ?? 0) + 1;
  }

  /** The first and last instants, and of those between as many as the limit allows. */
  #curve(): CurvePoint[] {
    const points: CurvePoint[] = [];
    let knownCount = 0;
    for (const [millisecond, count] of Object.entries(this.#perMillisecond)) {
      knownCount += count;
      const atNs = Number(millisecond) * MILLISECOND_NS;
      points.push({ atNs, knownRatio: knownCount / this.#viewCount });
    }
    const step = Math.max(1, Math.ceil(points.length / CURVE_POINTS_MAX));
    return points.filter((_, i) => i === 0 || i === points.length - 1 || i % step === 0);
  }
}
