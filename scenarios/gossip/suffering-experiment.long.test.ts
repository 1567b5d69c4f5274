/**
 * Each part of Lifeguard has a share in preventing false positives: where two fifths of all packets
 * are lost, they grow with each part that is switched off, one after the other.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type LifeguardPart, withParts } from './lifeguard.ts';
import { simulateSuffering } from './suffering-experiment.ts';

const counted = new Map<string, number>();

/** Healthy members called dead, by how many in all, with three seeds. */
function falsePositives(parts: readonly LifeguardPart[]): number {
  const known = counted.get(parts.join());
  if (known !== undefined) return known;
  const results = ['1', '2', '3'].map((seed) =>
    simulateSuffering({
      seed,
      memberCount: 48,
      sufferingCount: 0,
      affliction: {},
      sufferNs: 60 * SECOND_NS,
      killCount: 1,
      config: withParts({ ...LAN, disableTcpPings: true }, parts),
      latencyNsMin: 0.1 * MILLISECOND_NS,
      latencyNsMax: 0.3 * MILLISECOND_NS,
      lossRatio: 0.4,
    }),
  );
  const count = results.reduce((sum, { alarms }) => sum + alarms.deaths, 0);
  counted.set(parts.join(), count);
  return count;
}

test.each<[string, LifeguardPart[][]]>([
  [
    'probe, suspicion, buddy',
    [['probe', 'suspicion', 'buddy'], ['suspicion', 'buddy'], ['buddy'], []],
  ],
  [
    'buddy, suspicion, probe',
    [['probe', 'suspicion', 'buddy'], ['probe', 'suspicion'], ['probe'], []],
  ],
  ['suspicion, buddy, probe', [['probe', 'suspicion', 'buddy'], ['probe', 'buddy'], ['probe'], []]],
])('switched off one by one: %s', (_, stages) => {
  const counts = stages.map(falsePositives);
  for (let i = 1; i < counts.length; i++) expect(counts[i]!).toBeGreaterThan(counts[i - 1]!);
  expect(counts.at(-1)!).toBeGreaterThan(5 * counts[0]!);
});
