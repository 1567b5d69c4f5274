/**
 * Test support: one member ends without a word, and when the others noticed.
 */
import { SECOND_NS } from '../../sim/time.ts';
import { LAN, type SwimConfig } from '../constants.ts';
import { Observed } from '../observed.ts';
import { TestCluster, type TestClusterInit } from './test-cluster.ts';

/** A cluster whose members started at some time of a second and know each other. */
export function established(
  count: number,
  seed: string,
  config: SwimConfig = LAN,
  names: Pick<TestClusterInit, 'nameOf'> = {},
): TestCluster {
  const startAtNs = (member: number) => ((member * 617) % 1000) * (SECOND_NS / 1000);
  const cluster = new TestCluster({ seed, count, config, startAtNs, ...names });
  cluster.run(SECOND_NS);
  cluster.swim.establish();
  cluster.run(2 * SECOND_NS);
  return cluster;
}

/** When a kill was noticed, since then. */
export interface KillTimes {
  readonly firstSuspicionNs: number;
  readonly firstDeadNs: number;
  readonly allDeadNs: number;
}

/** Kills one of so many members that know each other, after a while, until all others hold it dead. */
export function killOne(count: number, seed: string, afterNs = 0): KillTimes {
  const cluster = established(count, seed);
  cluster.run(afterNs);
  const suspicions = cluster.record(Observed.suspect);
  const deaths = cluster.record(Observed.dead);
  const killedAtNs = cluster.world.nowNs;
  cluster.swim.crash(1);
  while (deaths.length < count - 1) cluster.run(SECOND_NS / 10);
  return {
    firstSuspicionNs: suspicions[0]!.atNs - killedAtNs,
    firstDeadNs: deaths[0]!.atNs - killedAtNs,
    allDeadNs: deaths.at(-1)!.atNs - killedAtNs,
  };
}
