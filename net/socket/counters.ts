/**
 * What a namespace's sockets count, as `/proc/net/snmp` and `nstat` have it.
 */

/** What `nstat` counts of one namespace's sockets. */
export interface SocketCounters {
  activeOpens: number;
  passiveOpens: number;
  attemptsFailed: number;
  established: number;
  segmentsRetransmitted: number;
  resetsSent: number;
  resetsReceived: number;
  timeouts: number;
  listenOverflows: number;
  checksumErrors: number;
  segmentsReceived: number;
  segmentsSent: number;
  /** By the version of IP. */
  readonly udp: Readonly<Record<'ipv4' | 'ipv6', UdpCounters>>;
}

/** What is counted of datagrams. */
export interface UdpCounters {
  received: number;
  sent: number;
  /** For a port that nobody has (`UdpNoPorts`). */
  unknownPorts: number;
  checksumErrors: number;
}

/** Counters at 0. */
export function newSocketCounters(): SocketCounters {
  return {
    activeOpens: 0,
    passiveOpens: 0,
    attemptsFailed: 0,
    established: 0,
    segmentsRetransmitted: 0,
    resetsSent: 0,
    resetsReceived: 0,
    timeouts: 0,
    listenOverflows: 0,
    checksumErrors: 0,
    segmentsReceived: 0,
    segmentsSent: 0,
    udp: {
      ipv4: { received: 0, sent: 0, unknownPorts: 0, checksumErrors: 0 },
      ipv6: { received: 0, sent: 0, unknownPorts: 0, checksumErrors: 0 },
    },
  };
}
