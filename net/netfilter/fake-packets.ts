/**
 * Packets for tests of netfilter and conntrack: small, and with right checksums.
 *
 * Endpoints are texts (`10.0.0.1:80`), so that a test reads as a list of flows; `flowOf` reads a
 * packet back into the same form.
 */
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { readU16, readU32 } from '../../wire/bytes.ts';
import {
  finishIcmpChecksum,
  isIcmpChecksumRight,
  writeIcmpEcho,
  writeIcmpError,
} from '../../wire/icmp.ts';
import { destinationOf, headerBytesOf, isIpv6, protocolOf, sourceOf } from '../../wire/ip.ts';
import { IpProtocol, isValidIpv4Header, writeIpv4Header } from '../../wire/ipv4.ts';
import { isValidIpv6Header, NextHeader } from '../../wire/ipv6/header.ts';
import { isIcmpv6ChecksumRight } from '../../wire/ipv6/icmpv6.ts';
import { isSctpChecksumRight } from '../../wire/sctp.ts';
import { finishTcpChecksum, isTcpChecksumRight, TcpFlag, writeTcpHeader } from '../../wire/tcp.ts';
import { finishUdpChecksum, isUdpChecksumRight, writeUdpHeader } from '../../wire/udp.ts';
import { Packet } from '../packet.ts';
import { Way } from '../way.ts';

/** An address from its text; throws when it is none. */
export function address(text: string): number {
  const parsed = parseIpv4Address(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}

/** `10.0.0.1:80` as its two numbers. */
function endpoint(text: string): { address: number; port: number } {
  const [host = '', port = '0'] = text.split(':');
  return { address: address(host), port: Number(port) };
}

function begin(protocol: number, source: number, destination: number, bytes: number): Packet {
  const packet = Packet.allocate(20 + bytes);
  writeIpv4Header(packet.bytes, packet.start, {
    totalLengthBytes: 20 + bytes,
    identification: 7,
    dontFragment: true,
    ttl: 64,
    protocol,
    source,
    destination,
  });
  return packet;
}

/** What a TCP segment carries; flags default to SYN. */
export interface SegmentFields {
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly dataBytes?: number;
  readonly window?: number;
}

/** A TCP segment between two `address:port`. */
export function tcpPacket(from: string, to: string, fields: SegmentFields = {}): Packet {
  const [source, destination] = [endpoint(from), endpoint(to)];
  const dataBytes = fields.dataBytes ?? 0;
  const packet = begin(IpProtocol.tcp, source.address, destination.address, 20 + dataBytes);
  const at = packet.start + 20;
  writeTcpHeader(packet.bytes, at, {
    sourcePort: source.port,
    destinationPort: destination.port,
    sequence: fields.sequence ?? 1000,
    acknowledgement: fields.acknowledgement ?? 0,
    flags: fields.flags ?? TcpFlag.syn,
    window: fields.window ?? 64_240,
  });
  for (let i = 0; i < dataBytes; i++) packet.bytes[at + 20 + i] = i * 37;
  finishTcpChecksum(packet.bytes, at, 20 + dataBytes, source.address, destination.address);
  return packet;
}

/** A UDP datagram between two `address:port`. */
export function udpPacket(from: string, to: string, dataBytes = 5): Packet {
  const [source, destination] = [endpoint(from), endpoint(to)];
  const length = 8 + dataBytes;
  const packet = begin(IpProtocol.udp, source.address, destination.address, length);
  const at = packet.start + 20;
  writeUdpHeader(packet.bytes, at, source.port, destination.port, length, 0);
  for (let i = 0; i < dataBytes; i++) packet.bytes[at + 8 + i] = i * 41;
  finishUdpChecksum(packet.bytes, at, length, source.address, destination.address);
  return packet;
}

/** An ICMP echo (`type` 8) or its reply (0). */
export function echoPacket(from: string, to: string, identifier: number, type: 0 | 8 = 8): Packet {
  const packet = begin(IpProtocol.icmp, address(from), address(to), 16);
  writeIcmpEcho(packet.bytes, packet.start + 20, type, identifier, 1);
  finishIcmpChecksum(packet.bytes, packet.start + 20, 16);
  return packet;
}

/** An ICMP error from a router or host about a packet as it arrived there. */
export function errorPacket(from: string, about: Packet, type = 3, code = 4): Packet {
  const { bytes, start, end } = about;
  const quoted = end - start;
  const packet = begin(IpProtocol.icmp, address(from), readU32(bytes, start + 12), 8 + quoted);
  writeIcmpError(packet.bytes, packet.start + 20, type, code, 1400, bytes, start, end);
  return packet;
}

/** The packet, watched. */
export function watched(packet: Packet): Packet {
  packet.way = new Way();
  return packet;
}

/** `10.0.0.1:1024 > 10.0.0.2:80`, read from the bytes at `at`. */
export function flowText(bytes: Uint8Array, at: number): string {
  const transportAt = at + headerBytesOf(bytes, at);
  const source = formatIpv4Address(readU32(bytes, at + 12));
  const destination = formatIpv4Address(readU32(bytes, at + 16));
  if (bytes[at + 9] === IpProtocol.icmp) {
    return `${source} > ${destination} id ${readU16(bytes, transportAt + 4)}`;
  }
  const ports = [readU16(bytes, transportAt), readU16(bytes, transportAt + 2)];
  return `${source}:${ports[0]} > ${destination}:${ports[1]}`;
}

/** {@link flowText} of a packet. */
export function flowOf(packet: Packet): string {
  return flowText(packet.bytes, packet.start);
}

/** True when the header's and the transport's checksums are right, of either version of IP. */
export function hasRightChecksums(packet: Packet): boolean {
  const { bytes, start, end } = packet;
  const isVersion6 = isIpv6(bytes, start);
  const isValid = isVersion6 ? isValidIpv6Header : isValidIpv4Header;
  if (!isValid(bytes, start, end)) return false;
  const at = start + headerBytesOf(bytes, start);
  const [source, destination] = [sourceOf(bytes, start), destinationOf(bytes, start)];
  switch (protocolOf(bytes, start)) {
    case IpProtocol.tcp:
      return isTcpChecksumRight(bytes, at, end - at, source, destination);
    case IpProtocol.udp:
      return isUdpChecksumRight(bytes, at, end - at, source, destination);
    case IpProtocol.sctp:
      return isSctpChecksumRight(bytes, at, end);
    case NextHeader.icmpv6:
      return isIcmpv6ChecksumRight(bytes, at, end - at, source, destination);
    default:
      return isIcmpChecksumRight(bytes, at, end - at);
  }
}
