/**
 * `net.netfilter.nf_conntrack_*`: how long connections are remembered, by protocol and state, how many
 * there may be, and how strictly TCP is followed. Kept as fields, because every packet asks; read again
 * when a sysctl has changed. Mirrors nf_conntrack_standalone.c and `nf_tcp_net`, `nf_udp_net` and so on.
 */
import { SECOND_NS } from '../../sim/time.ts';

const PREFIX = 'net.netfilter.nf_conntrack_';

/** Names of TCP's timeouts by state, from NONE on; what has none of its own has SYN_SENT's. */
const TCP_STATES = [
  'syn_sent',
  'syn_sent',
  'syn_recv',
  'established',
  'fin_wait',
  'close_wait',
  'last_ack',
  'time_wait',
  'close',
  'syn_sent',
] as const;
/** Those of SCTP. */
const SCTP_STATES = [
  'closed',
  'closed',
  'cookie_wait',
  'cookie_echoed',
  'established',
  'shutdown_sent',
  'shutdown_recd',
  'shutdown_ack_sent',
  'heartbeat_sent',
] as const;

/** The settings of a fresh kernel; timeouts in seconds. */
export const CONNTRACK_DEFAULTS: readonly (readonly [string, number])[] = (
  [
    ['acct', 0],
    ['generic_timeout', 600],
    ['gre_timeout', 30],
    ['gre_timeout_stream', 180],
    ['icmp_timeout', 30],
    ['icmpv6_timeout', 30],
    ['max', 262_144],
    ['sctp_timeout_closed', 10],
    ['sctp_timeout_cookie_echoed', 3],
    ['sctp_timeout_cookie_wait', 3],
    ['sctp_timeout_established', 210],
    ['sctp_timeout_heartbeat_sent', 30],
    ['sctp_timeout_shutdown_ack_sent', 3],
    ['sctp_timeout_shutdown_recd', 3],
    ['sctp_timeout_shutdown_sent', 3],
    ['tcp_be_liberal', 0],
    ['tcp_loose', 1],
    ['tcp_max_retrans', 3],
    ['tcp_timeout_close', 10],
    ['tcp_timeout_close_wait', 60],
    ['tcp_timeout_established', 432_000],
    ['tcp_timeout_fin_wait', 120],
    ['tcp_timeout_last_ack', 30],
    ['tcp_timeout_max_retrans', 300],
    ['tcp_timeout_syn_recv', 60],
    ['tcp_timeout_syn_sent', 120],
    ['tcp_timeout_time_wait', 120],
    ['tcp_timeout_unacknowledged', 300],
    ['udp_timeout', 30],
    ['udp_timeout_stream', 120],
  ] as const
).map(([name, value]) => [PREFIX + name, value]);

/** Where the settings stand. */
interface Source {
  /** Changes with every setting that is set. */
  readonly revision: number;
  number(name: string): number;
}

/** What TCP's part of a connection asks for. */
export interface TcpSettings {
  /** By state, in ns. */
  readonly timeoutsNs: readonly number[];
  readonly maxRetransNs: number;
  readonly unacknowledgedNs: number;
  readonly retransmissionsMax: number;
  /** Segments outside the window are of the connection all the same. */
  readonly isLiberal: boolean;
  /** Connections may be taken up in their midst. */
  readonly isLoose: boolean;
}

/** The settings of one namespace. */
export class ConntrackSettings {
  tcp!: TcpSettings;
  /** By state, in ns. */
  sctpTimeoutsNs!: readonly number[];
  udpNs = 0;
  udpStreamNs = 0;
  icmpNs = 0;
  icmpv6Ns = 0;
  greNs = 0;
  greStreamNs = 0;
  genericNs = 0;
  /** 0 for no limit. */
  connectionsMax = 0;
  readonly #source: Source;
  #revision: number;

  constructor(source: Source) {
    this.#source = source;
    this.#revision = source.revision;
    this.#read();
  }

  /** Reads them again if any has changed. */
  refresh(): void {
    if (this.#revision === this.#source.revision) return;
    this.#revision = this.#source.revision;
    this.#read();
  }

  #read(): void {
    const number = (name: string) => this.#source.number(PREFIX + name);
    const spanNs = (name: string) => number(name) * SECOND_NS;
    this.tcp = {
      timeoutsNs: TCP_STATES.map((state) => spanNs(`tcp_timeout_${state}`)),
      maxRetransNs: spanNs('tcp_timeout_max_retrans'),
      unacknowledgedNs: spanNs('tcp_timeout_unacknowledged'),
      retransmissionsMax: number('tcp_max_retrans'),
      isLiberal: number('tcp_be_liberal') !== 0,
      isLoose: number('tcp_loose') !== 0,
    };
    this.sctpTimeoutsNs = SCTP_STATES.map((state) => spanNs(`sctp_timeout_${state}`));
    this.udpNs = spanNs('udp_timeout');
    this.udpStreamNs = spanNs('udp_timeout_stream');
    this.icmpNs = spanNs('icmp_timeout');
    this.icmpv6Ns = spanNs('icmpv6_timeout');
    this.greNs = spanNs('gre_timeout');
    this.greStreamNs = spanNs('gre_timeout_stream');
    this.genericNs = spanNs('generic_timeout');
    this.connectionsMax = number('max');
  }
}
