/**
 * Where the options of a TCP header are, for the matches and targets that look at them.
 */

/** The offset of the MSS value (two bytes) among the options; -1 when there is none. */
export function offsetOfMss(bytes: Uint8Array, transportAt: number, end: number): number {
  const stop = Math.min(end, transportAt + (bytes[transportAt + 12]! >> 4) * 4);
  for (let at = transportAt + 20; at + 3 < stop; ) {
    const kind = bytes[at]!;
    if (kind === 0) return -1;
    if (kind === 2) return at + 2;
    at += kind === 1 ? 1 : Math.max(bytes[at + 1]!, 1);
  }
  return -1;
}
