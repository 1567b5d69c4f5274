/**
 * Keyed chance: a draw is a function of its coordinates and not of how many draws came before.
 *
 * `seedrandom` turns the user's seed string into one root key, once. A *purpose* (a name such as
 * `underlay.latency`) and the root key make a draw key; (key, a, b, c) through an integer mixer
 * make the draw. So a new node, fault or measure shifts nobody else's draws, and a draw that nobody
 * needs need not be made. A keyed draw costs about 3 ns; a stateful stream cannot be skipped.
 *
 * The mixer is the 32-bit finaliser of MurmurHash3, applied once per coordinate.
 */
import seedrandom from 'seedrandom';

/** The key of one purpose, a 32-bit integer; made by {@link Chance.key}. */
export type DrawKey = number;

/** The largest bound for which 32 bits are drawn. */
export const ONE_DRAW_BOUND_MAX = 0x20_0000;

/** Mixes one more coordinate into a hash; both are taken modulo 2^32. */
function mix(hash: number, coordinate: number): number {
  let h = Math.imul(hash ^ coordinate, 0x9e3779b1);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * A uniform unsigned 32-bit integer at these coordinates (each an integer below 2^32). The key goes
 * in twice: with the first mixing alone, (key, a) and (key ^ 1, a ^ 1) would draw the same.
 */
export function draw32(key: DrawKey, a: number, b = 0, c = 0): number {
  return mix(drawPrefix(key, a, b), (c + 0x165667b1) ^ key) >>> 0;
}

/** A uniform real in [0, 1) with 32 bits of resolution. */
export function drawUnit(key: DrawKey, a: number, b = 0, c = 0): number {
  return draw32(key, a, b, c) / 0x1_0000_0000;
}

/** A uniform integer in [0, bound); bound is a positive integer of at most 2^53. */
export function drawBelow(key: DrawKey, bound: number, a: number, b = 0, c = 0): number {
  const high = draw32(key, a, b, c);
  if (bound <= ONE_DRAW_BOUND_MAX) return Math.floor((high / 0x1_0000_0000) * bound);
  const low = draw32(key ^ 0x5bd1e995, a, b, c) >>> 11;
  return Math.floor(((high * 0x20_0000 + low) / 0x20_0000_0000_0000) * bound);
}

/** What draws of {@link drawBelow} have in common that differ in their last coordinate only. */
export function drawPrefix(key: DrawKey, a: number, b: number): number {
  return mix(mix(key, a), b + 0x7f4a7c15);
}

/** {@link drawBelow} of the key, the prefix's coordinates and `c`; bound is at most {@link ONE_DRAW_BOUND_MAX}. */
export function drawBelowAfter(prefix: number, key: DrawKey, bound: number, c: number): number {
  const high = mix(prefix, (c + 0x165667b1) ^ key) >>> 0;
  return Math.floor((high / 0x1_0000_0000) * bound);
}

/** True with the given probability (0 never, 1 always). */
export function drawChance(key: DrawKey, ratio: number, a: number, b = 0, c = 0): boolean {
  return ratio > 0 && (ratio >= 1 || drawUnit(key, a, b, c) < ratio);
}

/** Derives the key of one subject (a node, a link) from the key of a purpose. */
export function keyOf(key: DrawKey, subject: number): DrawKey {
  return mix(mix(key, subject + 0x27d4eb2f), key) >>> 0;
}

/** A 32-bit hash of a string's UTF-16 units; used for names of purposes and of observations. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h, text.length) >>> 0;
}

/** A sequence of draws for library code that wants a stream; keyed, so it is nobody else's. */
export interface Stream {
  /** A uniform real in [0, 1). */
  next(): number;
  /** A uniform signed 32-bit integer. */
  int32(): number;
}

/** All chance of one run. */
export class Chance {
  readonly seed: string;
  readonly #rootKey: number;

  constructor(seed: string) {
    this.seed = seed;
    this.#rootKey = seedrandom(seed).int32() >>> 0;
  }

  /** The draw key of a purpose; the same name always gives the same key. */
  key(purpose: string): DrawKey {
    return mix(this.#rootKey, hashText(purpose)) >>> 0;
  }

  /** A `seedrandom` xor128 stream of a purpose. */
  stream(purpose: string): Stream {
    const generator = seedrandom.xor128(`${this.seed}\u0000${purpose}`);
    return { next: () => generator(), int32: () => generator.int32() };
  }
}
