/**
 * Lifeguard with the paper's 128 members and its SuspicionMult of 5: false positives grow with each
 * part that is switched off, whichever goes first. Where packets are lost evenly, gossip reaches a
 * suspect sooner than the next ping does, and nothing is asked of the Buddy System.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { SufferingInit } from './suffering-experiment.ts';
import { falsePositivesByParts, LIFEGUARD_STEPS } from './testing/lifeguard-steps.ts';

const CUT: SufferingInit = {
  seed: '1',
  memberCount: 128,
  sufferingCount: 16,
  affliction: { stalls: { how: 'cut', forNs: 5 * SECOND_NS, restNs: 25 * SECOND_NS } },
  sufferNs: 120 * SECOND_NS,
  killCount: 1,
  config: { ...LAN, suspicionMult: 5 },
  latencyNsMin: 0.2 * MILLISECOND_NS,
  latencyNsMax: 0.8 * MILLISECOND_NS,
  lossRatio: 0,
};

const SEEDS = Array.from({ length: 10 }, (_, i) => String(i + 1));

test('links cut for 5 s: each part has its share, in every order', () => {
  const counts = falsePositivesByParts(CUT, SEEDS);
  for (const { more, fewer } of LIFEGUARD_STEPS) {
    expect(counts.get(fewer), `${fewer} after ${more}`).toBeGreaterThan(1.1 * counts.get(more)!);
  }
});

test('two fifths of all packets lost: dynamic suspicion prevents most, and local health of the rest', () => {
  const counts = falsePositivesByParts(
    {
      ...CUT,
      memberCount: 48,
      sufferingCount: 0,
      affliction: {},
      sufferNs: 60 * SECOND_NS,
      config: { ...LAN, disableTcpPings: true },
      lossRatio: 0.4,
    },
    SEEDS,
  );
  const [swim, suspicion, both] = ['SWIM', 'LHA-Suspicion', 'without Buddy System'].map(
    (name) => counts.get(name)!,
  );
  expect(suspicion).toBeGreaterThan(both!);
  expect(swim).toBeGreaterThan(suspicion!);
  expect(swim).toBeGreaterThan(3 * both!);
});
