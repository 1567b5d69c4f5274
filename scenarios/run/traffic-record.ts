/**
 * What became of the requests of one traffic: how many were sent, how each ended and when, and how
 * long the answered ones took.
 */
import { Histogram } from '../../sim/histogram.ts';

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
