/**
 * ipvs' TCP state machine, transition by transition and then by walks: what a packet of each kind makes of each state,
 * for requests, replies, and requests whose replies go by (direct routing and tunnels), as the tables
 * of the kernel's `ip_vs_proto_tcp.c` have it.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import {
  IPVS_TCP_STATE_NAMES,
  IPVS_TCP_TIMEOUTS_NS,
  IpvsTcpState,
  nextTcpState,
  TransitionTable,
} from './constants.ts';

/** The states' names as the kernel's tables shorten them, in their order. */
const STATES = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

const { syn, fin, ack, rst } = TcpFlag;
const FLAGS = { SYN: syn, FIN: fin | ack, ACK: ack, RST: rst | ack } as const;

/** Direction, packet, and the state that follows on each of {@link STATES}. */
const ROWS = `
request    SYN  SR ES ES SR SR SR SR SR SR SR SR
request    FIN  CL CW SS TW TW TW CL CW LA LI TW
request    ACK  ES ES SS ES FW TW CL CW CL LI ES
request    RST  CL CL CL SR CL CL CL CL LA LI SR
reply      SYN  SS ES SS SR SS SS SS SS SS LI SR
reply      FIN  TW FW SS TW FW TW CL TW LA LI TW
reply      ACK  ES ES SS ES FW TW CL CW LA ES ES
reply      RST  CL CL SS CL CL TW CL CL CL CL CL
unanswered SYN  SR ES ES SR SR SR SR SR SR SR SR
unanswered FIN  CL FW SS TW FW TW CL CW LA LI TW
unanswered ACK  ES ES SS ES FW TW CL CW CL LI ES
unanswered RST  CL CL CL SR CL CL CL CL LA LI CL
`;

const TABLES = {
  request: TransitionTable.input,
  reply: TransitionTable.output,
  unanswered: TransitionTable.inputOnly,
} as const;

const transitions = ROWS.trim()
  .split('\n')
  .flatMap((row) => {
    const [direction, packet, ...next] = row.split(/ +/);
    return next.map((to, i) => [direction!, packet!, STATES[i]!, to] as const);
  });

test('there are 132', () => {
  expect(transitions).toHaveLength(3 * 4 * IPVS_TCP_STATE_NAMES.length);
});

test.each(transitions)('%s %s on %s makes %s', (direction, packet, from, to) => {
  const table = TABLES[direction as keyof typeof TABLES];
  const flags = FLAGS[packet as keyof typeof FLAGS];
  const next = nextTcpState(table, flags, STATES.indexOf(from) as IpvsTcpState);
  expect(STATES[next]).toBe(to);
});

test('RST counts before SYN, SYN before FIN, FIN before ACK; a packet without any closes', () => {
  const next = (flags: number) => STATES[nextTcpState(TransitionTable.input, flags, 1)];
  expect([next(rst | syn | fin | ack), next(syn | fin | ack), next(fin | ack), next(0)]).toEqual([
    'CL',
    'ES',
    'CW',
    'CL',
  ]);
});

const WALK_FLAGS: Record<string, number> = {
  S: syn,
  SA: syn | ack,
  A: ack,
  P: TcpFlag.psh | ack,
  F: fin | ack,
  R: rst,
  RA: rst | ack,
  none: 0,
};

/** `>S <SA >A`: requests and replies; `~` for requests of a connection whose replies go by. */
function walk(packets: string): string {
  let state: IpvsTcpState = IpvsTcpState.none;
  return packets
    .split(' ')
    .map((packet) => {
      const tables = { '>': 'input', '<': 'output', '~': 'inputOnly' } as const;
      const table = TransitionTable[tables[packet.charAt(0) as '>' | '<' | '~']];
      state = nextTcpState(table, WALK_FLAGS[packet.slice(1)]!, state);
      return `${IPVS_TCP_STATE_NAMES[state]} ${IPVS_TCP_TIMEOUTS_NS[state]! / SECOND_NS}`;
    })
    .join(', ');
}

test.each([
  ['>S <SA >A', 'SYN_RECV 60, SYN_RECV 60, ESTABLISHED 900'],
  ['>S >A >P <P', 'SYN_RECV 60, ESTABLISHED 900, ESTABLISHED 900, ESTABLISHED 900'],
  ['>S <A >F <F >A', 'SYN_RECV 60, ESTABLISHED 900, CLOSE_WAIT 60, TIME_WAIT 120, TIME_WAIT 120'],
  [
    '>S <A <F >A >F <A',
    'SYN_RECV 60, ESTABLISHED 900, FIN_WAIT 120, FIN_WAIT 120, TIME_WAIT 120, TIME_WAIT 120',
  ],
  ['>S <RA', 'SYN_RECV 60, CLOSE 10'],
  ['>S >R', 'SYN_RECV 60, SYN_RECV 60'],
  ['>S <A >R', 'SYN_RECV 60, ESTABLISHED 900, CLOSE 10'],
  ['>S <A >F <F >S', 'SYN_RECV 60, ESTABLISHED 900, CLOSE_WAIT 60, TIME_WAIT 120, SYN_RECV 60'],
  ['>S <A >S', 'SYN_RECV 60, ESTABLISHED 900, ESTABLISHED 900'],
  ['>A', 'ESTABLISHED 900'],
  ['<S >A', 'SYN_SENT 120, SYN_SENT 120'],
  ['>S >none', 'SYN_RECV 60, CLOSE 10'],
  ['~S ~A ~F', 'SYN_RECV 60, ESTABLISHED 900, FIN_WAIT 120'],
  ['~S ~A ~R', 'SYN_RECV 60, ESTABLISHED 900, CLOSE 10'],
])('%s', (packets, states) => {
  expect(walk(packets)).toBe(states);
});
