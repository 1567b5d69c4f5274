/**
 * The experiment behind `gossip simulate --watch`: nothing happens but what the network loses. How
 * often do members suspect each other wrongly, how often do they declare one dead, and what does
 * watching cost?
 */
import { Counter } from '../../gossip/counters.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { type ClusterInit, EstablishedCluster } from './established-cluster.ts';
import { type AlarmCounts, FalseAlarms } from './false-alarms.ts';
import { type Load, LoadMeter } from './load.ts';

/** How often it tells how far it is. */
const SLICE_NS = SECOND_NS / 2;

/** Settings of the experiment. */
export interface WatchInit extends ClusterInit {
  /** How long the cluster is watched, ns. */
  readonly watchNs: number;
}

/** What came of it. */
export interface WatchResult {
  readonly watchedNs: number;
  readonly probes: number;
  /** Probes that neither a direct nor an indirect answer came of. */
  readonly probeFailures: number;
  readonly alarms: AlarmCounts;
  readonly load: Load;
  readonly digest: string;
}

/** Runs the experiment; `onProgress` hears how much of its time has passed. */
export function simulateWatch(
  init: WatchInit,
  onProgress: (ratio: number) => void = () => {},
): WatchResult {
  const { memberCount, watchNs } = init;
  const { world, swim } = new EstablishedCluster(init);
  const alarms = new FalseAlarms(world, memberCount, () => true);
  const meter = new LoadMeter(world, swim);
  const probesBefore = swim.totalOf(Counter.probes);
  const failuresBefore = swim.totalOf(Counter.probeFailures);
  const sinceNs = world.nowNs;
  while (world.nowNs < sinceNs + watchNs) {
    world.queue.runUntil(Math.min(world.nowNs + SLICE_NS, sinceNs + watchNs));
    onProgress((world.nowNs - sinceNs) / watchNs);
  }
  return {
    watchedNs: watchNs,
    probes: swim.totalOf(Counter.probes) - probesBefore,
    probeFailures: swim.totalOf(Counter.probeFailures) - failuresBefore,
    alarms: alarms.counts(),
    load: meter.perMemberSecond(memberCount),
    digest: world.observations.digest.text,
  };
}
