/**
 * A table value that is nothing but its size, for tests of the rules: they never look inside.
 */
import type { TableValue } from '../store/entries.ts';

/** A value of that many bytes, all zero. */
export function opaqueValue(sizeBytes: number): TableValue {
  return { sizeBytes, encode: () => new Uint8Array(sizeBytes) };
}
