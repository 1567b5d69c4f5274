/**
 * JSON as the `docker` command prints it: four blanks of indentation, the keys of maps in the order
 * of their names, those of structures in their own.
 */

/** Anything that can be printed. */
export type Json =
  | string
  | number
  /** Whole numbers that a `number` cannot hold. */
  | bigint
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** The keys of a map in the order of their names (Go's `encoding/json`). */
export function sortedObject<T extends Json>(
  entries: Iterable<readonly [string, T]>,
): Record<string, T> {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return Object.fromEntries(sorted);
}

/** The text, with a newline at its end. */
export function jsonText(value: Json): string {
  const marked = (_: string, each: unknown) => (typeof each === 'bigint' ? `<${each}n>` : each);
  return `${JSON.stringify(value, marked, 4).replaceAll(/"<(\d+)n>"/g, '$1')}\n`;
}
