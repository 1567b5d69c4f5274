/**
 * memberlist's tunables under upstream's names, and its profiles (`config.go`: `DefaultLANConfig`,
 * `DefaultWANConfig`, `DefaultLocalConfig`). Docker's NetworkDB uses the LAN profile.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';

/** The tunables of one member; spans in ns. */
export interface MemberlistConfig {
  readonly tcpTimeoutNs: number;
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly pushPullIntervalNs: number;
  readonly probeIntervalNs: number;
  readonly probeTimeoutNs: number;
  readonly disableTcpPings: boolean;
  readonly awarenessMaxMultiplier: number;
  readonly gossipNodes: number;
  readonly gossipIntervalNs: number;
  readonly gossipToTheDeadTimeNs: number;
  readonly udpBufferBytes: number;
  /** Bytes that encryption adds to a packet; 0 without a keyring. */
  readonly encryptOverheadBytes: number;
}

/** `DefaultLANConfig`. */
export const LAN_CONFIG: MemberlistConfig = {
  tcpTimeoutNs: 10 * SECOND_NS,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullIntervalNs: 30 * SECOND_NS,
  probeIntervalNs: SECOND_NS,
  probeTimeoutNs: 500 * MILLISECOND_NS,
  disableTcpPings: false,
  awarenessMaxMultiplier: 8,
  gossipNodes: 3,
  gossipIntervalNs: 200 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 30 * SECOND_NS,
  udpBufferBytes: 1400,
  encryptOverheadBytes: 0,
};

/** `DefaultWANConfig`. */
export const WAN_CONFIG: MemberlistConfig = {
  ...LAN_CONFIG,
  tcpTimeoutNs: 30 * SECOND_NS,
  suspicionMult: 6,
  pushPullIntervalNs: 60 * SECOND_NS,
  probeIntervalNs: 5 * SECOND_NS,
  probeTimeoutNs: 3 * SECOND_NS,
  gossipNodes: 4,
  gossipIntervalNs: 500 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 60 * SECOND_NS,
};

/** `DefaultLocalConfig`. */
export const LOCAL_CONFIG: MemberlistConfig = {
  ...LAN_CONFIG,
  tcpTimeoutNs: SECOND_NS,
  indirectChecks: 1,
  retransmitMult: 2,
  suspicionMult: 3,
  pushPullIntervalNs: 15 * SECOND_NS,
  probeTimeoutNs: 200 * MILLISECOND_NS,
  gossipIntervalNs: 100 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 15 * SECOND_NS,
};

/** What Docker's NetworkDB makes of the LAN profile: always encrypted (AES-GCM, version 1). */
export const DOCKER_CONFIG: MemberlistConfig = { ...LAN_CONFIG, encryptOverheadBytes: 29 };
