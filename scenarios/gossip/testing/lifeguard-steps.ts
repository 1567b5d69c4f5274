/**
 * What tests of Lifeguard ask: how many false positives there are with each combination of its parts,
 * and which combinations differ by one part switched off.
 */
import { LIFEGUARD_VARIANTS, withParts } from '../lifeguard.ts';
import { type SufferingInit, simulateSuffering } from '../suffering-experiment.ts';

/** Two combinations by name, of which the second lacks one part that the first has. */
export const LIFEGUARD_STEPS = LIFEGUARD_VARIANTS.flatMap((more) =>
  LIFEGUARD_VARIANTS.filter(
    (fewer) =>
      fewer.parts.length === more.parts.length - 1 &&
      fewer.parts.every((part) => more.parts.includes(part)),
  ).map((fewer) => ({ more: more.name, fewer: fewer.name })),
);

/** How many members in all call healthy ones dead, over these seeds, by the combination's name. */
export function falsePositivesByParts(
  init: SufferingInit,
  seeds: readonly string[],
): ReadonlyMap<string, number> {
  return new Map(
    LIFEGUARD_VARIANTS.map(({ name, parts }) => {
      const config = withParts(init.config, parts);
      const results = seeds.map((seed) => simulateSuffering({ ...init, seed, config }));
      return [name, results.reduce((sum, { alarms }) => sum + alarms.deaths, 0)];
    }),
  );
}
