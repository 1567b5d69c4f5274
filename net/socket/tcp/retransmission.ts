/**
 * The retransmission timeout (RFC 6298): smoothed round-trip time, its variation, and backoff.
 *
 * As in Linux (`tcp_rtt_estimator`, `tcp_set_rto`), the variation's part of the RTO is at least
 * 200 ms, so that the RTO of a path of 1 ms is 201 ms. Karn's rule is the caller's: segments that
 * were sent twice are not measured.
 */
import { RTO_NS_MAX, RTO_NS_MIN, TIMEOUT_FALLBACK_NS, TIMEOUT_INITIAL_NS } from './constants.ts';

/** The RTO of one connection. */
export class RetransmissionTimeout {
  /** Smoothed round-trip time in ns; 0 before the first measurement. */
  smoothedNs = 0;
  /** Its variation, in ns. */
  variationNs = 0;
  #baseNs = TIMEOUT_INITIAL_NS;
  /** How often the timer has fired since the last acknowledgement of something new. */
  backoffCount = 0;

  /** The timeout to arm now, in ns. */
  get timeoutNs(): number {
    return Math.min(this.#baseNs * 2 ** this.backoffCount, RTO_NS_MAX);
  }

  /** Takes in the round-trip time of a segment that was sent once. */
  measure(roundTripNs: number): void {
    if (this.smoothedNs === 0) {
      this.smoothedNs = roundTripNs;
      this.variationNs = roundTripNs / 2;
    } else {
      const deviation = Math.abs(this.smoothedNs - roundTripNs);
      this.variationNs = 0.75 * this.variationNs + 0.25 * deviation;
      this.smoothedNs = 0.875 * this.smoothedNs + 0.125 * roundTripNs;
    }
    const timeoutNs = this.smoothedNs + Math.max(RTO_NS_MIN, 4 * this.variationNs);
    this.#baseNs = Math.min(Math.round(timeoutNs), RTO_NS_MAX);
    if (this.smoothedNs === 0) this.smoothedNs = 1;
  }

  /** The handshake gave no measurement because it was retransmitted. */
  becomeFallback(): void {
    if (this.smoothedNs === 0) this.#baseNs = TIMEOUT_FALLBACK_NS;
  }
}

/**
 * How long retransmissions may go on after the first one, in ns, for a boundary of `retries`.
 * Mirrors `retransmits_timed_out` with `tcp_model_timeout` (net/ipv4/tcp_timer.c).
 */
export function retransmissionSpanNs(retries: number): number {
  const linearFrom = Math.floor(Math.log2(RTO_NS_MAX / RTO_NS_MIN));
  if (retries <= linearFrom) return (2 ** (retries + 1) - 1) * RTO_NS_MIN;
  return (2 ** (linearFrom + 1) - 1) * RTO_NS_MIN + (retries - linearFrom) * RTO_NS_MAX;
}
