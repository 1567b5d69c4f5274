/**
 * What the Lifeguard paper reports, with few members: slow members call healthy ones dead, dynamic
 * suspicion prevents nearly all of that, local health most; where links are cut for seconds, each
 * part has its share. The long test has the paper's number of members; `docs/experiments.md` has the
 * tables.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type LifeguardPart, withParts } from './lifeguard.ts';
import {
  type SufferingInit,
  type SufferingResult,
  simulateSuffering,
} from './suffering-experiment.ts';
import { countByParts, LIFEGUARD_STEPS } from './testing/lifeguard-steps.ts';
import type { MemberConditions } from './uniform-network.ts';

const STARVED: SufferingInit = {
  seed: '1',
  memberCount: 32,
  sufferingCount: 8,
  affliction: {
    starvation: {
      wait: { kind: 'exponential', meanNs: 4 * SECOND_NS },
      shareRatio: 1,
      burstNs: 10 * SECOND_NS,
    },
  },
  sufferNs: 120 * SECOND_NS,
  killCount: 1,
  config: LAN,
  latencyNsMin: 0.1 * MILLISECOND_NS,
  latencyNsMax: 0.3 * MILLISECOND_NS,
  lossRatio: 0,
};

function resultsOf(init: SufferingInit, parts: readonly LifeguardPart[]): SufferingResult[] {
  const config = withParts(init.config, parts);
  return ['1', '2'].map((seed) => simulateSuffering({ ...init, seed, config }));
}

/** How many members in all called healthy ones dead. */
function falsePositives(init: SufferingInit, parts: readonly LifeguardPart[]): number {
  return deathsOf(resultsOf(init, parts));
}

function deathsOf(results: readonly SufferingResult[]): number {
  return results.reduce((sum, { alarms }) => sum + alarms.deaths, 0);
}

test('members without CPU call healthy ones dead; dynamic suspicion prevents that, local health most', () => {
  const swim = falsePositives(STARVED, []);
  expect(swim).toBeGreaterThan(50);
  const localHealth = falsePositives(STARVED, ['probe']);
  expect(localHealth).toBeGreaterThan(0);
  expect(localHealth).toBeLessThan(swim / 2);
  expect(falsePositives(STARVED, ['suspicion'])).toBeLessThan(swim / 25);
  expect(falsePositives(STARVED, ['probe', 'suspicion', 'buddy'])).toBeLessThan(swim / 50);
});

test('a blocked member calls dead whose refutation is stuck, mostly to itself; a paused one nobody', () => {
  const stalls = { forNs: 16 * SECOND_NS, restNs: 64 * MILLISECOND_NS } as const;
  const blocked = { ...STARVED, affliction: { stalls: { ...stalls, how: 'block' } } } as const;
  const swim = resultsOf(blocked, []);
  for (const { alarms, alarmsAtHealthy } of swim) {
    expect(alarms.deaths).toBeGreaterThan(10);
    expect(alarmsAtHealthy.deaths).toBeLessThan(alarms.deaths / 5);
  }
  const all = falsePositives(blocked, ['probe', 'suspicion', 'buddy']);
  expect(all).toBeLessThan(deathsOf(swim) / 10);
  const paused = { ...STARVED, affliction: { stalls: { ...stalls, how: 'pause' } } } as const;
  expect(falsePositives(paused, [])).toBe(0);
});

test('links cut for 5 s: false positives grow with each part switched off, in every order', () => {
  const stalls = { how: 'cut', forNs: 5 * SECOND_NS, restNs: 15 * SECOND_NS } as const;
  const init = { ...STARVED, memberCount: 24, sufferingCount: 3, affliction: { stalls } };
  const counts = countByParts(init, ['1', '2', '3', '4'], ({ alarms }) => alarms.deaths);
  for (const { more, fewer } of LIFEGUARD_STEPS) {
    expect(counts.get(fewer), `${fewer} after ${more}`).toBeGreaterThan(1.1 * counts.get(more)!);
  }
  expect(counts.get('SWIM')).toBeGreaterThan(10 * counts.get('Lifeguard')!);
});

test.each<[string, MemberConditions, boolean]>([
  [
    'UDP is blocked and TCP open: the TCP ping keeps them alive',
    { udpIn: blocked(), udpOut: blocked() },
    false,
  ],
  ['UDP is blocked one way: the same', { udpOut: blocked() }, false],
  ['TCP is blocked and UDP open: nobody notices', { tcpIn: blocked(), tcpOut: blocked() }, false],
  ['both are blocked, one way', { udpIn: blocked(), tcpIn: blocked() }, true],
])('%s', (_, network, isLost) => {
  const init = { ...STARVED, memberCount: 16, sufferingCount: 2, sufferNs: 40 * SECOND_NS };
  const result = simulateSuffering({ ...init, affliction: { network } });
  expect(result.sufferingDeaths > 0).toBe(isLost);
  expect(result.alarmsAtHealthy.deaths).toBe(0);
  expect(result.allDeadNs).toBeLessThan(20 * SECOND_NS);
});

/** Lets nothing through. */
function blocked() {
  return { lossRatio: 1, delayNsMin: 0, delayNsMax: 0 };
}

test('shortcuts change nothing of it, whatever is suffered', () => {
  const init: SufferingInit = {
    ...STARVED,
    memberCount: 12,
    sufferingCount: 3,
    sufferNs: 30 * SECOND_NS,
    affliction: {
      ...STARVED.affliction,
      network: {
        udpIn: { lossRatio: 0.3, delayNsMin: MILLISECOND_NS, delayNsMax: 90 * MILLISECOND_NS },
      },
      clockDriftRatio: 0.02,
    },
  };
  const result = simulateSuffering(init);
  expect(result.alarms.suspicions).toBeGreaterThan(0);
  expect(simulateSuffering({ ...init, shortcuts: false })).toEqual(result);
});
