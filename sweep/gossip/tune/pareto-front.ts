/**
 * Which settings are worth looking at: those that no other beats in load and in detection at once.
 */
import type { Assessment } from './goals.ts';
import type { Tried } from './search.ts';

/** The settings that no other beats, ascending load; of those that miss a goal only when all do. */
export function paretoFront(tried: readonly Tried[]): Tried[] {
  const good = tried.filter((one) => one.assessment.violation === 0);
  const rivals = good.length > 0 ? good : [...tried].sort(isBetter).slice(0, 6);
  return rivals
    .filter((one) => !rivals.some((other) => beats(other.assessment, one.assessment)))
    .sort((a, b) => a.assessment.bytes.value - b.assessment.bytes.value);
}

/** Orders settings: those that miss the goals by less first, and of equals those of less load. */
export function isBetter(a: Tried, b: Tried): number {
  const byGoals = a.assessment.violation - b.assessment.violation;
  return byGoals === 0 ? a.assessment.bytes.value - b.assessment.bytes.value : byGoals;
}

function beats(a: Assessment, b: Assessment): boolean {
  const isNoWorse = a.bytes.value <= b.bytes.value && a.detectionNs.value <= b.detectionNs.value;
  const isBetterSomewhere =
    a.bytes.value < b.bytes.value || a.detectionNs.value < b.detectionNs.value;
  return isNoWorse && isBetterSomewhere;
}
