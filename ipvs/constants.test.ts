/**
 * ipvs' TCP state machine by walks: what each packet of a conversation makes of the connection, with
 * the time that it then has to live.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { TcpFlag } from '../wire/tcp.ts';
import {
  IPVS_TCP_STATE_NAMES,
  IPVS_TCP_TIMEOUTS_NS,
  IpvsTcpState,
  nextTcpState,
  TransitionTable,
} from './constants.ts';

const { syn, ack, fin, rst, psh } = TcpFlag;
const FLAGS: Record<string, number> = {
  S: syn,
  SA: syn | ack,
  A: ack,
  P: psh | ack,
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
      state = nextTcpState(table, FLAGS[packet.slice(1)]!, state);
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
  ['>A', 'CLOSE 10'],
  ['<S >A', 'SYN_SENT 120, SYN_SENT 120'],
  ['>S >none', 'SYN_RECV 60, CLOSE 10'],
  ['~S ~A ~F', 'SYN_RECV 60, ESTABLISHED 900, FIN_WAIT 120'],
  ['~S ~A ~R', 'SYN_RECV 60, ESTABLISHED 900, CLOSE 10'],
])('%s', (packets, states) => {
  expect(walk(packets)).toBe(states);
});
