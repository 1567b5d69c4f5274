/**
 * What an association receives: DATA by TSN, acknowledgements of it, messages put together from their
 * fragments and handed over stream by stream in the order of their sequence numbers.
 * Mirrors net/sctp/tsnmap.c and ulpqueue.c.
 */
import { readU16, readU32, writeU16, writeU32 } from '../../../wire/bytes.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkFlag,
  ChunkType,
  chunkFlagsOf,
  chunkLengthOf,
  DATA_HEADER_BYTES,
} from '../../../wire/sctp.ts';
import { isAfter } from '../tcp/stream/sequence.ts';
import { WINDOW_BYTES } from './constants.ts';
import { chunkOf } from './packet.ts';

/** One fragment that waits for the others of its message, or for messages before it. */
interface Fragment {
  readonly stream: number;
  readonly order: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Takes a whole message. */
export type MessageHandler = (bytes: Uint8Array, stream: number) => void;

/** The receiving side of one association. */
export class Inbound {
  /** The last TSN before which nothing is missing; signed, as sequence numbers are compared. */
  cumulativeTsn: number;
  readonly #onMessage: MessageHandler;
  /** TSNs behind the cumulative one that are here. */
  readonly #early = new Set<number>();
  readonly #fragments = new Map<number, Fragment>();
  /** Whole messages that came before their turn, by stream and sequence number. */
  readonly #waiting = new Map<number, Uint8Array>();
  readonly #nextOrder = new Map<number, number>();
  readonly #duplicates: number[] = [];
  #bufferedBytes = 0;

  constructor(initialTsn: number, onMessage: MessageHandler) {
    this.cumulativeTsn = (initialTsn - 1) | 0;
    this.#onMessage = onMessage;
  }

  /** True while something is missing, or came twice: the peer should hear of it at once. */
  get isIrregular(): boolean {
    return this.#early.size > 0 || this.#duplicates.length > 0;
  }

  /** Takes a DATA chunk in; false when it was here before. */
  take(bytes: Uint8Array, chunkAt: number): boolean {
    const tsn = readU32(bytes, chunkAt + 4) | 0;
    if (!isAfter(tsn, this.cumulativeTsn) || this.#early.has(tsn)) {
      this.#duplicates.push(tsn);
      return false;
    }
    this.#early.add(tsn);
    while (this.#early.delete((this.cumulativeTsn + 1) | 0)) {
      this.cumulativeTsn = (this.cumulativeTsn + 1) | 0;
    }
    const end = chunkAt + chunkLengthOf(bytes, chunkAt);
    const fragment: Fragment = {
      stream: readU16(bytes, chunkAt + 8),
      order: readU16(bytes, chunkAt + 10),
      flags: chunkFlagsOf(bytes, chunkAt),
      payload: bytes.subarray(chunkAt + DATA_HEADER_BYTES, end),
    };
    this.#fragments.set(tsn, fragment);
    this.#bufferedBytes += fragment.payload.length;
    this.#assemble(tsn);
    return true;
  }

  /** A SACK chunk of what is here; duplicates are told once. */
  sackChunk(): Uint8Array {
    const blocks = this.#gapBlocks();
    const value = new Uint8Array(12 + 4 * (blocks.length + this.#duplicates.length));
    const chunk = chunkOf(ChunkType.sack, value);
    const at = CHUNK_HEADER_BYTES;
    writeU32(chunk, at, this.cumulativeTsn);
    writeU32(chunk, at + 4, Math.max(0, WINDOW_BYTES - this.#bufferedBytes));
    writeU16(chunk, at + 8, blocks.length);
    writeU16(chunk, at + 10, this.#duplicates.length);
    let behind = at + 12;
    for (const [first, last] of blocks) {
      writeU16(chunk, behind, first);
      writeU16(chunk, behind + 2, last);
      behind += 4;
    }
    for (const tsn of this.#duplicates.splice(0)) {
      writeU32(chunk, behind, tsn);
      behind += 4;
    }
    return chunk;
  }

  /** Stretches behind the cumulative TSN, counted from it. */
  #gapBlocks(): [first: number, last: number][] {
    const offsets = [...this.#early].map((tsn) => (tsn - this.cumulativeTsn) | 0);
    const blocks: [number, number][] = [];
    for (const offset of offsets.sort((a, b) => a - b)) {
      const last = blocks.at(-1);
      if (last !== undefined && last[1] + 1 === offset) last[1] = offset;
      else blocks.push([offset, offset]);
    }
    return blocks;
  }

  /** Puts the message of this fragment together, if all of it is here. */
  #assemble(tsn: number): void {
    let first = tsn;
    while ((this.#fragments.get(first)!.flags & ChunkFlag.first) === 0) {
      first = (first - 1) | 0;
      if (!this.#fragments.has(first)) return;
    }
    const parts: Fragment[] = [];
    for (let at = first; ; at = (at + 1) | 0) {
      const part = this.#fragments.get(at);
      if (part === undefined) return;
      parts.push(part);
      if ((part.flags & ChunkFlag.last) !== 0) break;
    }
    parts.forEach((_, i) => {
      this.#fragments.delete((first + i) | 0);
    });
    const { stream, order, flags } = parts[0]!;
    const message = join(parts);
    if ((flags & ChunkFlag.unordered) !== 0) this.#handOver(message, stream);
    else {
      this.#waiting.set(stream * 65_536 + order, message);
      this.#handOverInTurn(stream);
    }
  }

  #handOverInTurn(stream: number): void {
    for (;;) {
      const order = this.#nextOrder.get(stream) ?? 0;
      const message = this.#waiting.get(stream * 65_536 + order);
      if (message === undefined) return;
      this.#waiting.delete(stream * 65_536 + order);
      this.#nextOrder.set(stream, (order + 1) & 0xffff);
      this.#handOver(message, stream);
    }
  }

  #handOver(message: Uint8Array, stream: number): void {
    this.#bufferedBytes -= message.length;
    this.#onMessage(message, stream);
  }
}

/** The payloads one behind the other; a message of one fragment is that fragment. */
function join(parts: readonly Fragment[]): Uint8Array {
  if (parts.length === 1) return parts[0]!.payload;
  const message = new Uint8Array(parts.reduce((sum, { payload }) => sum + payload.length, 0));
  let at = 0;
  for (const { payload } of parts) {
    message.set(payload, at);
    at += payload.length;
  }
  return message;
}
