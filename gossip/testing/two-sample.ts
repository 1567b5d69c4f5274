/**
 * The two-sample test of Kolmogorov and Smirnov: could both samples be of one distribution? Ties,
 * which rounded samples have, make it cautious.
 */

/** The largest distance between the two empirical distributions, and the critical one. */
export function distanceOf(
  a: readonly number[],
  b: readonly number[],
  significance: number,
): { readonly distance: number; readonly critical: number } {
  const one = [...a].sort((x, y) => x - y);
  const other = [...b].sort((x, y) => x - y);
  let distance = 0;
  let i = 0;
  let j = 0;
  while (i < one.length && j < other.length) {
    const x = Math.min(one[i]!, other[j]!);
    while (i < one.length && one[i]! <= x) i++;
    while (j < other.length && other[j]! <= x) j++;
    distance = Math.max(distance, Math.abs(i / one.length - j / other.length));
  }
  const factor = Math.sqrt(-Math.log(significance / 2) / 2);
  const critical = factor * Math.sqrt((a.length + b.length) / (a.length * b.length));
  return { distance, critical };
}
