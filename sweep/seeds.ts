/**
 * Which seeds a sweep runs: `1..200`, `7`, `1,5,9..12`. Seeds are texts; a range counts integers.
 */

/** The most seeds that one sweep takes. */
const SEEDS_MAX = 1_000_000;

/** The seeds of a specification, in order and each once; an error text when it is none. */
export function parseSeeds(text: string): string[] | { readonly error: string } {
  const seeds: string[] = [];
  for (const part of text.split(',')) {
    const range = /^(\d+)\.\.(\d+)$/.exec(part.trim());
    if (range === null) {
      if (part.trim() === '') return { error: `'${text}' is not a list of seeds such as 1..200` };
      seeds.push(part.trim());
      continue;
    }
    const from = Number(range[1]);
    const to = Number(range[2]);
    if (to < from) return { error: `the range ${part.trim()} ends before it begins` };
    if (seeds.length + to - from >= SEEDS_MAX) return { error: `more than ${SEEDS_MAX} seeds` };
    for (let seed = from; seed <= to; seed++) seeds.push(String(seed));
  }
  return [...new Set(seeds)];
}
