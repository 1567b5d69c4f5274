/**
 * Columns that grow: a member is an index, and its facts are entries of typed arrays. Capacity
 * doubles, so that adding a member costs a constant on average.
 */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** The column with room for `capacity` entries; the new ones are `fill`. */
export function grown<T extends Column>(column: T, capacity: number, fill = 0): T {
  if (capacity <= column.length) return column;
  const next = new (column.constructor as new (length: number) => T)(capacity);
  next.set(column);
  if (fill !== 0) next.fill(fill, column.length);
  return next;
}
