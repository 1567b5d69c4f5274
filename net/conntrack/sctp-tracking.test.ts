/**
 * SCTP in conntrack: an association's states and times to live, and what a packet with a strange tag
 * or in no proper order is.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { ChunkType } from '../../wire/sctp.ts';
import { chunkOf, initChunk, packetOf, reflectedChunk } from '../socket/sctp/packet.ts';
import { Sysctls } from '../sysctls.ts';
import { nextSctpState, SCTP_STATE_NAMES, SctpTracking } from './sctp-tracking.ts';
import { ConntrackSettings } from './settings.ts';

const CLIENT = 0xc1;
const SERVER = 0x5e;
const fields = { windowBytes: 1000, outStreams: 10, inStreams: 10, initialTsn: 1 };
const init = (tag: number) => initChunk({ ...fields, tag }, 1);
const initAck = (tag: number) => {
  const chunk = init(tag);
  chunk[0] = ChunkType.initAck;
  return chunk;
};
const data = () => chunkOf(ChunkType.data, new Uint8Array(20));

/** Side, tag, chunks: what a packet is. */
type Sent = readonly ['>' | '<', number, ...Uint8Array[]];

const OPENING: readonly Sent[] = [
  ['>', 0, init(CLIENT)],
  ['<', CLIENT, initAck(SERVER)],
  ['>', SERVER, chunkOf(ChunkType.cookieEcho, new Uint8Array(8))],
  ['<', CLIENT, chunkOf(ChunkType.cookieAck)],
];

const { sctpTimeoutsNs } = new ConntrackSettings(new Sysctls(undefined));

/** The state after each packet with its time to live, or `INVALID`. */
function walk(...packets: readonly Sent[]): string[] {
  const tracking = new SctpTracking();
  let isConfirmed = false;
  return packets.map(([side, tag, ...chunks]) => {
    const ends = { localAddress: 1, localPort: 5000, remoteAddress: 2, remotePort: 3868 };
    const { bytes, start, end } = packetOf(ends, tag, chunks, 0, 1500);
    const decision = tracking.take(bytes, start + 20, end, side === '<', isConfirmed);
    isConfirmed ||= decision !== 'invalid';
    if (decision === 'invalid') return 'INVALID';
    const life = decision === 'refresh' ? ` ${sctpTimeoutsNs[tracking.state]! / SECOND_NS}` : '';
    return SCTP_STATE_NAMES[tracking.state]! + life;
  });
}

test('a whole association', () => {
  expect(
    walk(
      ...OPENING,
      ['>', SERVER, data()],
      ['<', CLIENT, chunkOf(ChunkType.sack, new Uint8Array(12)), data()],
      ['>', SERVER, chunkOf(ChunkType.shutdown, new Uint8Array(4))],
      ['<', CLIENT, chunkOf(ChunkType.shutdownAck)],
      ['>', SERVER, chunkOf(ChunkType.shutdownComplete)],
    ),
  ).toEqual([
    'CLOSED 10',
    'COOKIE_WAIT 3',
    'COOKIE_ECHOED 3',
    'ESTABLISHED 210',
    'ESTABLISHED 210',
    'ESTABLISHED 210',
    'SHUTDOWN_SENT 3',
    'SHUTDOWN_ACK_SENT 3',
    'CLOSED 10',
  ]);
});

test('a closed port, and an INIT that is repeated does not keep the entry alive', () => {
  expect(
    walk(['>', 0, init(CLIENT)], ['<', CLIENT, chunkOf(ChunkType.abort)], ['>', 0, init(CLIENT)]),
  ).toEqual(['CLOSED 10', 'CLOSED 10', 'CLOSED']);
});

test.each<[string, readonly Sent[], string]>([
  ['DATA with another tag', [...OPENING, ['>', 7, data()]], 'INVALID'],
  [
    'an ABORT with the own tag, reflected',
    [...OPENING, ['>', CLIENT, reflectedChunk(6)]],
    'CLOSED 10',
  ],
  ['an ABORT with the own tag, not reflected', [...OPENING, ['>', CLIENT, chunkOf(6)]], 'INVALID'],
  ['COOKIE ECHO with another tag', [...OPENING.slice(0, 2), ['>', 7, chunkOf(10)]], 'INVALID'],
  ['INIT ACK with a tag', [['>', 9, init(CLIENT)]], 'INVALID'],
  ['DATA out of the blue', [['>', SERVER, data()]], 'INVALID'],
  ['ABORT out of the blue', [['>', SERVER, chunkOf(6)]], 'INVALID'],
  ['SHUTDOWN ACK out of the blue', [['>', SERVER, chunkOf(8)]], 'SHUTDOWN_ACK_SENT 3'],
  ['INIT beside another chunk', [['>', 0, init(CLIENT), data()]], 'INVALID'],
  ['COOKIE ACK behind DATA', [...OPENING, ['<', CLIENT, data(), chunkOf(11)]], 'INVALID'],
  ['HEARTBEAT on a new path', [['>', SERVER, chunkOf(4)]], 'HEARTBEAT_SENT 30'],
  [
    'its answer',
    [
      ['>', SERVER, chunkOf(4)],
      ['<', CLIENT, chunkOf(5)],
    ],
    'ESTABLISHED 210',
  ],
])('%s', (_, packets, last) => {
  expect(walk(...packets).at(-1)).toBe(last);
});

test('nothing but the chunks of the table moves a state', () => {
  for (const type of [ChunkType.data, ChunkType.sack, ChunkType.cwr, 192]) {
    expect(nextSctpState(false, type, 4)).toBe(4);
  }
});
