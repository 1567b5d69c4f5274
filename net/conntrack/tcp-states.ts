/**
 * TCP's states as conntrack sees them: the table that moves between them.
 *
 * The table is that of current kernels (`tcp_conntracks` in nf_conntrack_proto_tcp.c); cells say
 * where a connection goes when a packet with these flags comes from this side. `IG` lets the packet
 * pass and remembers it, `IV` makes it INVALID. Windows are in tcp-tracking.ts.
 */
import { TcpFlag } from '../../wire/tcp.ts';

/** Conntrack's TCP states, with Linux' numbers. */
export const TcpState = {
  none: 0,
  synSent: 1,
  synReceived: 2,
  established: 3,
  finWait: 4,
  closeWait: 5,
  lastAck: 6,
  timeWait: 7,
  close: 8,
  synSent2: 9,
  ignore: 10,
  invalid: 11,
} as const;
/** See {@link TcpState}. */
export type TcpState = (typeof TcpState)[keyof typeof TcpState];

/** The states' names in `conntrack -L`, by number. */
export const TCP_STATE_NAMES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

/** The rows of the table: what a segment's flags amount to. */
export const TcpSegment = { syn: 0, synAck: 1, fin: 2, ack: 3, rst: 4, none: 5 } as const;

const ROW_STATES: Readonly<Record<string, number>> = {
  NO: TcpState.none,
  SS: TcpState.synSent,
  SR: TcpState.synReceived,
  ES: TcpState.established,
  FW: TcpState.finWait,
  CW: TcpState.closeWait,
  LA: TcpState.lastAck,
  TW: TcpState.timeWait,
  CL: TcpState.close,
  S2: TcpState.synSent2,
  IG: TcpState.ignore,
  IV: TcpState.invalid,
};

/** Rows: original SYN, SYNACK, FIN, ACK, RST, none, then reply; columns NO SS SR ES FW CW LA TW CL S2. */
const TABLE = new Uint8Array(
  [
    'SS SS IG IG IG IG IG SS SS S2',
    'IV IV SR IV IV IV IV IV IV SR',
    'IV IV FW FW LA LA LA TW CL IV',
    'ES IV ES ES CW CW TW TW CL IV',
    'IV CL CL CL CL CL CL CL CL CL',
    'IV IV IV IV IV IV IV IV IV IV',
    'IV S2 IV IV IV IV IV SS IV S2',
    'IV SR IG IG IG IG IG IG IG SR',
    'IV IV FW FW LA LA LA TW CL IV',
    'IV IG SR ES CW CW TW TW CL IG',
    'IV CL CL CL CL CL CL CL CL CL',
    'IV IV IV IV IV IV IV IV IV IV',
  ].flatMap((row) => row.split(' ').map((cell) => ROW_STATES[cell]!)),
);

/** The table's cell; `segment` is a {@link TcpSegment}, `state` a {@link TcpState} up to synSent2. */
export function nextTcpState(isReply: boolean, segment: number, state: number): number {
  return TABLE[((isReply ? 6 : 0) + segment) * 10 + state]!;
}

/** Which row of the table a segment's flags choose (`get_conntrack_index`). */
export function segmentOf(flags: number): number {
  if ((flags & TcpFlag.rst) !== 0) return TcpSegment.rst;
  if ((flags & TcpFlag.syn) !== 0) {
    return (flags & TcpFlag.ack) !== 0 ? TcpSegment.synAck : TcpSegment.syn;
  }
  if ((flags & TcpFlag.fin) !== 0) return TcpSegment.fin;
  return (flags & TcpFlag.ack) !== 0 ? TcpSegment.ack : TcpSegment.none;
}

/** True for combinations that a sane TCP sends (`tcp_valid_flags`). */
export function hasSaneFlags(flags: number): boolean {
  switch (flags & (TcpFlag.fin | TcpFlag.syn | TcpFlag.rst | TcpFlag.ack | TcpFlag.urg)) {
    case TcpFlag.syn:
    case TcpFlag.syn | TcpFlag.urg:
    case TcpFlag.syn | TcpFlag.ack:
    case TcpFlag.rst:
    case TcpFlag.rst | TcpFlag.ack:
    case TcpFlag.fin | TcpFlag.ack:
    case TcpFlag.fin | TcpFlag.ack | TcpFlag.urg:
    case TcpFlag.ack:
    case TcpFlag.ack | TcpFlag.urg:
      return true;
    default:
      return false;
  }
}
