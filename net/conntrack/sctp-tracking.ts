/**
 * SCTP as conntrack sees it: the state of an association, and the verification tags that its packets
 * must carry.
 *
 * The table is that of current kernels (`sctp_conntracks` in nf_conntrack_proto_sctp.c); a packet
 * moves by each of its chunks, and DATA and SACK move nothing. A packet that the table or a tag
 * refuses is INVALID and refreshes nothing.
 */
import { readU32 } from '../../wire/bytes.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkFlag,
  ChunkType,
  chunkFlagsOf,
  chunkLengthOf,
  chunkTypeOf,
  INIT_BYTES,
  nextChunkAt,
  SCTP_HEADER_BYTES,
  verificationTagOf,
} from '../../wire/sctp.ts';

/** Conntrack's SCTP states, with Linux' numbers. */
const SctpState = {
  none: 0,
  closed: 1,
  cookieWait: 2,
  cookieEchoed: 3,
  established: 4,
  shutdownSent: 5,
  shutdownReceived: 6,
  shutdownAckSent: 7,
  heartbeatSent: 8,
  invalid: 9,
} as const;

/** The states' names in `conntrack -L`, by number. */
export const SCTP_STATE_NAMES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
] as const;

/** The chunks that move the state, in the order of the table's rows. */
const ROWS: readonly ChunkType[] = [
  ChunkType.init,
  ChunkType.initAck,
  ChunkType.abort,
  ChunkType.shutdown,
  ChunkType.shutdownAck,
  ChunkType.error,
  ChunkType.cookieEcho,
  ChunkType.cookieAck,
  ChunkType.shutdownComplete,
  ChunkType.heartbeat,
  ChunkType.heartbeatAck,
];

const COLUMNS = ['NO', 'CL', 'CW', 'CE', 'ES', 'SS', 'SR', 'SA', 'HS', 'IV'];

/** Rows as in {@link ROWS}, of the original direction and then of replies. */
const TABLE = new Uint8Array(
  [
    'CL CL CW CE ES CL CL SA CW',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CL CL CL CL CL CL CL',
    'CL CL CW CE SS SS SR SA CL',
    'SA CL CW CE ES SA SA SA SA',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CE CE ES SS SR SA CL',
    'CL CL CW ES ES SS SR SA CL',
    'CL CL CW CE ES SS SR CL CL',
    'HS CL CW CE ES SS SR SA HS',
    'CL CL CW CE ES SS SR SA HS',
    'IV CL CW CE ES SS SR SA IV',
    'IV CW CW CE ES SS SR SA IV',
    'IV CL CL CL CL CL CL CL IV',
    'IV CL CW CE SR SS SR SA IV',
    'IV CL CW CE ES SA SA SA IV',
    'IV CL CW CL ES SS SR SA IV',
    'IV CL CE CE ES SS SR SA IV',
    'IV CL CW ES ES SS SR SA IV',
    'IV CL CW CE ES SS SR CL IV',
    'IV CL CW CE ES SS SR SA HS',
    'IV CL CW CE ES SS SR SA ES',
  ].flatMap((row) => row.split(' ').map((cell) => COLUMNS.indexOf(cell))),
);

/** The table's cell; a chunk that moves nothing leaves the state as it is. */
export function nextSctpState(isReply: boolean, chunkType: number, state: number): number {
  const row = ROWS.indexOf(chunkType as ChunkType);
  if (row < 0) return state;
  return TABLE[((isReply ? ROWS.length : 0) + row) * SCTP_STATE_NAMES.length + state]!;
}

/** Chunks that may come with any tag, as far as the check of the whole packet goes. */
const WITHOUT_TAG_CHECK = maskOf(
  ChunkType.init,
  ChunkType.shutdownComplete,
  ChunkType.cookieEcho,
  ChunkType.abort,
  ChunkType.shutdownAck,
  ChunkType.heartbeat,
  ChunkType.heartbeatAck,
);
const OPENS_NOTHING = maskOf(ChunkType.abort, ChunkType.shutdownComplete, ChunkType.cookieAck);
const STANDS_ALONE = maskOf(ChunkType.init, ChunkType.initAck, ChunkType.shutdownComplete);
const COMES_FIRST = maskOf(ChunkType.cookieAck, ChunkType.cookieEcho);

function maskOf(...types: ChunkType[]): number {
  return types.reduce<number>((mask, type) => mask | (1 << type), 0);
}

function bitOf(type: number): number {
  return type < 31 ? 1 << type : 0;
}

/** What becomes of a packet: it belongs and refreshes, belongs, or is INVALID. */
export type SctpDecision = 'refresh' | 'accept' | 'invalid';

/** The SCTP part of one connection. */
export class SctpTracking {
  /** One of {@link SctpState}. */
  state: number = SctpState.none;
  /** True once the association was established. */
  isAssured = false;
  /** The tags that packets must carry: of the original direction, of replies. */
  readonly #tags: [number, number] = [0, 0];
  /** Which sides have sent an INIT that nothing has answered yet. */
  readonly #hasInit: [boolean, boolean] = [false, false];
  /** The side whose HEARTBEAT came with another tag, until the other side answers with it. */
  #strangeHeartbeatFrom: 0 | 1 | undefined = undefined;
  #hasStrangeHeartbeat = false;

  /** Takes a packet in (`nf_conntrack_sctp_packet`); `at` is the common header. */
  take(
    bytes: Uint8Array,
    at: number,
    end: number,
    isReply: boolean,
    isConfirmed: boolean,
  ): SctpDecision {
    if (end - at < SCTP_HEADER_BYTES) return 'invalid';
    const chunks = chunkMaskOf(bytes, at, end);
    if (chunks === undefined) return 'invalid';
    const tag = verificationTagOf(bytes, at);
    if (!isConfirmed) {
      if ((chunks & OPENS_NOTHING) !== 0) return 'invalid';
      if (!this.#begin(bytes, at, end, tag)) return 'invalid';
    }
    const side = isReply ? 1 : 0;
    if ((chunks & WITHOUT_TAG_CHECK) === 0 && tag !== this.#tags[side]) return 'invalid';
    let refreshes = true;
    let isIgnored = false;
    for (let c = at + SCTP_HEADER_BYTES; end - c >= CHUNK_HEADER_BYTES; c = nextChunkAt(bytes, c)) {
      const type = chunkTypeOf(bytes, c);
      if (type === ChunkType.heartbeat || type === ChunkType.heartbeatAck) {
        const isWithData = (chunks & bitOf(ChunkType.data)) !== 0 || isIgnored;
        const fate = this.#takeHeartbeat(type, tag, side, isWithData);
        if (fate === 'invalid') return 'invalid';
        if (fate === 'ignore') {
          isIgnored = true;
          refreshes = false;
          continue;
        }
      } else if (!this.#hasRightTag(type, chunkFlagsOf(bytes, c), tag, side)) return 'invalid';
      if (type === ChunkType.cookieAck) this.#hasInit.fill(false);
      const next = nextSctpState(isReply, type, this.state);
      if (next === SctpState.invalid) return 'invalid';
      if (type === ChunkType.init) {
        this.#noteInit(bytes, c, side);
        if (next === SctpState.closed && this.state === SctpState.closed && isConfirmed) {
          refreshes = false;
        }
      } else if (type === ChunkType.initAck && !this.#noteInitAck(bytes, c, side)) return 'invalid';
      this.state = next;
      if (next === SctpState.established) this.isAssured = true;
    }
    return refreshes ? 'refresh' : 'accept';
  }

  /** `sctp_new`: what the first packet says about tags; false when it may not open anything. */
  #begin(bytes: Uint8Array, at: number, end: number, tag: number): boolean {
    for (let c = at + SCTP_HEADER_BYTES; end - c >= CHUNK_HEADER_BYTES; c = nextChunkAt(bytes, c)) {
      const type = chunkTypeOf(bytes, c);
      const next = nextSctpState(false, type, SctpState.none);
      if (next === SctpState.none || next === SctpState.invalid) return false;
      if (type === ChunkType.init) {
        if (tag !== 0 || end - c < INIT_BYTES) return false;
        this.#tags[1] = readU32(bytes, c + 4);
      } else if (type === ChunkType.heartbeat) this.#tags[0] = tag;
      else this.#tags[1] = tag;
    }
    return true;
  }

  /** The tags that single chunks ask for (RFC 9260, 8.5.1). */
  #hasRightTag(type: number, flags: number, tag: number, side: 0 | 1): boolean {
    switch (type) {
      case ChunkType.init:
        return tag === 0;
      case ChunkType.abort:
      case ChunkType.shutdownComplete: {
        const isReflected = (flags & ChunkFlag.reflectedTag) !== 0;
        return tag === this.#tags[isReflected ? 1 - side : side];
      }
      case ChunkType.cookieEcho:
        return tag === this.#tags[side];
      default:
        return true;
    }
  }

  /** A heartbeat on a path that was not there before, and the answer that makes it one. */
  #takeHeartbeat(
    type: number,
    tag: number,
    side: 0 | 1,
    isWithData: boolean,
  ): 'take' | 'ignore' | 'invalid' {
    if (this.#tags[side] === 0) {
      this.#tags[side] = tag;
      return 'take';
    }
    if (tag === this.#tags[side]) {
      this.#hasStrangeHeartbeat = false;
      return 'take';
    }
    if (isWithData) return 'invalid';
    if (type === ChunkType.heartbeat) {
      this.#hasStrangeHeartbeat = true;
      this.#strangeHeartbeatFrom = side;
      return 'ignore';
    }
    if (!this.#hasStrangeHeartbeat || this.#strangeHeartbeatFrom === side) return 'invalid';
    this.#hasStrangeHeartbeat = false;
    this.#tags[side] = tag;
    this.#tags[1 - side] = 0;
    return 'take';
  }

  #noteInit(bytes: Uint8Array, chunkAt: number, side: 0 | 1): void {
    if (this.#hasInit[side] && this.#hasInit[1 - side]) this.#hasInit[1 - side] = false;
    this.#hasInit[side] = true;
    this.#tags[1 - side] = readU32(bytes, chunkAt + 4);
  }

  #noteInitAck(bytes: Uint8Array, chunkAt: number, side: 0 | 1): boolean {
    const tag = readU32(bytes, chunkAt + 4);
    const known = this.#tags[1 - side];
    if (!this.#hasInit[1 - side] && known !== 0 && known !== tag) return false;
    if (this.#hasInit[side] && this.#hasInit[1 - side] && known !== tag) return false;
    this.#tags[1 - side] = tag;
    return true;
  }
}

/** The chunks of a packet as bits; undefined where they stand in no proper order. */
function chunkMaskOf(bytes: Uint8Array, at: number, end: number): number | undefined {
  let mask = 0;
  let count = 0;
  let standsAlone = false;
  for (let c = at + SCTP_HEADER_BYTES; end - c >= CHUNK_HEADER_BYTES; c = nextChunkAt(bytes, c)) {
    const bit = bitOf(chunkTypeOf(bytes, c));
    if ((bit & STANDS_ALONE) !== 0) standsAlone = true;
    if (count > 0 && (standsAlone || (bit & COMES_FIRST) !== 0)) return undefined;
    if (chunkLengthOf(bytes, c) === 0) return undefined;
    mask |= bit;
    count++;
  }
  return count === 0 ? undefined : mask;
}
