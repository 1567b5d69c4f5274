/**
 * A kill experiment with many seeds: how long detection and spreading take usually, and at worst.
 */
import {
  type KillInit,
  type KillResult,
  simulateKill,
} from '../../scenarios/gossip/kill-experiment.ts';
import type { Pool, Work } from '../pool.ts';

/** What a seed came to, without its curve. */
export type KillOutcome = Omit<KillResult, 'curve'> & { readonly seed: string };

/**
 * The experiment where it stands, or in the worker thread that loads this file.
 * @public
 */
export function runKill(init: KillInit): KillOutcome {
  const { curve: _, ...result } = simulateKill(init);
  return { ...result, seed: init.seed };
}

/** See {@link runKill}. */
const KILL: Work<KillInit, KillOutcome> = {
  run: runKill,
  url: import.meta.url,
  name: 'runKill',
};

/** Runs the experiment with each seed; `onProgress` hears how many have ended. */
export function sweepKill(
  init: KillInit,
  seeds: readonly string[],
  pool: Pool,
  onProgress: (endedCount: number) => void = () => {},
): Promise<KillOutcome[]> {
  let endedCount = 0;
  const inits = seeds.map((seed) => ({ ...init, seed }));
  return pool.runAll(KILL, inits, () => onProgress(++endedCount));
}
