/**
 * The experiment whose results on the real memberlist are in the fixtures, step by step: all members
 * but one are created some milliseconds apart and join the first; 10 s after all know all another
 * joins; 8 s after all know it the traffic of 30 s is counted; within 2 s one is killed; 5 s after all
 * others have declared it dead, one leaves.
 *
 * The real members were goroutines of one process on two cores, and a dozen such clusters ran at a
 * time. Creating and joining them was too much for the cores: the join calls of a cluster took 0.1 s,
 * where an idle machine needs 1 ms. How long they took is in the fixtures and an input here; they are
 * spread over that time, and creations too take what is known from it.
 */
import { drawBelow } from '../../sim/chance.ts';
import type { Observation } from '../../sim/observations.ts';
import { MICROSECOND_NS, MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { MessageType } from '../../wire/memberlist/message.ts';
import type { SwimConfig } from '../constants.ts';
import { Counter } from '../counters.ts';
import { permuted } from '../members/permutation.ts';
import { Observed } from '../observed.ts';
import { TestCluster } from './test-cluster.ts';

/** Between two creations: a pause of 0 to 9 ms, whole ones, and the creation. */
const CREATION_PAUSES_MS = 10;
/** On an idle machine. */
const CREATION_NS_MIN = 300 * MICROSECOND_NS;
/**
 * On a busy one, in relation to a join call. It was not measured: this is what the tickers' phases say,
 * which are those of the creations.
 */
const CREATION_RATIO = 0.45;

const LOOPBACK = 0x7f00_0001;
/**
 * The kernel binds listeners to odd ports of the lower half of `net.ipv4.ip_local_port_range`. It
 * matters: ports are in every message, and odd ones compress less well among the rest.
 */
const PORT_MIN = 32_769;
const PORT_COUNT = 7_056;
/** Most members of an experiment. */
const MEMBERS_MAX = 256;

/** How long the real program waited for everybody to agree before it went on, at most. */
const PATIENCE_NS = 150 * SECOND_NS;
/** How often it looked. */
const POLL_NS = 20 * MILLISECOND_NS;

const STEADY_NS = 30 * SECOND_NS;

/** Settings of the experiment. */
export interface MeasuredInit {
  readonly config: SwimConfig;
  /** Members in all. */
  readonly count: number;
  /** How long after the first join call the last one returned, ns. */
  readonly joinCallsNs: number;
  /**
   * Whether the program went on whole seconds after it saw that all agree, in step with the gossip
   * ticks that made them agree; otherwise at any time.
   */
  readonly isInStep?: boolean;
}

/**
 * What one run gives, under the names of the fixtures: seconds, numbers, and numbers per member and
 * second. NaN is what never came.
 */
export interface MeasuredRun {
  readonly joinSeconds: Readonly<
    Record<'allKnowAll' | 'allKnowAllAfterLastJoinCall' | 'lateAllKnow' | 'lateMedianKnows', number>
  >;
  readonly steadyPerNodePerSecond: Readonly<
    Record<'udpPackets' | 'udpPayloadBytes' | 'streams' | 'streamBytesBothDirections', number>
  >;
  readonly killSeconds: Readonly<
    Record<
      | 'firstSuspicion'
      | 'firstDead'
      | 'medianSurvivorDead'
      | 'allSurvivorsDead'
      | 'firstSuspicionToFirstDead'
      | 'firstDeadToAllDead',
      number
    >
  >;
  readonly killCounts: Readonly<
    Record<
      | 'survivorsWhoseOwnTimerFired'
      | 'failedProbesOfTheVictim'
      | 'suspectMessagesSent'
      | 'deadMessagesSent'
      | 'udpPacketsUntil5sAfterAgreement'
      | 'udpBytesUntil5sAfterAgreement',
      number
    >
  >;
  readonly leaveSeconds: Readonly<Record<'allOthersKnow' | 'leaveCallReturned', number>>;
  /** Neither happened in any fixture. */
  readonly falsePositives: number;
  readonly refutations: number;
}

/** Runs the experiment. */
export function measure(seed: string, init: MeasuredInit): MeasuredRun {
  const { count } = init;
  const cluster = new TestCluster({ seed, count: 0, config: init.config });
  const { world, swim } = cluster;
  const key = world.chance.key('experiment');
  const joinSeconds = joinAll(cluster, init);
  const steadyPerNodePerSecond = countSteady(cluster);
  cluster.run(drawBelow(key, 2 * SECOND_NS, count, 2));
  const victim = 1 + drawBelow(key, count - 1, count, 3);
  const killed = killOne(cluster, victim, init.isInStep === true);
  if (init.isInStep !== true) cluster.run(drawBelow(key, SECOND_NS, count, 5));
  let leaver = 1 + drawBelow(key, count - 2, count, 4);
  if (leaver >= victim) leaver++;
  return {
    joinSeconds,
    steadyPerNodePerSecond,
    ...killed,
    leaveSeconds: leaveOne(cluster, leaver, count - 2),
    falsePositives: swim.totalOf(Counter.falsePositives),
    refutations: swim.totalOf(Counter.refutations),
  };
}

function joinAll(cluster: TestCluster, init: MeasuredInit): MeasuredRun['joinSeconds'] {
  const { world, swim } = cluster;
  const { count, joinCallsNs } = init;
  const key = world.chance.key('experiment.join');
  const busyNs = Math.round((joinCallsNs / (count - 2)) * CREATION_RATIO);
  const creationNs = Math.max(CREATION_NS_MIN, busyNs);
  let startAtNs = 0;
  for (let i = 0; i < count - 1; i++) {
    addMember(cluster, startAtNs);
    startAtNs += drawBelow(key, CREATION_PAUSES_MS, i) * MILLISECOND_NS;
    startAtNs += creationNs;
  }
  cluster.run(startAtNs);
  const alive = cluster.record(Observed.alive);
  const joinedAtNs = world.nowNs;
  for (let i = 1; i < count - 1; i++) {
    const afterNs = i === 1 ? joinCallsNs : drawBelow(key, joinCallsNs + 1, i, 1);
    world.queue.scheduleCallback(joinedAtNs + afterNs, () => swim.join(i, [0]));
  }
  runUntil(cluster, () => alive.length >= (count - 1) * (count - 2));
  const allKnowAll = secondsTo(alive.at(-1), joinedAtNs);
  cluster.run(10 * SECOND_NS);
  // the program's own delays: its tickers and its looking at results are not in step
  if (init.isInStep !== true) cluster.run(drawBelow(key, 200 * MILLISECOND_NS, count));
  const lateJoiner = addMember(cluster, world.nowNs);
  const lateAtNs = world.nowNs;
  const known: Observation[] = [];
  world.observations.subscribe(Observed.alive, (one) => {
    if (one.a === lateJoiner && one.node !== lateJoiner) known.push(one);
  });
  swim.join(lateJoiner, [0]);
  runUntil(cluster, () => known.length === count - 1);
  return {
    allKnowAll,
    allKnowAllAfterLastJoinCall: allKnowAll - joinCallsNs / SECOND_NS,
    lateAllKnow: secondsTo(known[count - 2], lateAtNs),
    lateMedianKnows: secondsTo(known[(count - 1) >> 1], lateAtNs),
  };
}

/** Adds a member at a port that the kernel chose: it is in every message, and is compressed. */
function addMember(cluster: TestCluster, startAtNs: number): number {
  const { swim, world } = cluster;
  const member = swim.memberCount;
  const key = world.chance.key('experiment.port');
  const part = Math.floor(PORT_COUNT / MEMBERS_MAX);
  // a part of the range for each, in random order, so that no two have the same
  const slot = permuted(key, MEMBERS_MAX, member);
  return swim.addMember({
    name: `node-${String(member).padStart(3, '0')}`,
    address: LOOPBACK,
    port: PORT_MIN + 2 * (slot * part + drawBelow(key, part, member)),
    startAtNs,
  });
}

function countSteady(cluster: TestCluster): MeasuredRun['steadyPerNodePerSecond'] {
  const { swim } = cluster;
  cluster.run(8 * SECOND_NS);
  const counters = [
    Counter.packetsSent,
    Counter.packetBytesSent,
    Counter.streams,
    Counter.streamBytesSent,
  ] as const;
  const before = counters.map((counter) => swim.totalOf(counter));
  cluster.run(STEADY_NS);
  const memberSeconds = (swim.memberCount * STEADY_NS) / SECOND_NS;
  const [udpPackets, udpPayloadBytes, streams, streamBytesBothDirections] = counters.map(
    (counter, i) => (swim.totalOf(counter) - before[i]!) / memberSeconds,
  ) as [number, number, number, number];
  return { udpPackets, udpPayloadBytes, streams, streamBytesBothDirections };
}

/** What the packets say of a death. */
interface Overheard {
  suspectCount: number;
  deadCount: number;
  /** Who declared it: all whose own timer ran out before they heard it. */
  readonly declarers: Set<number>;
}

function overhear(cluster: TestCluster): Overheard {
  const heard: Overheard = {
    suspectCount: 0,
    deadCount: 0,
    declarers: new Set(),
  };
  cluster.swim.setOnDatagram((_from, _to, parts) => {
    for (const part of parts) {
      if (part.type === MessageType.suspect) {
        heard.suspectCount++;
      } else if (part.type === MessageType.dead) {
        heard.deadCount++;
        heard.declarers.add(part.from);
      }
    }
  });
  return heard;
}

function killOne(
  cluster: TestCluster,
  victim: number,
  isInStep: boolean,
): Pick<MeasuredRun, 'killSeconds' | 'killCounts'> {
  const { world, swim } = cluster;
  const suspects = cluster.record(Observed.suspect);
  const dead = cluster.record(Observed.dead);
  const heard = overhear(cluster);
  const killedAtNs = world.nowNs;
  const counters = [Counter.packetsSent, Counter.packetBytesSent, Counter.probeFailures] as const;
  const before = counters.map((counter) => swim.totalOf(counter));
  const survivorCount = swim.memberCount - 1;
  swim.crash(victim);
  runUntil(cluster, () => dead.length === survivorCount);
  const seenAtNs = isInStep ? world.nowNs : dead.at(-1)?.atNs;
  cluster.run((seenAtNs ?? world.nowNs) + 5 * SECOND_NS - world.nowNs);
  const [packets, bytes, failures] = counters.map(
    (counter, i) => swim.totalOf(counter) - before[i]!,
  ) as [number, number, number];
  swim.setOnDatagram(undefined);
  const firstSuspicion = secondsTo(suspects[0], killedAtNs);
  const firstDead = secondsTo(dead[0], killedAtNs);
  const allSurvivorsDead = secondsTo(dead.at(-1), killedAtNs);
  return {
    killSeconds: {
      firstSuspicion,
      firstDead,
      medianSurvivorDead: secondsTo(dead[dead.length >> 1], killedAtNs),
      allSurvivorsDead,
      firstSuspicionToFirstDead: firstDead - firstSuspicion,
      firstDeadToAllDead: allSurvivorsDead - firstDead,
    },
    killCounts: {
      survivorsWhoseOwnTimerFired: heard.declarers.size,
      failedProbesOfTheVictim: failures,
      suspectMessagesSent: heard.suspectCount,
      deadMessagesSent: heard.deadCount,
      udpPacketsUntil5sAfterAgreement: packets,
      udpBytesUntil5sAfterAgreement: bytes,
    },
  };
}

function leaveOne(
  cluster: TestCluster,
  leaver: number,
  othersCount: number,
): MeasuredRun['leaveSeconds'] {
  const { world, swim } = cluster;
  const left = cluster.record(Observed.left);
  const leftAtNs = world.nowNs;
  let returnedAtNs = Number.NaN;
  swim.leave(leaver, 5 * SECOND_NS, (nowNs) => {
    returnedAtNs = nowNs;
  });
  cluster.run(10 * SECOND_NS);
  const others = left.filter((one) => one.node !== leaver);
  return {
    allOthersKnow: secondsTo(others.length < othersCount ? undefined : others.at(-1), leftAtNs),
    leaveCallReturned: (returnedAtNs - leftAtNs) / SECOND_NS,
  };
}

/** Runs until something is the case, for as long as the program would have waited. */
function runUntil(cluster: TestCluster, isDone: () => boolean): void {
  const untilNs = cluster.world.nowNs + PATIENCE_NS;
  while (!isDone() && cluster.world.nowNs < untilNs) cluster.run(POLL_NS);
}

function secondsTo(observation: Observation | undefined, sinceNs: number): number {
  return observation === undefined ? Number.NaN : (observation.atNs - sinceNs) / SECOND_NS;
}
