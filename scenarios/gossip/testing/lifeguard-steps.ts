/**
 * What tests of Lifeguard ask: how many false positives there are with each combination of its parts,
 * and which combinations differ by one part switched off.
 */
import { LIFEGUARD_VARIANTS, withParts } from '../lifeguard.ts';
import {
  type SufferingInit,
  type SufferingResult,
  simulateSuffering,
} from '../suffering-experiment.ts';

/** Two combinations by name, of which the second lacks one part that the first has. */
export const LIFEGUARD_STEPS = LIFEGUARD_VARIANTS.flatMap((more) =>
  LIFEGUARD_VARIANTS.filter(
    (fewer) =>
      fewer.parts.length === more.parts.length - 1 &&
      fewer.parts.every((part) => more.parts.includes(part)),
  ).map((fewer) => ({ more: more.name, fewer: fewer.name })),
);

/** A count of each combination, over these seeds, by its name. */
export function countByParts(
  init: SufferingInit,
  seeds: readonly string[],
  countOf: (result: SufferingResult) => number,
): ReadonlyMap<string, number> {
  return new Map(
    LIFEGUARD_VARIANTS.map(({ name, parts }) => {
      const config = withParts(init.config, parts);
      const counts = seeds.map((seed) => countOf(simulateSuffering({ ...init, seed, config })));
      return [name, counts.reduce((sum, count) => sum + count, 0)];
    }),
  );
}
