/**
 * Room for packets, cut from slabs of 64 KiB.
 *
 * A typed array with a buffer of its own costs 0.6 µs (1.7 µs for a full frame), a view on a slab
 * 0.05 to 0.2 µs: more than the whole way of a packet through two namespaces. No room is given out
 * twice, so it is zeroed, and a slab goes when the last of its packets does. Nobody may look at the
 * `buffer` behind the view.
 */

const SLAB_BYTES = 65_536;
/** Longer ones get a buffer of their own, so that little of a slab is left unused. */
const SHARED_BYTES_MAX = 8192;

let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/** So many zeroed bytes. */
export function takeBytes(lengthBytes: number): Uint8Array {
  if (lengthBytes > SHARED_BYTES_MAX) return new Uint8Array(lengthBytes);
  if (used + lengthBytes > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, lengthBytes);
  used += lengthBytes;
  return bytes;
}

/** A copy of all bytes of `source`. */
export function copyBytes(source: Uint8Array): Uint8Array {
  const bytes = takeBytes(source.length);
  bytes.set(source);
  return bytes;
}
