/**
 * What follows in a configuration from the version of memberlist, from the keyring and from the host's
 * clock: a memberlist without labels has none, keys with names are a keyring, and where the clock is
 * fast all timers, which are spans of the configuration, are shorter in true time.
 */
import type { SwimConfig } from './constants.ts';

/** The configuration with its consequences. */
export function memberConfigOf(config: SwimConfig): SwimConfig {
  const { memberlist, label, hasKeyring, keyring } = config;
  return {
    ...config,
    label: memberlist.hasLabels ? label : '',
    hasKeyring: hasKeyring || keyring.length > 0,
  };
}

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
