/**
 * Runs a tool at an instant of a scenario: plays the scenario up to it, starts the tool where it is
 * wanted, and lets the world go on until it ends.
 */
import { isNoPlace, type NoPlace, type PlaceName, placeOf } from '../../cluster/places.ts';
import { launch } from '../../node/tools/launch.ts';
import type { OutputStream } from '../../node/tools/process.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { LoadedScenario } from '../load.ts';
import { type RunOptions, runScenario } from './run-scenario.ts';

/** How often it is looked whether the tool has ended, in ns of virtual time. */
const STEP_NS = 50 * MILLISECOND_NS;

/** What to run where and when. */
export interface ExecRequest {
  readonly where: PlaceName;
  readonly argv: readonly string[];
  readonly atNs: number;
  /** After this span it is interrupted, as by Ctrl-C. */
  readonly limitNs: number;
}

/** Somebody who reads along. */
export interface ExecFollower {
  readonly onOutput: (text: string, stream: OutputStream) => void;
  readonly onFile: (name: string, bytes: Uint8Array) => void;
}

/** Runs it; the tool's exit status, or why there is no such place. */
export function execAt(
  loaded: LoadedScenario,
  { where, argv, atNs, limitNs }: ExecRequest,
  options: Pick<RunOptions, 'seed' | 'shortcuts' | 'onCluster'>,
  follower: ExecFollower,
): number | NoPlace {
  const { cluster } = runScenario(loaded, { ...options, untilNs: atNs });
  const { queue } = cluster.world;
  queue.runUntil(atNs);
  const place = placeOf(cluster, where);
  if (isNoPlace(place)) return place;
  const process = launch(place, argv, { ...follower, onExit: () => {} });
  while (!process.isOver && queue.nowNs < atNs + limitNs) {
    queue.runUntil(Math.min(queue.nowNs + STEP_NS, atNs + limitNs));
  }
  process.terminate();
  return process.status!;
}
