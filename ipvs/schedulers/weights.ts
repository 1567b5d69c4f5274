/**
 * Arithmetic on the weights of a service's destinations, which weighted round robin and Maglev
 * hashing share (`ip_vs_wrr_gcd_weight`, `ip_vs_mh_gcd_weight`).
 */
import type { Destination } from '../service.ts';

/** The greatest common divisor of all weights above 0; 0 when there is none. */
export function divisorOf(
  destinations: readonly Destination[],
  weightOf: (destination: Destination) => number,
): number {
  let divisor = 0;
  for (const destination of destinations) {
    const weight = weightOf(destination);
    if (weight > 0) divisor = greatestCommonDivisor(weight, divisor);
  }
  return divisor;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
