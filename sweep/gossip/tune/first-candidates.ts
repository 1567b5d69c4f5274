/**
 * The settings that a search begins with: of all combinations of steps, those that formulas do not
 * rule out, chosen along the trade-off between load, speed and false alarms.
 */
import type { ClusterInit } from '../../../scenarios/gossip/established-cluster.ts';
import { Chance, drawUnit } from '../../../sim/chance.ts';
import {
  type Candidate,
  candidateOf,
  configWith,
  isSensible,
  keyOfCandidate,
  plainOf,
  SEARCHED,
  TUNABLE_NAMES,
} from './candidate.ts';
import { type Estimate, estimate } from './estimate.ts';
import type { Goals } from './goals.ts';

/** How many combinations are drawn and looked at by formulas. */
const DRAWN = 20_000;
/** How many ways there are to weigh load against safety. */
const WEIGHTS = 12;

/** At most `count` different settings, the base configuration's not among them. */
export function firstCandidates(init: ClusterInit, goals: Goals, count: number): Candidate[] {
  const { config, memberCount, lossRatio } = init;
  const baseKey = keyOfCandidate(candidateOf(config));
  const estimated = drawCandidates(init)
    .map((candidate) => ({
      candidate,
      said: estimate(configWith(config, candidate), memberCount, lossRatio),
    }))
    .filter(({ said }) => said.detectionNsMin <= goals.detectWithinNs);
  const orders = Array.from({ length: WEIGHTS }, (_, i) => {
    const weight = i / (WEIGHTS - 1);
    return estimated
      .map(({ candidate, said }) => ({
        candidate,
        look: lookOf(said),
        cost: costOf(said, goals, weight),
      }))
      .sort((a, b) => a.cost - b.cost);
  });
  const chosen = new Map<string, Candidate>();
  const looks = new Set<string>();
  for (let rank = 0; rank < estimated.length; rank++) {
    for (const order of orders) {
      const { candidate, look } = order[rank]!;
      const key = keyOfCandidate(candidate);
      if (key === baseKey || looks.has(look)) continue;
      looks.add(look);
      chosen.set(key, candidate);
      if (chosen.size === count) return [...chosen.values()];
    }
  }
  return [...chosen.values()];
}

/** What a setting is expected to cost, being late included; to be compared, and nothing else. */
export function expectedCost(init: ClusterInit, goals: Goals, candidate: Candidate): number {
  const { config, memberCount, lossRatio } = init;
  const said = estimate(configWith(config, candidate), memberCount, lossRatio);
  return costOf(said, goals, 1 / WEIGHTS);
}

/** What formulas see of a setting: of those that look the same one is enough to begin with. */
function lookOf({ loadBytes, detectionNs }: Estimate): string {
  return `${loadBytes.toPrecision(2)} ${detectionNs.toPrecision(2)}`;
}

/** The larger the weight, the more safety counts; being late counts always. */
function costOf(said: Estimate, goals: Goals, weight: number): number {
  const late = Math.max(0, Math.log(said.detectionNs / goals.detectWithinNs));
  return Math.log(said.loadBytes) + 4 * late + 0.3 * weight * said.falseLog;
}

function drawCandidates({ seed, latencyNsMax }: ClusterInit): Candidate[] {
  const key = new Chance(seed).key('gossip-tune.first');
  const candidates: Candidate[] = [];
  for (let i = 0; i < DRAWN; i++) {
    const entries = TUNABLE_NAMES.map((name, at) => {
      const { steps } = SEARCHED[name];
      return [name, steps[Math.floor(drawUnit(key, i, at) * steps.length)]!];
    });
    const candidate = plainOf(Object.fromEntries(entries) as Candidate);
    if (isSensible(candidate, 2 * latencyNsMax)) candidates.push(candidate);
  }
  return candidates;
}
