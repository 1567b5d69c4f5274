/**
 * Lifeguard with the paper's 128 members and its SuspicionMult of 5: false positives grow with each
 * part that is switched off, whichever goes first. Where packets are lost evenly, only dynamic
 * suspicion helps: nobody's health is worse than the others', and gossip reaches a suspect sooner
 * than the next ping does.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { SufferingInit } from './suffering-experiment.ts';
import { countByParts, LIFEGUARD_STEPS } from './testing/lifeguard-steps.ts';

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

const SEEDS = Array.from({ length: 6 }, (_, i) => String(i + 1));

test('links cut for 5 s: each part has its share, in every order', () => {
  const counts = countByParts(CUT, SEEDS, ({ alarms }) => alarms.deaths);
  for (const { more, fewer } of LIFEGUARD_STEPS) {
    expect(counts.get(fewer), `${fewer} after ${more}`).toBeGreaterThan(1.1 * counts.get(more)!);
  }
});

test('two fifths of all packets lost: dynamic suspicion alone prevents most, whatever else there is', () => {
  const init = {
    ...CUT,
    memberCount: 48,
    sufferingCount: 0,
    affliction: {},
    sufferNs: 60 * SECOND_NS,
    config: { ...LAN, disableTcpPings: true },
    lossRatio: 0.4,
  };
  const counts = countByParts(init, SEEDS.slice(0, 4), ({ alarms }) => alarms.deadMembers);
  for (const [without, and] of [
    ['SWIM', 'LHA-Suspicion'],
    ['LHA-Probe', 'without Buddy System'],
    ['Buddy System', 'without LHA-Probe'],
    ['without LHA-Suspicion', 'Lifeguard'],
  ] as const) {
    expect(counts.get(and), and).toBeLessThan(counts.get(without)! / 2);
  }
});
