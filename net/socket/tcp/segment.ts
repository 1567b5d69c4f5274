/**
 * Building segments: IPv4 and TCP headers straight into a packet with headroom, and the reset that
 * answers a segment nobody wants.
 *
 * Mirrors `__tcp_transmit_skb` and `tcp_v4_send_reset` (net/ipv4/tcp_output.c, tcp_ipv4.c).
 */
import type { Ipv4Address } from '../../../wire/addresses.ts';
import { writeU16, writeU32 } from '../../../wire/bytes.ts';
import {
  destinationOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  sourceOf,
  writeIpv4Header,
} from '../../../wire/ipv4.ts';
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

/** Bytes of headers in front of options and payload. */
const HEADERS_BYTES = IPV4_HEADER_BYTES + TCP_HEADER_BYTES;

/** A packet with room for `optionsBytes` of options and `payloadBytes` of payload. */
export function allocateSegment(optionsBytes: number, payloadBytes: number): Packet {
  return Packet.allocate(HEADERS_BYTES + optionsBytes + payloadBytes);
}

/** Where options, and behind them the payload, begin in a packet of {@link allocateSegment}. */
export function optionsOffsetOf(packet: Packet): number {
  return packet.start + HEADERS_BYTES;
}

/** Writes both headers and both checksums; options and payload are there already. */
export function finishSegment(
  packet: Packet,
  source: Ipv4Address,
  sourcePort: number,
  destination: Ipv4Address,
  destinationPort: number,
  sequence: number,
  acknowledgement: number,
  flags: number,
  window: number,
  optionsBytes: number,
  identification: number,
): void {
  const { bytes, start } = packet;
  const at = start + IPV4_HEADER_BYTES;
  const totalLengthBytes = packet.end - start;
  writeU16(bytes, at, sourcePort);
  writeU16(bytes, at + 2, destinationPort);
  writeU32(bytes, at + 4, sequence);
  writeU32(bytes, at + 8, acknowledgement);
  bytes[at + 12] = (TCP_HEADER_BYTES + optionsBytes) << 2;
  bytes[at + 13] = flags;
  writeU16(bytes, at + 14, window);
  finishTcpChecksum(bytes, at, totalLengthBytes - IPV4_HEADER_BYTES, source, destination);
  writeIpv4Header(bytes, start, {
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
  const reset = allocateSegment(0, 0);
  reset.way = packet.way?.fork();
  const localPort = destinationPortOf(bytes, at);
  const remote = sourceOf(bytes, start);
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
