/**
 * ipvs' numbers: connection states, their timeouts and the TCP transition table, as
 * `net/netfilter/ipvs/ip_vs_proto_tcp.c` and `ip_vs_proto_udp.c` have them.
 */
import { SECOND_NS } from '../../sim/time.ts';
import { TcpFlag } from '../../wire/tcp.ts';

/** TCP states in the kernel's order (`IP_VS_TCP_S_*`). */
export const IpvsTcpState = {
  none: 0,
  established: 1,
  synSent: 2,
  synReceived: 3,
  finWait: 4,
  timeWait: 5,
  close: 6,
  closeWait: 7,
  lastAck: 8,
  listen: 9,
  synAck: 10,
} as const;
/** See {@link IpvsTcpState}. */
export type IpvsTcpState = (typeof IpvsTcpState)[keyof typeof IpvsTcpState];

/** The states' names as `ipvsadm -Lnc` prints them. */
export const IPVS_TCP_STATE_NAMES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;

/** States in which a destination counts a connection as active (`tcp_state_active_table`, since 4.8). */
export const IPVS_ACTIVE_TCP_STATES: ReadonlySet<IpvsTcpState> = new Set([
  IpvsTcpState.established,
  IpvsTcpState.synSent,
  IpvsTcpState.synReceived,
  IpvsTcpState.synAck,
]);

/** Time to live in each TCP state, in ns, by state number (`tcp_timeouts`). */
export const IPVS_TCP_TIMEOUTS_NS: readonly number[] = [
  2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120,
].map((seconds) => seconds * SECOND_NS);

/** Time to live of a UDP connection, in ns. */
export const IPVS_UDP_TIMEOUT_NS = 300 * SECOND_NS;

/** The rows of each transition table: the flag that counts, RST before SYN before FIN before ACK. */
const TcpEvent = { syn: 0, fin: 1, ack: 2, rst: 3 } as const;

/** Which transition table a packet moves by: requests, replies, requests whose replies go by. */
export const TransitionTable = { input: 0, output: 1, inputOnly: 2 } as const;
/** See {@link TransitionTable}. */
export type TransitionTable = (typeof TransitionTable)[keyof typeof TransitionTable];

const COLUMNS = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

function rows(...texts: string[]): readonly (readonly number[])[] {
  return texts.map((text) => text.split(' ').map((name) => COLUMNS.indexOf(name)));
}

/** Next state by table, event and present state (`tcp_states`). */
const TRANSITIONS: readonly (readonly (readonly number[])[])[] = [
  rows(
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL CW SS TW TW TW CL CW LA LI TW',
    'ES ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI SR',
  ),
  rows(
    'SS ES SS SR SS SS SS SS SS LI SR',
    'TW FW SS TW FW TW CL TW LA LI TW',
    'ES ES SS ES FW TW CL CW LA ES ES',
    'CL CL SS CL CL TW CL CL CL CL CL',
  ),
  rows(
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL FW SS TW FW TW CL CW LA LI TW',
    'ES ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI CL',
  ),
];

/** The state after a packet with these TCP flags; one without any that count closes. */
export function nextTcpState(
  table: TransitionTable,
  flags: number,
  state: IpvsTcpState,
): IpvsTcpState {
  let event: number;
  if ((flags & TcpFlag.rst) !== 0) event = TcpEvent.rst;
  else if ((flags & TcpFlag.syn) !== 0) event = TcpEvent.syn;
  else if ((flags & TcpFlag.fin) !== 0) event = TcpEvent.fin;
  else if ((flags & TcpFlag.ack) !== 0) event = TcpEvent.ack;
  else return IpvsTcpState.close;
  return TRANSITIONS[table]![event]![state]! as IpvsTcpState;
}

/** The `net.ipv4.vs` settings of a fresh namespace that anything here reads or that are printed. */
export const IPVS_SYSCTLS: readonly (readonly [name: string, value: number | string])[] = [
  ['am_droprate', 10],
  ['amemthresh', 1024],
  ['backup_only', 0],
  ['cache_bypass', 0],
  ['conn_reuse_mode', 1],
  ['conntrack', 0],
  ['drop_entry', 0],
  ['drop_packet', 0],
  ['expire_nodest_conn', 0],
  ['expire_quiescent_template', 0],
  ['ignore_tunneled', 0],
  ['nat_icmp_send', 0],
  ['pmtu_disc', 1],
  ['schedule_icmp', 0],
  ['secure_tcp', 0],
  ['sloppy_sctp', 0],
  ['sloppy_tcp', 0],
  ['snat_reroute', 1],
  ['sync_threshold', '3\t50'],
];
