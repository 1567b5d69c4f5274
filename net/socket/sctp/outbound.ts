/**
 * What an association sends: messages cut into DATA chunks, kept until they are acknowledged, sent
 * again after three missing reports or a timeout, as fast as the path and the peer's window allow
 * (RFC 9260, 6 and 7). Mirrors net/sctp/outqueue.c and transport.c.
 */
import { readU32, writeU16, writeU32 } from '../../../wire/bytes.ts';
import {
  ChunkFlag,
  ChunkType,
  DATA_HEADER_BYTES,
  gapBlocksOf,
  paddedBytes,
  writeChunkHeader,
} from '../../../wire/sctp.ts';
import { isAfter, isBefore } from '../tcp/stream/sequence.ts';
import { FAST_RETRANSMIT_REPORTS, fragmentBytesOf } from './constants.ts';

/** One DATA chunk until it is acknowledged. */
interface OutChunk {
  readonly bytes: Uint8Array;
  readonly payloadBytes: number;
  tsn: number;
  sentAtNs: number;
  sendCount: number;
  /** A gap block has it, though the cumulative TSN has not reached it. */
  isHeld: boolean;
  missingReports: number;
  mustBeSentAgain: boolean;
}

/** What a SACK has told. */
export interface SackNews {
  /** Something new was acknowledged. */
  readonly isProgress: boolean;
  /** The cumulative TSN moved on. */
  readonly hasAdvanced: boolean;
  /** A round trip that could be measured, in ns. */
  readonly roundTripNs: number | undefined;
}

/** The sending side of one association. */
export class Outbound {
  readonly #unsent: OutChunk[] = [];
  /** In the order of TSNs, those that are held by gap blocks among them. */
  readonly #outstanding: OutChunk[] = [];
  readonly #nextOrder = new Map<number, number>();
  #nextTsn: number;
  #cumulativeTsn: number;
  #mtuBytes: number;
  readonly #headersBytes: number;
  /** Congestion window and slow start threshold, in bytes of payload. */
  #windowBytes: number;
  #thresholdBytes: number;
  #partialBytes = 0;
  #peerWindowBytes: number;
  /** While a fast retransmission is under way: the highest TSN that was out when it began. */
  #recoveryTsn: number | undefined = undefined;

  /** `headersBytes` are in front of the chunks of a packet of `mtuBytes`. */
  constructor(initialTsn: number, peerWindowBytes: number, mtuBytes: number, headersBytes: number) {
    this.#nextTsn = initialTsn | 0;
    this.#cumulativeTsn = (initialTsn - 1) | 0;
    this.#peerWindowBytes = peerWindowBytes;
    this.#thresholdBytes = peerWindowBytes;
    this.#mtuBytes = mtuBytes;
    this.#headersBytes = headersBytes;
    this.#windowBytes = Math.min(4 * mtuBytes, Math.max(2 * mtuBytes, 4380));
  }

  /** True when everything was acknowledged. */
  get isEmpty(): boolean {
    return this.#unsent.length === 0 && this.#outstanding.length === 0;
  }

  /** True while something is under way. */
  get hasOutstanding(): boolean {
    return this.#outstanding.length > 0;
  }

  /** Payload that was not acknowledged, in bytes. */
  get queuedBytes(): number {
    const sum = (chunks: readonly OutChunk[]) => chunks.reduce((n, c) => n + c.payloadBytes, 0);
    return sum(this.#unsent) + sum(this.#outstanding);
  }

  /** The path has another MTU: what is not sent yet is cut for it by {@link push} only. */
  setMtu(mtuBytes: number): void {
    this.#mtuBytes = mtuBytes;
  }

  /** Queues a message on a stream. */
  push(message: Uint8Array, stream: number): void {
    const order = this.#nextOrder.get(stream) ?? 0;
    this.#nextOrder.set(stream, (order + 1) & 0xffff);
    const roomBytes = fragmentBytesOf(this.#mtuBytes - this.#headersBytes);
    for (let at = 0; at < message.length; at += roomBytes) {
      const payload = message.subarray(at, at + roomBytes);
      const isLast = at + roomBytes >= message.length;
      const flags = (at === 0 ? ChunkFlag.first : 0) | (isLast ? ChunkFlag.last : 0);
      const bytes = new Uint8Array(DATA_HEADER_BYTES + payload.length);
      writeChunkHeader(bytes, 0, ChunkType.data, flags, bytes.length);
      writeU16(bytes, 8, stream);
      writeU16(bytes, 10, order);
      bytes.set(payload, DATA_HEADER_BYTES);
      this.#unsent.push({
        bytes,
        payloadBytes: payload.length,
        tsn: 0,
        sentAtNs: 0,
        sendCount: 0,
        isHeld: false,
        missingReports: 0,
        mustBeSentAgain: false,
      });
    }
  }

  /**
   * The chunks of the next packet, besides `takenBytes` of others; none when nothing may go now.
   * What was lost comes first.
   */
  nextChunks(nowNs: number, takenBytes: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let roomBytes = this.#mtuBytes - this.#headersBytes - takenBytes;
    const add = (chunk: OutChunk) => {
      chunks.push(chunk.bytes);
      roomBytes -= paddedBytes(chunk.bytes.length);
      chunk.mustBeSentAgain = false;
      chunk.missingReports = 0;
      chunk.sentAtNs = nowNs;
      chunk.sendCount++;
    };
    const fits = (chunk: OutChunk) =>
      chunks.length === 0
        ? takenBytes === 0 || hasRoom(chunk, roomBytes)
        : hasRoom(chunk, roomBytes);
    for (const chunk of this.#outstanding) {
      if (!chunk.mustBeSentAgain) continue;
      if (!fits(chunk) || this.#flightBytes() >= this.#windowBytes) return chunks;
      add(chunk);
    }
    for (;;) {
      const chunk = this.#unsent[0];
      if (chunk === undefined || !fits(chunk) || !this.#maySend(chunk)) return chunks;
      this.#unsent.shift();
      chunk.tsn = this.#nextTsn;
      this.#nextTsn = (this.#nextTsn + 1) | 0;
      writeU32(chunk.bytes, 4, chunk.tsn);
      this.#outstanding.push(chunk);
      this.#peerWindowBytes = Math.max(0, this.#peerWindowBytes - chunk.payloadBytes);
      add(chunk);
    }
  }

  /** Takes a SACK chunk in (`sctp_outq_sack`). */
  takeSack(bytes: Uint8Array, chunkAt: number, nowNs: number): SackNews {
    const cumulative = readU32(bytes, chunkAt + 4) | 0;
    if (isBefore(cumulative, this.#cumulativeTsn)) return NO_NEWS;
    const flightBytes = this.#flightBytes();
    const { ackedBytes, roundTripNs } = this.#takeCumulative(cumulative, nowNs);
    const hasAdvanced = ackedBytes > 0;
    const heldBytes = this.#takeGaps(bytes, chunkAt);
    this.#peerWindowBytes = Math.max(0, readU32(bytes, chunkAt + 8) - this.#flightBytes());
    if (hasAdvanced) this.#grow(ackedBytes + heldBytes, flightBytes);
    return { isProgress: ackedBytes + heldBytes > 0, hasAdvanced, roundTripNs };
  }

  /** SHUTDOWN acknowledges too, without gaps. */
  takeShutdown(cumulativeTsn: number, nowNs: number): void {
    if (!isBefore(cumulativeTsn, this.#cumulativeTsn)) this.#takeCumulative(cumulativeTsn, nowNs);
  }

  /** Nothing was heard for a whole timeout: all that is out goes again, a packet at first. */
  onTimeout(): void {
    this.#thresholdBytes = Math.max(this.#windowBytes / 2, 4 * this.#mtuBytes);
    this.#windowBytes = this.#mtuBytes;
    this.#partialBytes = 0;
    this.#recoveryTsn = undefined;
    for (const chunk of this.#outstanding) if (!chunk.isHeld) chunk.mustBeSentAgain = true;
  }

  #maySend(chunk: OutChunk): boolean {
    const flightBytes = this.#flightBytes();
    if (flightBytes === 0) return true;
    return flightBytes < this.#windowBytes && chunk.payloadBytes <= this.#peerWindowBytes;
  }

  /** Payload on its way: neither acknowledged nor taken for lost. */
  #flightBytes(): number {
    let sum = 0;
    for (const { isHeld, mustBeSentAgain, payloadBytes } of this.#outstanding) {
      if (!isHeld && !mustBeSentAgain) sum += payloadBytes;
    }
    return sum;
  }

  #takeCumulative(
    cumulative: number,
    nowNs: number,
  ): { ackedBytes: number; roundTripNs: number | undefined } {
    let ackedBytes = 0;
    let roundTripNs: number | undefined;
    while (this.#outstanding.length > 0 && !isAfter(this.#outstanding[0]!.tsn, cumulative)) {
      const chunk = this.#outstanding.shift()!;
      ackedBytes += chunk.payloadBytes;
      if (chunk.sendCount === 1 && !chunk.isHeld) roundTripNs = nowNs - chunk.sentAtNs;
    }
    this.#cumulativeTsn = cumulative;
    const recovery = this.#recoveryTsn;
    if (recovery !== undefined && !isBefore(cumulative, recovery)) this.#recoveryTsn = undefined;
    return { ackedBytes, roundTripNs };
  }

  /** Marks what gap blocks hold, and counts reports about what they leave out. */
  #takeGaps(bytes: Uint8Array, chunkAt: number): number {
    const blocks = gapBlocksOf(bytes, chunkAt);
    let newBytes = 0;
    let highestNew: number | undefined;
    for (const chunk of this.#outstanding) {
      const isHeld = blocks.some(
        ({ first, last }) => !isBefore(chunk.tsn, first) && !isAfter(chunk.tsn, last),
      );
      if (isHeld && !chunk.isHeld) {
        newBytes += chunk.payloadBytes;
        highestNew = chunk.tsn;
        chunk.mustBeSentAgain = false;
      }
      chunk.isHeld = isHeld;
    }
    if (highestNew !== undefined) this.#countMissing(highestNew);
    return newBytes;
  }

  #countMissing(highestNew: number): void {
    let isLost = false;
    for (const chunk of this.#outstanding) {
      if (chunk.isHeld || !isBefore(chunk.tsn, highestNew)) continue;
      if (++chunk.missingReports !== FAST_RETRANSMIT_REPORTS || chunk.sendCount > 1) continue;
      chunk.mustBeSentAgain = true;
      isLost = true;
    }
    if (!isLost || this.#recoveryTsn !== undefined) return;
    this.#thresholdBytes = Math.max(this.#windowBytes / 2, 4 * this.#mtuBytes);
    this.#windowBytes = this.#thresholdBytes;
    this.#partialBytes = 0;
    this.#recoveryTsn = this.#outstanding.at(-1)!.tsn;
  }

  /** Slow start, or congestion avoidance; only a window that was used grows. */
  #grow(ackedBytes: number, flightBytes: number): void {
    if (this.#recoveryTsn !== undefined) return;
    const isUsed = flightBytes >= this.#windowBytes;
    if (this.#windowBytes <= this.#thresholdBytes) {
      if (isUsed) this.#windowBytes += Math.min(ackedBytes, this.#mtuBytes);
      return;
    }
    this.#partialBytes += ackedBytes;
    if (isUsed && this.#partialBytes >= this.#windowBytes) {
      this.#partialBytes -= this.#windowBytes;
      this.#windowBytes += this.#mtuBytes;
    }
  }
}

const NO_NEWS: SackNews = { isProgress: false, hasAdvanced: false, roundTripNs: undefined };

function hasRoom(chunk: OutChunk, roomBytes: number): boolean {
  return paddedBytes(chunk.bytes.length) <= roomBytes;
}
