/**
 * A host whose monotonic clock runs too fast or too slow. All timers of membership are spans of the
 * configuration, so such a member is one whose spans are shorter or longer in true time.
 */
import type { SwimConfig } from './constants.ts';

/** The spans of a configuration. */
type Span = Extract<keyof SwimConfig, `${string}Ns`>;

/**
 * The configuration as it is in true time on a host whose clock is fast by `driftRatio` (0.0001 for
 * 100 ppm; negative for slow; above -1). Upstream truncates a suspicion to whole ms of its own
 * clock; here they are ms of true time.
 */
export function withClockDrift(config: SwimConfig, driftRatio: number): SwimConfig {
  if (driftRatio === 0) return config;
  const spanNs = (key: Span): number => Math.round(config[key] / (1 + driftRatio));
  return {
    ...config,
    tcpTimeoutNs: spanNs('tcpTimeoutNs'),
    pushPullIntervalNs: spanNs('pushPullIntervalNs'),
    probeIntervalNs: spanNs('probeIntervalNs'),
    probeTimeoutNs: spanNs('probeTimeoutNs'),
    gossipIntervalNs: spanNs('gossipIntervalNs'),
    gossipToTheDeadTimeNs: spanNs('gossipToTheDeadTimeNs'),
    deadNodeReclaimTimeNs: spanNs('deadNodeReclaimTimeNs'),
  };
}
