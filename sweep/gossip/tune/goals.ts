/**
 * What a setting shall achieve, what its trials say of it, and whether that is enough: a goal is met
 * or failed when the whole interval of what was measured is on one side of it.
 */
import { poissonInterval } from '../../../scenarios/gossip/poisson.ts';
import { HOUR_NS } from '../../../sim/time.ts';
import { meanInterval, quantileInterval } from '../../confidence.ts';
import { quantileOf } from '../../distribution.ts';
import type { TrialOutcome } from './trial.ts';

/** What is wanted. */
export interface Goals {
  /** The quantile of the detection times lies within this, ns. */
  readonly detectWithinNs: number;
  /** Which share of the kills is to be detected in time, in (0, 1). */
  readonly quantile: number;
  /** Whether a kill is detected when all survivors know, or when the first declares it dead. */
  readonly detectedBy: 'all' | 'first';
  /** Members that run and are called dead, in an hour of the whole cluster. */
  readonly falsePositivesPerHour: number;
}

/** A figure, and the interval that holds the true one with 95 % confidence. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Whether a goal is met, with 95 % confidence. */
export type Verdict = 'met' | 'failed' | 'open';

/** What the trials of a setting say. */
export interface Assessment {
  readonly trialCount: number;
  readonly killCount: number;
  readonly watchedNs: number;
  /** Per member and second. */
  readonly bytes: Figure;
  readonly packets: Figure;
  /** The quantile of the detection times, ns; infinite when too many were never detected. */
  readonly detectionNs: Figure;
  readonly falsePositivesPerHour: Figure;
  readonly detection: Verdict;
  readonly falsePositives: Verdict;
  /** By how many times the goals are missed at the measured values, in all; 0 when both are met. */
  readonly violation: number;
}

/** Assesses the trials of one setting; push/pulls add so many bytes per member and second. */
export function assess(
  trials: readonly TrialOutcome[],
  pushPullBytes: number,
  goals: Goals,
): Assessment {
  const { quantile, detectWithinNs } = goals;
  const field = goals.detectedBy === 'all' ? 'allKnowNs' : 'firstDeadNs';
  const times = trials
    .flatMap((trial) => trial[field].map((time) => time ?? Number.POSITIVE_INFINITY))
    .sort((a, b) => a - b);
  const detectionNs = { value: quantileOf(times, quantile), ...quantileInterval(times, quantile) };
  const watchedNs = trials.reduce((sum, trial) => sum + trial.watchedNs, 0);
  const falseCount = trials.reduce((sum, trial) => sum + trial.falsePositives, 0);
  const hours = watchedNs / HOUR_NS;
  const interval = poissonInterval(falseCount);
  const falsePositivesPerHour = {
    value: falseCount / hours,
    low: interval.low / hours,
    high: interval.high / hours,
  };
  const { falsePositivesPerHour: falseMax } = goals;
  return {
    trialCount: trials.length,
    killCount: times.length,
    watchedNs,
    bytes: meanFigure(trials.map((trial) => trial.bytes + pushPullBytes)),
    packets: meanFigure(trials.map((trial) => trial.packets)),
    detectionNs,
    falsePositivesPerHour,
    detection: verdictOf(detectionNs, detectWithinNs),
    falsePositives: verdictOf(falsePositivesPerHour, falseMax),
    violation:
      excess(detectionNs.value / detectWithinNs) + excess(falsePositivesPerHour.value / falseMax),
  };
}

/** Both goals at once: failed when one is. */
export function verdictOfBoth({ detection, falsePositives }: Assessment): Verdict {
  if (detection === 'failed' || falsePositives === 'failed') return 'failed';
  return detection === 'met' && falsePositives === 'met' ? 'met' : 'open';
}

function verdictOf(figure: Figure, atMost: number): Verdict {
  if (figure.high <= atMost) return 'met';
  return figure.low > atMost ? 'failed' : 'open';
}

/** By how much a ratio exceeds 1, so that ten times too many are not ten times as bad. */
function excess(ratio: number): number {
  return ratio <= 1 ? 0 : Math.log(ratio);
}

function meanFigure(values: readonly number[]): Figure {
  const value = values.reduce((sum, one) => sum + one, 0) / values.length;
  return { value, ...meanInterval(values) };
}
