/**
 * ipvs' numbers: connection states, their timeouts and the TCP transition table, as
 * `net/netfilter/ipvs/ip_vs_proto_tcp.c` and `ip_vs_proto_udp.c` have them.
 */
import { SECOND_NS } from '../sim/time.ts';

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

/** Time to live in each TCP state, in ns, by state number (`tcp_timeouts`). */
export const IPVS_TCP_TIMEOUTS_NS: readonly number[] = [
  2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120,
].map((seconds) => seconds * SECOND_NS);

/** Time to live of a UDP connection, in ns. */
export const IPVS_UDP_TIMEOUT_NS = 300 * SECOND_NS;

/** Rows of the transition tables: the flag that counts, RST before SYN before FIN before ACK. */
export const TcpEvent = { syn: 0, fin: 1, ack: 2, rst: 3 } as const;
/** See {@link TcpEvent}. */
export type TcpEvent = (typeof TcpEvent)[keyof typeof TcpEvent];

const COLUMNS = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

function rows(...texts: string[]): readonly (readonly number[])[] {
  return texts.map((text) => text.split(' ').map((name) => COLUMNS.indexOf(name)));
}

/** Next state by direction (in, out, in-only), event and present state (`tcp_states`). */
export const IPVS_TCP_TRANSITIONS: Readonly<
  Record<'input' | 'output' | 'inputOnly', readonly (readonly number[])[]>
> = {
  input: rows(
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL CW SS TW TW TW CL CW LA LI TW',
    'CL ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI SR',
  ),
  output: rows(
    'SS ES SS SR SS SS SS SS SS LI SR',
    'TW FW SS TW FW TW CL TW LA LI TW',
    'ES ES SS ES FW TW CL CW LA ES ES',
    'CL CL SS CL CL TW CL CL CL CL CL',
  ),
  inputOnly: rows(
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL FW SS TW FW TW CL CW LA LI TW',
    'CL ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI CL',
  ),
};
