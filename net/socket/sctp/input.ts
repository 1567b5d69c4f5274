/**
 * What arrives for an association, chunk by chunk. Mirrors net/sctp/sm_statetable.c and
 * sm_statefuns.c.
 */
import { readU32 } from '../../../wire/bytes.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkFlag,
  ChunkType,
  chunkFlagsOf,
  chunkLengthOf,
  chunkTypeOf,
  findInitParameter,
  InitParameter,
  nextChunkAt,
  parseInit,
  SCTP_HEADER_BYTES,
  verificationTagOf,
} from '../../../wire/sctp.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import type { SctpAssociation } from './association.ts';
import { chunkOf } from './packet.ts';
import { SctpState } from './state.ts';

/** Takes a packet in: its tag must be right, and chunks are heeded until the association ends. */
export function takePacket(own: SctpAssociation, packet: Packet, at: number, end: number): void {
  if (hasRightTag(own, packet.bytes, at)) takeChunks(own, packet, at + SCTP_HEADER_BYTES, end);
  else own.sockets.noteDrop(packet, 'SCTP verification tag is wrong');
}

/** Takes the chunks from `firstAt` on in, and says what there is to say then. */
export function takeChunks(
  own: SctpAssociation,
  packet: Packet,
  firstAt: number,
  end: number,
): void {
  const { bytes } = packet;
  let hasData = false;
  for (
    let chunkAt = firstAt;
    end - chunkAt >= CHUNK_HEADER_BYTES && own.state !== SctpState.closed;
    chunkAt = nextChunkAt(bytes, chunkAt)
  ) {
    if (chunkTypeOf(bytes, chunkAt) === ChunkType.data) {
      takeData(own, bytes, chunkAt);
      hasData = true;
    } else takeControl(own, packet, chunkAt, end);
  }
  if (own.state < SctpState.established) return;
  if (hasData) {
    own.acknowledge();
    if (own.state === SctpState.shutdownSent) own.repeatShutdown();
  }
  own.flush();
  own.continueShutdown();
}

/** RFC 9260, 8.5: own tag; the peer's where a chunk says that it is reflected. */
function hasRightTag(own: SctpAssociation, bytes: Uint8Array, at: number): boolean {
  const tag = verificationTagOf(bytes, at);
  const chunkAt = at + SCTP_HEADER_BYTES;
  const type = chunkTypeOf(bytes, chunkAt);
  if (type === ChunkType.init) return tag === 0;
  if (type === ChunkType.abort || type === ChunkType.shutdownComplete) {
    const isReflected = (chunkFlagsOf(bytes, chunkAt) & ChunkFlag.reflectedTag) !== 0;
    return tag === (isReflected ? own.remoteTag : own.local.tag);
  }
  return tag === own.local.tag;
}

function takeData(own: SctpAssociation, bytes: Uint8Array, chunkAt: number): void {
  if (own.state < SctpState.established || own.state >= SctpState.shutdownReceived) return;
  own.inbound!.take(bytes, chunkAt);
}

function takeControl(own: SctpAssociation, packet: Packet, chunkAt: number, end: number): void {
  const { bytes } = packet;
  const { state } = own;
  switch (chunkTypeOf(bytes, chunkAt)) {
    case ChunkType.init:
      own.sockets.answerInit(packet, chunkAt);
      return;
    case ChunkType.initAck:
      if (state === SctpState.cookieWait) takeInitAck(own, bytes, chunkAt);
      return;
    case ChunkType.cookieEcho:
      own.sockets.takeCookie(packet, chunkAt, end, own);
      return;
    case ChunkType.cookieAck:
      if (state !== SctpState.cookieEchoed) return;
      own.establish();
      own.handlers.onConnected?.(own);
      return;
    case ChunkType.sack:
      if (state >= SctpState.established) takeSack(own, bytes, chunkAt);
      return;
    case ChunkType.heartbeat: {
      const info = bytes.slice(
        chunkAt + CHUNK_HEADER_BYTES,
        chunkAt + chunkLengthOf(bytes, chunkAt),
      );
      own.transmit([chunkOf(ChunkType.heartbeatAck, info)]);
      return;
    }
    case ChunkType.heartbeatAck:
      takeHeartbeatAck(own, bytes, chunkAt);
      return;
    case ChunkType.abort:
      own.sockets.counters.aborted++;
      if (state <= SctpState.cookieEchoed) own.finish('refused', Errno.ECONNREFUSED);
      else own.finish('reset', Errno.ECONNRESET);
      return;
    case ChunkType.shutdown:
      takeShutdown(own, bytes, chunkAt);
      return;
    case ChunkType.shutdownAck:
      if (state < SctpState.shutdownSent) return;
      own.transmit([chunkOf(ChunkType.shutdownComplete)]);
      own.finish('closed', Errno.none);
      return;
    case ChunkType.shutdownComplete:
      if (state === SctpState.shutdownAckSent) own.finish('closed', Errno.none);
      return;
    case ChunkType.error:
      // the only one that is sent here: the cookie was too old
      if (state === SctpState.cookieEchoed) own.open();
  }
}

function takeInitAck(own: SctpAssociation, bytes: Uint8Array, chunkAt: number): void {
  const cookie = findInitParameter(bytes, chunkAt, InitParameter.stateCookie);
  if (cookie === undefined) return;
  own.learnPeer(parseInit(bytes, chunkAt));
  own.cookie = bytes.slice(cookie.at, cookie.at + cookie.lengthBytes);
  own.sendCookie();
}

function takeSack(own: SctpAssociation, bytes: Uint8Array, chunkAt: number): void {
  const { nowNs } = own.sockets.namespace.world;
  const { isProgress, hasAdvanced, roundTripNs } = own.outbound!.takeSack(bytes, chunkAt, nowNs);
  if (roundTripNs !== undefined) own.roundTrip.take(roundTripNs);
  if (isProgress) own.onAlive();
  own.onAcknowledged(hasAdvanced);
}

function takeHeartbeatAck(own: SctpAssociation, bytes: Uint8Array, chunkAt: number): void {
  if (chunkLengthOf(bytes, chunkAt) < 16) return;
  const sentAtNs = readU32(bytes, chunkAt + 8) * 0x1_0000_0000 + readU32(bytes, chunkAt + 12);
  own.onAlive();
  own.roundTrip.take(Math.max(0, own.sockets.namespace.world.nowNs - sentAtNs));
}

function takeShutdown(own: SctpAssociation, bytes: Uint8Array, chunkAt: number): void {
  const { state } = own;
  if (state < SctpState.established) return;
  own.outbound!.takeShutdown(readU32(bytes, chunkAt + 4) | 0, own.sockets.namespace.world.nowNs);
  own.onAcknowledged(true);
  if (state === SctpState.shutdownAckSent) {
    own.repeatShutdown();
    return;
  }
  own.become(SctpState.shutdownReceived);
}
