/**
 * Keyed permutations of [0, n): where a shuffled list has each of its entries, without the list.
 *
 * memberlist shuffles its node list after every round of probes. A list per member takes N² entries;
 * a permutation that is a function of (key, index) takes none, and its inverse tells when a given
 * member's turn comes. Up to 32 entries it is the shuffle itself, Fisher and Yates's with keyed
 * draws; above that a Feistel network over the next power of four, walked until it is inside [0, n).
 */
import { type DrawKey, draw32, drawBelow } from '../../sim/chance.ts';

const SHUFFLED_MAX = 32;
const ROUNDS = 6;

const shuffled = new Uint8Array(SHUFFLED_MAX);
let shuffledKey = -1;
let shuffledCount = -1;

/** The entry at `position` of the permutation of [0, n) with that key. */
export function permuted(key: DrawKey, n: number, position: number): number {
  if (n <= SHUFFLED_MAX) return shuffle(key, n)[position]!;
  const halfBits = halfBitsOf(n);
  let x = position;
  do x = encipher(key, halfBits, x);
  while (x >= n);
  return x;
}

/** The position of `entry`: the inverse of {@link permuted}. */
export function positionOf(key: DrawKey, n: number, entry: number): number {
  if (n <= SHUFFLED_MAX) return shuffle(key, n).indexOf(entry);
  const halfBits = halfBitsOf(n);
  let x = entry;
  do x = decipher(key, halfBits, x);
  while (x >= n);
  return x;
}

function shuffle(key: DrawKey, n: number): Uint8Array {
  if (shuffledKey === key && shuffledCount === n) return shuffled;
  for (let i = 0; i < n; i++) shuffled[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = drawBelow(key, i + 1, i);
    const entry = shuffled[i]!;
    shuffled[i] = shuffled[j]!;
    shuffled[j] = entry;
  }
  shuffledKey = key;
  shuffledCount = n;
  return shuffled;
}

function halfBitsOf(n: number): number {
  return (33 - Math.clz32(n - 1)) >> 1;
}

function encipher(key: DrawKey, halfBits: number, x: number): number {
  const mask = (1 << halfBits) - 1;
  let left = x >>> halfBits;
  let right = x & mask;
  for (let round = 0; round < ROUNDS; round++) {
    const next = left ^ (draw32(key, right, round) & mask);
    left = right;
    right = next;
  }
  return ((left << halfBits) | right) >>> 0;
}

function decipher(key: DrawKey, halfBits: number, x: number): number {
  const mask = (1 << halfBits) - 1;
  let left = x >>> halfBits;
  let right = x & mask;
  for (let round = ROUNDS - 1; round >= 0; round--) {
    const next = right ^ (draw32(key, left, round) & mask);
    right = left;
    left = next;
  }
  return ((left << halfBits) | right) >>> 0;
}
