/**
 * The retransmission timeout of a path, from its measured round trips (RFC 9260, 6.3.1).
 * Mirrors `sctp_transport_update_rto` (net/sctp/transport.c).
 */
import { RTO_INITIAL_NS, RTO_NS_MAX, RTO_NS_MIN } from './constants.ts';

/** The round trips of one path. */
export class RoundTrip {
  /** What to wait for an acknowledgement, in ns. */
  timeoutNs = RTO_INITIAL_NS;
  #smoothedNs = 0;
  #variationNs = 0;

  /** Takes a measured round trip in. */
  take(measuredNs: number): void {
    if (this.#smoothedNs === 0) {
      this.#smoothedNs = measuredNs;
      this.#variationNs = Math.floor(measuredNs / 2);
    } else {
      const differenceNs = Math.abs(this.#smoothedNs - measuredNs);
      this.#variationNs += Math.trunc((differenceNs - this.#variationNs) / 4);
      this.#smoothedNs += Math.trunc((measuredNs - this.#smoothedNs) / 8);
    }
    const timeoutNs = this.#smoothedNs + 4 * this.#variationNs;
    this.timeoutNs = Math.min(RTO_NS_MAX, Math.max(RTO_NS_MIN, timeoutNs));
  }

  /** Nothing came in time: twice as long from now on. */
  backOff(): void {
    this.timeoutNs = Math.min(2 * this.timeoutNs, RTO_NS_MAX);
  }
}
