/**
 * What the underlay does to a datagram between two hosts, and how faults change it.
 *
 * A base (per cluster, overridable per host and per pair) says latency, loss, duplication,
 * reordering, bandwidth and MTU. Faults lay *rules* over it, in the order of their installation; a
 * rule covers ordered pairs of hosts and optionally one protocol and port. The effective *path* of
 * a pair is the base with every rule that covers it: ratios combine as independent chances, delays
 * add up, the smallest bandwidth and MTU win, and the first blocking rule gives the reason of the
 * drop.
 */

/** A uniform one-way delay, both bounds in ns. */
export interface DelayRange {
  readonly minNs: number;
  readonly maxNs: number;
}

/**
 * What becomes of packets that are too long: they `vanish`, as in tunnels that say nothing; they meet a
 * router (`routed`), which cuts them or tells their senders; or so, with a firewall behind it that lets no
 * fragments pass (`routed-no-fragments`).
 */
export const TOO_LONG = ['vanish', 'routed', 'routed-no-fragments'] as const;
/** See {@link TOO_LONG}. */
export type TooLong = (typeof TOO_LONG)[number];

/** Conditions of one direction between two hosts. */
export interface LinkConditions {
  readonly latency: DelayRange;
  /** Chances in [0, 1] for each datagram. */
  readonly lossRatio: number;
  readonly duplicateRatio: number;
  /** Chance that a datagram may overtake others (it skips the order of its path). */
  readonly reorderRatio: number;
  /** Bits per second; Infinity for no limit. */
  readonly bandwidthBitsPerSecond: number;
  /** Largest IP packet, in bytes. */
  readonly mtuBytes: number;
  /** What becomes of longer ones; default `vanish`. */
  readonly tooLong?: TooLong | undefined;
}

/** A quiet data centre. */
export const DEFAULT_CONDITIONS: LinkConditions = {
  latency: { minNs: 200_000, maxNs: 800_000 },
  lossRatio: 0,
  duplicateRatio: 0,
  reorderRatio: 0,
  bandwidthBitsPerSecond: 10_000_000_000,
  mtuBytes: 1500,
};

/** Which packets a rule covers: one protocol number and, if given, one port on either side. */
export interface FlowFilter {
  readonly protocol: number;
  readonly port?: number;
}

/** What a fault does to the pairs that it covers. */
export interface UnderlayRule {
  /** True when the rule covers datagrams from host `from` to host `to`. */
  readonly covers: (from: number, to: number) => boolean;
  readonly filter?: FlowFilter;
  /** Set when nothing gets through; names the reason, such as `partition`. */
  readonly blockedBy?: string;
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  readonly reorderRatio?: number;
  readonly delay?: DelayRange;
  readonly bandwidthBitsPerSecond?: number;
  readonly mtuBytes?: number;
}

/** The effective conditions of one ordered pair. */
export interface Path {
  readonly latencyMinNs: number;
  /** Width of the uniform delay, in ns. */
  readonly latencySpanNs: number;
  readonly lossRatio: number;
  readonly duplicateRatio: number;
  readonly reorderRatio: number;
  /** Nanoseconds that one byte takes on the wire. */
  readonly byteNs: number;
  readonly mtuBytes: number;
  readonly tooLong: TooLong;
  /** Empty when datagrams get through. */
  readonly blockedBy: string;
}

/** Lays the rules over the base; pure. */
export function pathOf(base: LinkConditions, rules: readonly UnderlayRule[]): Path {
  let latencyMinNs = base.latency.minNs;
  let latencyMaxNs = base.latency.maxNs;
  let passRatio = 1 - base.lossRatio;
  let singleRatio = 1 - base.duplicateRatio;
  let orderedRatio = 1 - base.reorderRatio;
  let bandwidth = base.bandwidthBitsPerSecond;
  let mtuBytes = base.mtuBytes;
  let blockedBy = '';
  for (const rule of rules) {
    if (rule.delay !== undefined) {
      latencyMinNs += rule.delay.minNs;
      latencyMaxNs += rule.delay.maxNs;
    }
    passRatio *= 1 - (rule.lossRatio ?? 0);
    singleRatio *= 1 - (rule.duplicateRatio ?? 0);
    orderedRatio *= 1 - (rule.reorderRatio ?? 0);
    bandwidth = Math.min(bandwidth, rule.bandwidthBitsPerSecond ?? bandwidth);
    mtuBytes = Math.min(mtuBytes, rule.mtuBytes ?? mtuBytes);
    if (blockedBy === '') blockedBy = rule.blockedBy ?? '';
  }
  return {
    latencyMinNs,
    latencySpanNs: latencyMaxNs - latencyMinNs,
    lossRatio: 1 - passRatio,
    duplicateRatio: 1 - singleRatio,
    reorderRatio: 1 - orderedRatio,
    byteNs: 8_000_000_000 / bandwidth,
    mtuBytes,
    tooLong: base.tooLong ?? 'vanish',
    blockedBy,
  };
}
