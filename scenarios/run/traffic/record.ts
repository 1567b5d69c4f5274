/**
 * What became of the requests of one traffic: how many were sent, how each ended and when, and how
 * long the answered ones took.
 */
import { Histogram } from '../../../sim/histogram.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { LossWindow, TrafficResult } from '../../result.ts';

/** Failures that are further apart belong to two windows. */
const WINDOW_GAP_NS = SECOND_NS;

/** How a request ended. */
export type RequestOutcome = 'ok' | 'refused' | 'reset' | 'timeout' | 'unreachable' | 'unresolved';

/** The outcomes in the order in which reports list them. */
export const REQUEST_OUTCOMES: readonly RequestOutcome[] = [
  'ok',
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'unresolved',
];

/** One failed request. */
export interface FailedRequest {
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  readonly outcome: RequestOutcome;
}

/** The requests of one traffic. */
export class TrafficRecord {
  readonly name: string;
  sentCount = 0;
  readonly counts: Record<RequestOutcome, number> = {
    ok: 0,
    refused: 0,
    reset: 0,
    timeout: 0,
    unreachable: 0,
    unresolved: 0,
  };
  readonly failures: FailedRequest[] = [];
  /** Latency of answered requests, in ns. */
  readonly latency = new Histogram();
  /** Answered requests by the server that answered. */
  readonly byServer = new Map<string, number>();
  lastOkSentAtNs = -1;

  constructor(name: string) {
    this.name = name;
  }

  /** A request ended. */
  end(sentAtNs: number, endedAtNs: number, outcome: RequestOutcome, server: string): void {
    this.counts[outcome]++;
    if (outcome !== 'ok') {
      this.failures.push({ sentAtNs, endedAtNs, outcome });
      return;
    }
    this.latency.record(endedAtNs - sentAtNs);
    this.lastOkSentAtNs = Math.max(this.lastOkSentAtNs, sentAtNs);
    this.byServer.set(server, (this.byServer.get(server) ?? 0) + 1);
  }

  /** Failures in windows, and servers with their shares. */
  get result(): TrafficResult {
    const servers = this.#shares();
    return { name: this.name, lossWindows: lossWindowsOf(this.failures), servers };
  }

  /** The largest share of the answers that one server gave; undefined where none told its name. */
  get largestShare(): number | undefined {
    const shares = this.#shares().map(({ share }) => share);
    return shares.length === 0 ? undefined : Math.max(...shares);
  }

  #shares(): { server: string; answered: number; share: number }[] {
    const named = [...this.byServer].filter(([server]) => server !== '');
    const total = named.reduce((sum, [, count]) => sum + count, 0);
    return named
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([server, answered]) => ({ server, answered, share: answered / total }));
  }

  /** Requests that ended. */
  get endedCount(): number {
    return this.counts.ok + this.failures.length;
  }

  /** Failed requests in relation to all that ended; 0 when none ended. */
  get lossRatio(): number {
    return this.endedCount === 0 ? 0 : this.failures.length / this.endedCount;
  }

  /**
   * How long after `fromNs` the last failing request was sent: 0 when none failed before `untilNs`,
   * `undefined` when nothing was answered afterwards.
   */
  recoveryNs(fromNs: number, untilNs: number): number | undefined {
    const failing = this.failures.filter((f) => f.sentAtNs >= fromNs && f.sentAtNs < untilNs);
    if (failing.length === 0) return 0;
    const lastFailureNs = Math.max(...failing.map((f) => f.sentAtNs));
    return this.lastOkSentAtNs > lastFailureNs ? lastFailureNs - fromNs : undefined;
  }
}

function lossWindowsOf(failures: readonly FailedRequest[]): LossWindow[] {
  const groups: FailedRequest[][] = [];
  for (const failure of [...failures].sort((a, b) => a.sentAtNs - b.sentAtNs)) {
    const last = groups.at(-1);
    const isNear = last !== undefined && failure.sentAtNs - last.at(-1)!.sentAtNs <= WINDOW_GAP_NS;
    if (isNear) last.push(failure);
    else groups.push([failure]);
  }
  return groups.map((group) => ({
    fromSeconds: group[0]!.sentAtNs / SECOND_NS,
    untilSeconds: group.at(-1)!.sentAtNs / SECOND_NS,
    failed: group.length,
    kinds: REQUEST_OUTCOMES.map((kind) => ({
      kind,
      count: group.filter(({ outcome }) => outcome === kind).length,
    }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count),
  }));
}
