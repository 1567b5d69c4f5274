/**
 * How ipvs follows an SCTP association: its states, their times to live and the table that moves
 * between them (`net/netfilter/ipvs/ip_vs_proto_sctp.c`).
 *
 * States are those that the real server goes through, as far as packets tell: the first chunk of each
 * counts, and an ABORT behind a COOKIE ECHO or COOKIE ACK.
 */
import { SECOND_NS } from '../../sim/time.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkType,
  chunkTypeOf,
  nextChunkAt,
  SCTP_HEADER_BYTES,
} from '../../wire/sctp.ts';
import type { TransitionTable } from './constants.ts';

/** SCTP states in the kernel's order (`IP_VS_SCTP_S_*`), those that are asked for. */
export const IpvsSctpState = { none: 0, established: 8, closed: 13 } as const;

/** The states' names as `ipvsadm -Lnc` prints them. */
export const IPVS_SCTP_STATE_NAMES = [
  'NONE',
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'ESTABLISHED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
] as const;

/** `IP_VS_SCTP_MAX_RTO` in s: the longest retransmission timeout, and one more. */
const LONGEST_RETRANSMISSION_S = 61;

/** Time to live in each state, in ns, by state number (`sctp_timeouts`). */
export const IPVS_SCTP_TIMEOUTS_NS: readonly number[] = IPVS_SCTP_STATE_NAMES.map((name) => {
  if (name === 'NONE') return 2 * SECOND_NS;
  if (name === 'INIT1' || name === 'REJECTED') return 4 * SECOND_NS;
  return (name === 'ESTABLISHED' ? 900 : LONGEST_RETRANSMISSION_S) * SECOND_NS;
});

/** The rows of each table (`enum ipvs_sctp_event_t`). */
const EVENTS: readonly ChunkType[] = [
  ChunkType.data,
  ChunkType.init,
  ChunkType.initAck,
  ChunkType.cookieEcho,
  ChunkType.cookieAck,
  ChunkType.shutdown,
  ChunkType.shutdownAck,
  ChunkType.shutdownComplete,
  ChunkType.error,
  ChunkType.abort,
];

const COLUMNS = 'NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL'.split(' ');

function rows(...texts: string[]): readonly (readonly number[])[] {
  return texts.map((text) => text.split(' ').map((name) => COLUMNS.indexOf(name)));
}

/** Next state by table, event and present state (`sctp_states`). */
const TRANSITIONS: readonly (readonly (readonly number[])[])[] = [
  rows(
    'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'I1 IN IN CS CR CW CO CE ES SS SR SA IN IN',
    'CW CW CW CS CR CO CO CE ES SS SR SA RJ CL',
    'CR IN IN CR CR CW CO CE ES SS SR SA RJ CL',
    'ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL',
    'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'CL IN IN CS CR CW CO CE ES CL SR CL RJ CL',
    'CL CL CL CS CR CW CO CE ES SS SR CL RJ CL',
    'CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL',
    'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  ),
  rows(
    'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CW CW CW CW CW CW CW CW ES CW CW CW CW CW',
    'CS CS CS CS CR CW CO CE ES SS SR SA RJ CL',
    'CE CE CE CE CE CE CE CE ES SS SR SA RJ CL',
    'ES ES ES ES ES ES ES ES ES SS SR SA RJ CL',
    'SS SS SS SS SS SS SS SS SS SS SR SA RJ CL',
    'SA SA SA SA SA CW CO CE ES SA SA SA RJ CL',
    'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CL CL CL CL CL CW CO CE ES SS SR SA RJ CL',
    'CL RJ CL CL CL CL CL CL CL CL CL CL CL CL',
  ),
  rows(
    'ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL',
    'I1 IN IN IN IN IN CO CE ES SS SR SA IN IN',
    'CE CE CE CE CE CE CO CE ES SS SR SA RJ CL',
    'ES ES ES ES ES ES CO CE ES SS SR SA RJ CL',
    'ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL',
    'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'CL IN IN CS CR CW CO CE CL CL SR CL RJ CL',
    'CL CL CL CL CL CW CO CE ES SS CL CL RJ CL',
    'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  ),
];

/** The chunk type by which the packet at `at` moves its connection; undefined without a chunk. */
export function sctpEventOf(bytes: Uint8Array, at: number, end: number): number | undefined {
  const first = at + SCTP_HEADER_BYTES;
  if (end - first < CHUNK_HEADER_BYTES) return undefined;
  const type = chunkTypeOf(bytes, first);
  if (type !== ChunkType.cookieEcho && type !== ChunkType.cookieAck) return type;
  const second = nextChunkAt(bytes, first);
  const isAborted =
    second > first &&
    end - second >= CHUNK_HEADER_BYTES &&
    chunkTypeOf(bytes, second) === ChunkType.abort;
  return isAborted ? ChunkType.abort : type;
}

/** The state after a packet whose chunk is of this type; DATA's row stands for all others. */
export function nextSctpState(table: TransitionTable, chunkType: number, state: number): number {
  const event = Math.max(0, EVENTS.indexOf(chunkType as ChunkType));
  return TRANSITIONS[table]![event]![state]!;
}
