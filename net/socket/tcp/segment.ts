/**
 * Building segments: IP and TCP headers straight into a packet with headroom, and the reset that
 * answers a segment nobody wants.
 *
 * Mirrors `__tcp_transmit_skb` and `tcp_v4_send_reset` (net/ipv4/tcp_output.c, tcp_ipv4.c).
 */
import { writeU16, writeU32 } from '../../../wire/bytes.ts';
import { destinationOf, plainHeaderBytes, sourceOf, writeIpHeader } from '../../../wire/ip.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import {
  acknowledgementOf,
  dataOffsetBytesOf,
  destinationPortOf,
  finishTcpChecksum,
  flagsOf,
  sequenceOf,
  sourcePortOf,
  TCP_HEADER_BYTES,
  TcpFlag,
} from '../../../wire/tcp.ts';
import { Packet } from '../../packet.ts';
import type { SocketTable } from '../table.ts';

/** TTL of what sockets send (`ip_default_ttl`). */
const TTL_DEFAULT = 64;

/** A packet to `destination` with room for so many bytes of options and payload. */
export function allocateSegment(
  destination: IpAddress,
  optionsBytes: number,
  payloadBytes: number,
): Packet {
  const headersBytes = plainHeaderBytes(destination) + TCP_HEADER_BYTES;
  return Packet.allocate(headersBytes + optionsBytes + payloadBytes);
}

/** Where options, and behind them the payload, begin in a packet of {@link allocateSegment}. */
export function optionsOffsetOf(packet: Packet, destination: IpAddress): number {
  return packet.start + plainHeaderBytes(destination) + TCP_HEADER_BYTES;
}

/** Writes both headers and both checksums; options and payload are there already. */
export function finishSegment(
  packet: Packet,
  source: IpAddress,
  sourcePort: number,
  destination: IpAddress,
  destinationPort: number,
  sequence: number,
  acknowledgement: number,
  flags: number,
  window: number,
  optionsBytes: number,
  identification: number,
): void {
  const { bytes, start } = packet;
  const ipBytes = plainHeaderBytes(destination);
  const at = start + ipBytes;
  const totalLengthBytes = packet.end - start;
  writeU16(bytes, at, sourcePort);
  writeU16(bytes, at + 2, destinationPort);
  writeU32(bytes, at + 4, sequence);
  writeU32(bytes, at + 8, acknowledgement);
  bytes[at + 12] = (TCP_HEADER_BYTES + optionsBytes) << 2;
  bytes[at + 13] = flags;
  writeU16(bytes, at + 14, window);
  finishTcpChecksum(bytes, at, totalLengthBytes - ipBytes, source, destination);
  writeIpHeader(bytes, start, {
    totalLengthBytes,
    identification,
    dontFragment: true,
    ttl: TTL_DEFAULT,
    protocol: IpProtocol.tcp,
    source,
    destination,
  });
}

/**
 * Answers the segment at `at` with a RST, unless it is one (RFC 9293, 3.5.2): its sequence number is
 * what the segment acknowledged, or else 0 with an acknowledgement of the segment.
 */
export function sendResetFor(table: SocketTable, packet: Packet, at: number, end: number): void {
  const { bytes, start } = packet;
  const flags = flagsOf(bytes, at);
  if ((flags & TcpFlag.rst) !== 0) return;
  const local = destinationOf(bytes, start);
  if (!table.namespace.isLocalAddress(local)) return;
  let sequence = 0;
  let acknowledgement = 0;
  let resetFlags: number = TcpFlag.rst;
  if ((flags & TcpFlag.ack) !== 0) sequence = acknowledgementOf(bytes, at);
  else {
    const count = (flags & TcpFlag.syn ? 1 : 0) + (flags & TcpFlag.fin ? 1 : 0);
    const payloadBytes = end - at - dataOffsetBytesOf(bytes, at);
    acknowledgement = sequenceOf(bytes, at) + count + payloadBytes;
    resetFlags |= TcpFlag.ack;
  }
  table.counters.resetsSent++;
  const localPort = destinationPortOf(bytes, at);
  const remote = sourceOf(bytes, start);
  const reset = allocateSegment(remote, 0, 0);
  reset.way = packet.way?.fork();
  const remotePort = sourcePortOf(bytes, at);
  finishSegment(
    reset,
    local,
    localPort,
    remote,
    remotePort,
    sequence,
    acknowledgement,
    resetFlags,
    0,
    0,
    0,
  );
  table.transmit(reset);
}
