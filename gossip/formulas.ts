/**
 * memberlist's formulas (v0.4.0 `util.go` `suspicionTimeout`, `retransmitLimit`, `pushPullScale`;
 * `suspicion.go` `remainingSuspicionTime`). Pure, and integer for integer what Go returns: spans are
 * whole ns, and where Go truncates to milliseconds, so do we.
 */
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import { PUSH_PULL_SCALE_THRESHOLD } from './constants.ts';

/** The minimum time of a suspicion in ns for a list of `n` nodes. */
export function suspicionTimeoutNs(suspicionMult: number, n: number, intervalNs: number): number {
  const nodeScale = Math.max(1, Math.log10(Math.max(1, n)));
  return Math.floor((suspicionMult * Math.floor(nodeScale * 1000) * intervalNs) / 1000);
}

/** What of the suspicion's time is left after `c` of `k` confirmations; negative when overdue. */
export function remainingSuspicionTimeNs(
  c: number,
  k: number,
  elapsedNs: number,
  minNs: number,
  maxNs: number,
): number {
  return timeoutAfterNs(c, k, minNs, maxNs) - elapsedNs;
}

/** How long a suspicion lasts in all after `c` of `k` confirmations, ns. */
export function timeoutAfterNs(c: number, k: number, minNs: number, maxNs: number): number {
  const fraction = Math.log(c + 1) / Math.log(k + 1);
  const raw = secondsOf(maxNs) - fraction * (secondsOf(maxNs) - secondsOf(minNs));
  return Math.max(minNs, Math.floor(1000 * raw) * MILLISECOND_NS);
}

/** Go's `Duration.Seconds`, with its rounding. */
function secondsOf(spanNs: number): number {
  const fractionNs = spanNs % SECOND_NS;
  return (spanNs - fractionNs) / SECOND_NS + fractionNs / SECOND_NS;
}

/** How many confirmations shorten a suspicion among `n` nodes (`suspectNode`). */
export function expectedConfirmations(suspicionMult: number, n: number): number {
  const k = suspicionMult - 2;
  return n - 2 < k ? 0 : k;
}

/** How often a broadcast is sent among `n` nodes. */
export function retransmitLimit(retransmitMult: number, n: number): number {
  let scale = 0;
  // the logarithm, rounded up: floating powers of ten are exact, and this is asked for every packet
  for (let reach = 1; reach < n + 1; reach *= 10) scale++;
  return retransmitMult * scale;
}

/** The push/pull interval in ns among `n` nodes. */
export function pushPullScaleNs(intervalNs: number, n: number): number {
  if (n <= PUSH_PULL_SCALE_THRESHOLD) return intervalNs;
  const multiplier = Math.ceil(Math.log2(n) - Math.log2(PUSH_PULL_SCALE_THRESHOLD)) + 1;
  return multiplier * intervalNs;
}

/** The first tick strictly after `nowNs` of a ticker that began at `startNs`. */
export function nextTickAfter(startNs: number, intervalNs: number, nowNs: number): number {
  return startNs + (Math.floor((nowNs - startNs) / intervalNs) + 1) * intervalNs;
}
