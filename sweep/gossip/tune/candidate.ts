/**
 * What `gossip tune` may change, in which steps, and a setting of all of it.
 *
 * The steps are coarse on purpose: neighbours differ by a factor that a run can see. A setting is
 * sensible when a probe has time to time out and to be tried indirectly within its interval.
 */
import type { SwimConfig } from '../../../gossip/constants.ts';
import { formatDuration, MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';

/** memberlist's own, for settings in which it changes nothing. */
const MAX_TIMEOUT_MULT = 6;

/** The tunables that are searched, by their names in a scenario: the field, and its steps. */
export const SEARCHED = {
  'probe-interval': {
    field: 'probeIntervalNs',
    steps: [0.5, 1, 1.5, 2, 3, 5, 8].map((seconds) => seconds * SECOND_NS),
  },
  'probe-timeout': {
    field: 'probeTimeoutNs',
    steps: [100, 200, 500, 1000, 2000].map((ms) => ms * MILLISECOND_NS),
  },
  'indirect-checks': { field: 'indirectChecks', steps: [1, 2, 3, 5] },
  'suspicion-mult': { field: 'suspicionMult', steps: [1, 2, 3, 4, 5, 6, 8] },
  'suspicion-max-timeout-mult': { field: 'suspicionMaxTimeoutMult', steps: [1, 2, 4, 6] },
  'gossip-interval': {
    field: 'gossipIntervalNs',
    steps: [100, 200, 500, 1000].map((ms) => ms * MILLISECOND_NS),
  },
  'gossip-nodes': { field: 'gossipNodes', steps: [2, 3, 4] },
  'retransmit-mult': { field: 'retransmitMult', steps: [1, 2, 3, 4] },
  'push-pull-interval': {
    field: 'pushPullIntervalNs',
    steps: [15, 30, 60, 120, 300].map((seconds) => seconds * SECOND_NS),
  },
} as const satisfies Readonly<Record<string, SearchedTunable>>;

interface SearchedTunable {
  readonly field: keyof SwimConfig;
  readonly steps: readonly number[];
}

/** The name of a tunable that is searched. */
export type TunableName = keyof typeof SEARCHED;
/** A value for each tunable that is searched; spans in ns. */
export type Candidate = Readonly<Record<TunableName, number>>;

/** All names, in the order in which they are shown. */
export const TUNABLE_NAMES = Object.keys(SEARCHED) as TunableName[];

/** What a configuration says of the tunables that are searched. */
export function candidateOf(config: SwimConfig): Candidate {
  const entries = TUNABLE_NAMES.map((name) => [name, config[SEARCHED[name].field]]);
  return Object.fromEntries(entries) as Candidate;
}

/** The base configuration with the candidate's values. */
export function configWith(base: SwimConfig, candidate: Candidate): SwimConfig {
  const entries = TUNABLE_NAMES.map((name) => [SEARCHED[name].field, candidate[name]]);
  return { ...base, ...Object.fromEntries(entries) };
}

/** Whether direct and indirect probes have time within the interval, for such a round trip. */
export function isSensible(candidate: Candidate, roundTripNs: number): boolean {
  const intervalNs = candidate['probe-interval'];
  const timeoutNs = candidate['probe-timeout'];
  return timeoutNs >= 2 * roundTripNs && intervalNs >= timeoutNs + 2 * roundTripNs;
}

/** The candidate's identity: two with the same key are the same. */
export function keyOfCandidate(candidate: Candidate): string {
  return TUNABLE_NAMES.map((name) => candidate[name]).join(' ');
}

/**
 * The candidate itself, or the one that does the same: where a suspicion expects no confirmations,
 * nothing shortens it, and it lasts its minimum whatever the maximum.
 */
export function plainOf(candidate: Candidate): Candidate {
  if (candidate['suspicion-mult'] > 2) return candidate;
  return { ...candidate, 'suspicion-max-timeout-mult': MAX_TIMEOUT_MULT };
}

/** All sensible candidates that differ by one step of one tunable. */
export function neighboursOf(candidate: Candidate, roundTripNs: number): Candidate[] {
  return TUNABLE_NAMES.flatMap((name) =>
    stepsBeside(name, candidate[name]).map((value) => plainOf({ ...candidate, [name]: value })),
  ).filter((one) => isSensible(one, roundTripNs));
}

/** The next smaller and the next larger step, where there are such. */
function stepsBeside(name: TunableName, value: number): number[] {
  const { steps } = SEARCHED[name];
  const smaller = steps.filter((step) => step < value).at(-1);
  const larger = steps.find((step) => step > value);
  return [smaller, larger].filter((step) => step !== undefined);
}

/** A tunable's value as a scenario writes it. */
export function formatTunable(name: TunableName, value: number): string {
  return SEARCHED[name].field.endsWith('Ns') ? formatDuration(value) : String(value);
}

/** What differs from the base, as `name=value`. */
export function settingsBeside(base: Candidate, candidate: Candidate): string[] {
  return TUNABLE_NAMES.filter((name) => candidate[name] !== base[name]).map(
    (name) => `${name}=${formatTunable(name, candidate[name])}`,
  );
}
