/**
 * Keyed permutations of [0, n): where a shuffled list has each of its entries, without the list.
 *
 * memberlist shuffles its node list after every round of probes. A list per member takes N² entries;
 * a permutation that is a function of (key, index) takes none, and its inverse tells when a given
 * member's turn comes. Up to 32 entries it is the shuffle itself, Fisher and Yates's with keyed
 * draws; above that a Feistel network over a rectangle of at least n fields, hardly more, walked until
 * it is inside [0, n).
 */
import { type DrawKey, drawBelow } from '../../sim/chance.ts';

const SHUFFLED_MAX = 32;
const ROUNDS = 8;

const shuffled = new Uint8Array(SHUFFLED_MAX);
let shuffledKey = -1;
let shuffledCount = -1;
let lastCount = -1;
let lastWidth = 0;

/** The entry at `position` of the permutation of [0, n) with that key. */
export function permuted(key: DrawKey, n: number, position: number): number {
  if (n <= SHUFFLED_MAX) return shuffle(key, n)[position]!;
  const width = widthOf(n);
  const height = Math.ceil(n / width);
  let x = position;
  do {
    let row = Math.floor(x / width);
    let column = x - row * width;
    for (let round = 0; round < ROUNDS; round += 2) {
      column += below(key, row, round, width);
      if (column >= width) column -= width;
      row += below(key, column, round + 1, height);
      if (row >= height) row -= height;
    }
    x = row * width + column;
  } while (x >= n);
  return x;
}

/** The position of `entry`: the inverse of {@link permuted}. */
export function positionOf(key: DrawKey, n: number, entry: number): number {
  if (n <= SHUFFLED_MAX) return shuffle(key, n).indexOf(entry);
  const width = widthOf(n);
  const height = Math.ceil(n / width);
  let x = entry;
  do {
    let row = Math.floor(x / width);
    let column = x - row * width;
    for (let round = ROUNDS - 2; round >= 0; round -= 2) {
      row -= below(key, column, round + 1, height);
      if (row < 0) row += height;
      column -= below(key, row, round, width);
      if (column < 0) column += width;
    }
    x = row * width + column;
  } while (x >= n);
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

/** The width of the rectangle of [0, n): near its root, so that the rounds mix both halves. */
function widthOf(n: number): number {
  if (n !== lastCount) {
    lastCount = n;
    lastWidth = Math.ceil(Math.sqrt(n));
  }
  return lastWidth;
}

/** An integer in [0, bound) that depends on all bits of the arguments; bound is below 2^16. */
function below(key: DrawKey, half: number, round: number, bound: number): number {
  let h = Math.imul(key ^ Math.imul(half + (round << 24), 0x9e3779b1), 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0xc2b2ae35);
  return ((h >>> 16) * bound) >>> 16;
}
