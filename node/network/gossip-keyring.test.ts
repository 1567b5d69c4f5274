/**
 * The keyring of a daemon over rotations: one at a time, one that was missed, two that were missed.
 */
import { describe, expect, test } from 'vitest';
import { type EncryptionKey, KeySubsystem } from '../../manager/objects/cluster.ts';
import { GossipKeyring } from './gossip-keyring.ts';

/** Rounds of keys as the manager makes them: 3 and 3, then one of each per rotation. */
function roundsOf(count: number): EncryptionKey[][] {
  let clock = 100;
  const make = (subsystem: KeySubsystem): EncryptionKey => {
    const lamportTime = ++clock;
    return { subsystem, key: lamportTime.toString(16).padStart(32, '0'), lamportTime };
  };
  const subsystems = Object.values(KeySubsystem);
  let rings = subsystems.map((subsystem) => [0, 1, 2].map(() => make(subsystem)));
  const rounds = [rings.flat()];
  while (rounds.length < count) {
    rings = rings.map((ring, i) => [...ring.slice(1), make(subsystems[i]!)]);
    rounds.push(rings.flat());
  }
  return rounds;
}

const tagsOf = (keyring: GossipKeyring): number[] =>
  keyring.keys.map((key) => Number.parseInt(key, 16) - 100);

/** A keyring that has seen the rounds of these numbers. */
function keyringOf(...seen: number[]): GossipKeyring {
  const rounds = roundsOf(6);
  const keyring = new GossipKeyring();
  expect(keyring.setKeys(rounds[seen[0]!]!)).toBeUndefined();
  keyring.start();
  for (const round of seen.slice(1)) expect(keyring.setKeys(rounds[round]!)).toBeUndefined();
  return keyring;
}

describe('gossip keys are 1 2 3, then 7, 9, 11 come; the primary key is the first', () => {
  test.each([
    ['at the start: primary, oldest, newest', [0], [2, 1, 3]],
    ['the same keys again', [0, 0], [2, 1, 3]],
    ['one rotation', [0, 1], [3, 2, 7]],
    ['three rotations', [0, 1, 2, 3], [9, 7, 11]],
    ['a start after three rotations', [3], [9, 7, 11]],
    // the last deleted key is the primary one, which cannot go; of the two new ones one is installed
    ['two rotations at once', [0, 2], [2, 1, 3, 9]],
    ['two rotations at once and a third', [0, 2, 3], [9, 2, 1, 11]],
  ])('%s', (_name, seen, tags) => {
    expect(tagsOf(keyringOf(...seen))).toEqual(tags);
  });
});

test('a subsystem has exactly three keys', () => {
  const keyring = new GossipKeyring();
  const keys = roundsOf(1)[0]!;
  const text = 'incorrect number of keys for subsystem networking:gossip';
  expect(keyring.setKeys(keys.slice(1))).toBe(text);
});
