/**
 * The experiment whose results on the real memberlist are in the fixtures: members of one process,
 * created some milliseconds apart, join the first; 10 s later another joins; one is killed; 5 s
 * after all others have declared it dead, one leaves.
 *
 * The real program ran several clusters on two cores, so that its join calls took up to 0.2 s where
 * the network would have needed 1 ms; they are spread here as they were there.
 */
import { drawBelow } from '../../sim/chance.ts';
import type { Observation } from '../../sim/observations.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { SwimConfig } from '../constants.ts';
import { Counter } from '../counters.ts';
import { Observed } from '../observed.ts';
import { TestCluster } from './test-cluster.ts';

/** Between the creations of two members: a pause of up to 9 ms and the time that it took. */
const CREATION_NS_MIN = MILLISECOND_NS;
const CREATION_NS_SPAN = 20 * MILLISECOND_NS;

const KILL_PATIENCE_NS = 100 * SECOND_NS;

/** What one run of the experiment gives: seconds, and packets and bytes per member and second. */
export interface MeasuredRun {
  readonly allKnowAll: number;
  readonly lateJoinerKnown: number;
  readonly packetsPerSecond: number;
  readonly packetBytesPerSecond: number;
  readonly firstSuspicion: number;
  readonly firstDead: number;
  readonly medianSurvivorDead: number;
  readonly allSurvivorsDead: number;
  readonly firstSuspicionToFirstDead: number;
  readonly firstDeadToAllDead: number;
  readonly leaveKnown: number;
  readonly leaveReturned: number;
}

/** Settings of the experiment. */
export interface MeasuredInit {
  readonly config: SwimConfig;
  /** Members in all. */
  readonly count: number;
  /** Longest time until the last join call returns, ns. */
  readonly joinNsMin: number;
  readonly joinNsMax: number;
  /** How long the real program waited until all knew all before it went on, at most, ns. */
  readonly patienceNs: number;
  /** How long the steady traffic is counted, ns. */
  readonly steadyNs: number;
}

/** Runs the experiment. */
export function measure(seed: string, init: MeasuredInit): MeasuredRun {
  const { count } = init;
  const cluster = new TestCluster({ seed, count: 0, config: init.config });
  const { world, swim } = cluster;
  const key = world.chance.key('experiment');
  let startAtNs = 0;
  for (let i = 0; i < count - 1; i++) {
    cluster.add(startAtNs);
    startAtNs += CREATION_NS_MIN + drawBelow(key, CREATION_NS_SPAN, i);
  }
  cluster.run(startAtNs);
  const alive = cluster.record(Observed.alive);
  const joinedAtNs = world.nowNs;
  const joinNs = init.joinNsMin + drawBelow(key, init.joinNsMax - init.joinNsMin, count);
  for (let i = 1; i < count - 1; i++) {
    const atNs = joinedAtNs + (i === 1 ? joinNs : drawBelow(key, joinNs, i, 1));
    world.queue.scheduleCallback(atNs, () => swim.join(i, [0]));
  }
  cluster.run(joinNs);
  runUntil(cluster, init.patienceNs, () => alive.length >= (count - 1) * (count - 2));
  cluster.run(10 * SECOND_NS + drawBelow(key, 200 * MILLISECOND_NS, count, 1));
  const lateJoiner = cluster.add();
  const lateAtNs = world.nowNs;
  swim.join(lateJoiner, [0]);
  runUntil(cluster, init.patienceNs, () => alive.length >= count * (count - 1));
  cluster.run(8 * SECOND_NS);
  const packets = swim.totalOf(Counter.packetsSent);
  const bytes = swim.totalOf(Counter.packetBytesSent);
  cluster.run(init.steadyNs);
  const memberSeconds = (count * init.steadyNs) / SECOND_NS;
  const packetsPerSecond = (swim.totalOf(Counter.packetsSent) - packets) / memberSeconds;
  const packetBytesPerSecond = (swim.totalOf(Counter.packetBytesSent) - bytes) / memberSeconds;
  cluster.run(drawBelow(key, 2 * SECOND_NS, count, 2));
  const victim = 1 + drawBelow(key, count - 1, count, 3);
  const killed = killOne(cluster, victim);
  let leaver = 1 + drawBelow(key, count - 2, count, 4);
  if (leaver >= victim) leaver++;
  const left = leaveOne(cluster, leaver, count - 2);
  const others = alive.filter((one) => one.a !== lateJoiner && one.node !== lateJoiner);
  const known = alive.filter((one) => one.a === lateJoiner && one.node !== lateJoiner);
  return {
    allKnowAll: secondsTo(others.at(-1), joinedAtNs),
    lateJoinerKnown: secondsTo(known.length === count - 1 ? known.at(-1) : undefined, lateAtNs),
    packetsPerSecond,
    packetBytesPerSecond,
    ...killed,
    ...left,
  };
}

type KillTimes = Pick<
  MeasuredRun,
  | 'firstSuspicion'
  | 'firstDead'
  | 'medianSurvivorDead'
  | 'allSurvivorsDead'
  | 'firstSuspicionToFirstDead'
  | 'firstDeadToAllDead'
>;

function killOne(cluster: TestCluster, victim: number): KillTimes {
  const { world, swim } = cluster;
  const suspects = cluster.record(Observed.suspect);
  const dead = cluster.record(Observed.dead);
  const killedAtNs = world.nowNs;
  const survivorCount = swim.memberCount - 1;
  swim.crash(victim);
  runUntil(cluster, KILL_PATIENCE_NS, () => dead.length === survivorCount);
  const firstSuspicion = secondsTo(suspects[0], killedAtNs);
  const firstDead = secondsTo(dead[0], killedAtNs);
  const allSurvivorsDead = secondsTo(dead.at(-1), killedAtNs);
  return {
    firstSuspicion,
    firstDead,
    medianSurvivorDead: secondsTo(dead[dead.length >> 1], killedAtNs),
    allSurvivorsDead,
    firstSuspicionToFirstDead: firstDead - firstSuspicion,
    firstDeadToAllDead: allSurvivorsDead - firstDead,
  };
}

function leaveOne(
  cluster: TestCluster,
  leaver: number,
  othersCount: number,
): Pick<MeasuredRun, 'leaveKnown' | 'leaveReturned'> {
  const { world, swim } = cluster;
  cluster.run(5 * SECOND_NS);
  const left = cluster.record(Observed.left);
  const leftAtNs = world.nowNs;
  let returnedAtNs = Number.NaN;
  swim.leave(leaver, 5 * SECOND_NS, (nowNs) => {
    returnedAtNs = nowNs;
  });
  cluster.run(10 * SECOND_NS);
  const others = left.filter((one) => one.node !== leaver);
  return {
    leaveKnown: secondsTo(others.length < othersCount ? undefined : others.at(-1), leftAtNs),
    leaveReturned: (returnedAtNs - leftAtNs) / SECOND_NS,
  };
}

/** Runs until something is the case, at most for a span. */
function runUntil(cluster: TestCluster, spanNs: number, isDone: () => boolean): void {
  const { world } = cluster;
  const untilNs = world.nowNs + spanNs;
  while (!isDone() && world.nowNs < untilNs) cluster.run(5 * MILLISECOND_NS);
}

function secondsTo(observation: Observation | undefined, sinceNs: number): number {
  return observation === undefined ? Number.NaN : (observation.atNs - sinceNs) / SECOND_NS;
}
