/**
 * What a setting will come to, by formulas: good enough to choose what is worth simulating, and
 * optimistic where it is used to rule a setting out.
 *
 * A member that died is probed by each other one once in n intervals, so the first probe comes after
 * an exponential time of mean one interval, fails at the end of its interval, and the suspicion lasts
 * at least its minimum. A rumor reaches all in about log n rounds, but for those that none of its
 * transmissions reached, who wait for a push/pull. Loss makes probes fail, each
 * failure is a suspicion and a refutation, and each of these is transmitted `retransmitLimit` times
 * by everybody.
 */
import type { SwimConfig } from '../../../gossip/constants.ts';
import { pushPullScaleNs, retransmitLimit, suspicionTimeoutNs } from '../../../gossip/formulas.ts';
import { SECOND_NS } from '../../../sim/time.ts';

/** What formulas say of a setting. */
export interface Estimate {
  /** Bytes per member and second. */
  readonly loadBytes: number;
  /** The time within which 95 % of deaths are known to all, ns. */
  readonly detectionNs: number;
  /** No setting of these values detects faster than this half of the time, ns. */
  readonly detectionNsMin: number;
  /** The logarithm of how many false positives there are; its scale means nothing. */
  readonly falseLog: number;
}

/** UDP payload of a ping and its ack, and of a rumor with its share of a packet's headers. */
const PROBE_BYTES = 90;
const RUMOR_BYTES = 45;
/** A node's entry in a push/pull, both ways, after compression. */
const ENTRY_BYTES = 50;
/** Exponential quantiles in means: the median and 95 %. */
const MEDIAN = Math.LN2;
const P95 = -Math.log(0.05);

/** See the module comment; `n` members, and the share of packets that is lost. */
export function estimate(config: SwimConfig, n: number, lossRatio: number): Estimate {
  const { probeIntervalNs, suspicionMult, gossipIntervalNs, gossipNodes } = config;
  const arrives = 1 - lossRatio;
  const suspicionNs = suspicionTimeoutNs(suspicionMult, n, probeIntervalNs);
  const roundsToAll = Math.log(n) / Math.log(1 + gossipNodes * arrives);
  const limit = retransmitLimit(config.retransmitMult, n);
  const missedRatio = Math.min(1, n * Math.exp(-limit * arrives));
  const pushPullNs = pushPullScaleNs(config.pushPullIntervalNs, n);
  const spreadNs = gossipIntervalNs * (roundsToAll + 1) + missedRatio * pushPullNs;
  const failsDirectly = 1 - arrives ** 2;
  const failsOtherwise = (1 - arrives ** 4) ** (config.indirectChecks + 1);
  const perSecond = SECOND_NS / probeIntervalNs;
  const suspicions = n * failsDirectly * failsOtherwise * perSecond;
  const probes =
    perSecond * (PROBE_BYTES + failsDirectly * config.indirectChecks * 2 * PROBE_BYTES);
  const pushPulls = (n * ENTRY_BYTES * SECOND_NS) / pushPullNs;
  const chances = (suspicionNs / gossipIntervalNs) * gossipNodes * arrives ** 2;
  return {
    loadBytes: probes + suspicions * 2 * limit * RUMOR_BYTES + pushPulls,
    detectionNs: probeIntervalNs * (P95 + 1) + suspicionNs + spreadNs,
    detectionNsMin: probeIntervalNs * (MEDIAN + 1) + suspicionNs,
    falseLog: Math.log(suspicions + 1e-12) - chances / Math.max(1, Math.log(n)),
  };
}
