/**
 * memberlist's formulas, as pure functions (`util.go`, `suspicion.go`); spans in ns.
 */
import { MILLISECOND_NS } from '../../sim/time.ts';

/** Above this many nodes push/pull slows down. */
const PUSH_PULL_SCALE_THRESHOLD = 32;

/** The least time that a suspicion of a cluster of `count` nodes lasts (`suspicionTimeout`). */
export function suspicionTimeoutNs(mult: number, count: number, intervalNs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, count)));
  return (mult * Math.floor(scale * 1000) * intervalNs) / 1000;
}

/** What is left of a suspicion after `confirmations` of `expected` (`remainingSuspicionTime`). */
export function remainingSuspicionNs(
  confirmations: number,
  expected: number,
  elapsedNs: number,
  minNs: number,
  maxNs: number,
): number {
  const share = Math.log(confirmations + 1) / Math.log(expected + 1);
  const raw = maxNs - share * (maxNs - minNs);
  const timeoutNs = Math.max(minNs, Math.floor(raw / MILLISECOND_NS) * MILLISECOND_NS);
  return timeoutNs - elapsedNs;
}

/** How often a broadcast is sent (`retransmitLimit`). */
export function retransmitLimit(mult: number, count: number): number {
  return mult * Math.ceil(Math.log10(count + 1));
}

/** The time between push/pulls of a cluster of `count` nodes (`pushPullScale`). */
export function pushPullScaleNs(intervalNs: number, count: number): number {
  if (count <= PUSH_PULL_SCALE_THRESHOLD) return intervalNs;
  const mult = Math.ceil(Math.log2(count) - Math.log2(PUSH_PULL_SCALE_THRESHOLD)) + 1;
  return mult * intervalNs;
}
