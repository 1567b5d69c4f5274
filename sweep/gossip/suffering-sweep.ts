/**
 * A suffering experiment with each combination of Lifeguard's parts and many seeds: what each part
 * takes from the false positives, and what it costs.
 */
import {
  LIFEGUARD_VARIANTS,
  type LifeguardVariant,
  withParts,
} from '../../scenarios/gossip/lifeguard.ts';
import {
  type SufferingInit,
  type SufferingResult,
  simulateSuffering,
} from '../../scenarios/gossip/suffering-experiment.ts';
import type { Pool, Work } from '../pool.ts';

/** What became of all seeds with one combination. */
export interface VariantOutcome {
  readonly variant: LifeguardVariant;
  /** In the order of the seeds. */
  readonly results: readonly SufferingResult[];
}

const SUFFERING: Work<SufferingInit, SufferingResult> = {
  run: runSuffering,
  url: import.meta.url,
  name: 'runSuffering',
};

/**
 * The experiment where it stands, or in the worker thread that loads this file.
 * @public
 */
export function runSuffering(init: SufferingInit): SufferingResult {
  return simulateSuffering(init);
}

/** Runs the experiment with each combination and seed; `onProgress` hears how many have ended. */
export async function sweepSuffering(
  init: SufferingInit,
  seeds: readonly string[],
  pool: Pool,
  onProgress: (endedCount: number) => void = () => {},
): Promise<VariantOutcome[]> {
  let endedCount = 0;
  const inits = LIFEGUARD_VARIANTS.flatMap(({ parts }) =>
    seeds.map((seed) => ({ ...init, seed, config: withParts(init.config, parts) })),
  );
  const results = await pool.runAll(SUFFERING, inits, () => onProgress(++endedCount));
  return LIFEGUARD_VARIANTS.map((variant, i) => ({
    variant,
    results: results.slice(i * seeds.length, (i + 1) * seeds.length),
  }));
}
