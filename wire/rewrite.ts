/**
 * Rewriting one endpoint of a packet of either version, with every checksum that covers it: IPv4's
 * header's, and TCP's, UDP's or ICMPv6's with the pseudo header. What NAT and ipvs both do.
 *
 * SCTP's checksum covers no address; where a port changes it is computed anew, wrong or right before.
 * Mirrors nf_nat_proto.c (`nf_nat_ipv4_manip_pkt`, `l4proto_manip_pkt`) and `tcp_dnat_handler`
 * (net/netfilter/ipvs/ip_vs_proto_tcp.c): checksums are adjusted, so a wrong one stays just as
 * wrong. A later fragment has no ports; only its header is rewritten.
 */
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { adjustChecksum16, adjustChecksum32, adjustChecksumForAddress } from './checksum.ts';
import { IcmpType } from './icmp.ts';
import { isIpv6, totalLengthOf } from './ip.ts';
import { type IpAddress, readIpv6, writeIpv6 } from './ip-address.ts';
import {
  fragmentOffsetBytesOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  protocolOf,
} from './ipv4.ts';
import {
  IPV6_HEADER_BYTES,
  ipv6FragmentOffsetBytesOf,
  ipv6HeaderBytesOf,
  ipv6ProtocolOf,
  NextHeader,
} from './ipv6/header.ts';
import { Icmpv6Type } from './ipv6/icmpv6.ts';
import { finishSctpChecksum, SCTP_HEADER_BYTES } from './sctp.ts';

/**
 * Makes `address` and `port` (for an ICMP query its identifier) the source or the destination of the
 * packet at `at`. Its transport header may be cut short behind the ports, as in an ICMP quotation;
 * false when even those are missing.
 */
export function rewriteEndpoint(
  bytes: Uint8Array,
  at: number,
  end: number,
  isSource: boolean,
  address: IpAddress,
  port: number,
): boolean {
  if (isIpv6(bytes, at)) return rewriteIpv6(bytes, at, end, isSource, address, port);
  if (end - at < IPV4_HEADER_BYTES) return false;
  const addressAt = at + (isSource ? 12 : 16);
  const oldAddress = readU32(bytes, addressAt);
  if (fragmentOffsetBytesOf(bytes, at) === 0) {
    const protocol = protocolOf(bytes, at);
    const transportAt = at + headerBytesOf(bytes, at);
    const isDone =
      protocol === IpProtocol.icmp
        ? rewriteIdentifier(bytes, transportAt, end, port)
        : rewritePort(bytes, protocol, at, transportAt, end, isSource, oldAddress, address, port);
    if (!isDone) return false;
  }
  if (oldAddress === address) return true;
  writeU32(bytes, addressAt, address);
  const checksum = adjustChecksum32(readU16(bytes, at + 10), oldAddress, address);
  writeU16(bytes, at + 10, checksum);
  return true;
}

/** As {@link rewriteEndpoint}; ICMPv6's checksum covers the addresses, and there is none of the header. */
function rewriteIpv6(
  bytes: Uint8Array,
  at: number,
  end: number,
  isSource: boolean,
  address: IpAddress,
  port: number,
): boolean {
  if (end - at < IPV6_HEADER_BYTES) return false;
  const addressAt = at + (isSource ? 8 : 24);
  const oldAddress = readIpv6(bytes, addressAt);
  if (ipv6FragmentOffsetBytesOf(bytes, at) === 0) {
    const protocol = ipv6ProtocolOf(bytes, at);
    const transportAt = at + ipv6HeaderBytesOf(bytes, at);
    const isDone =
      protocol === NextHeader.icmpv6
        ? rewriteIcmpv6(bytes, transportAt, end, oldAddress, address, port)
        : rewritePort(bytes, protocol, at, transportAt, end, isSource, oldAddress, address, port);
    if (!isDone) return false;
  }
  writeIpv6(bytes, addressAt, address);
  return true;
}

function rewriteIcmpv6(
  bytes: Uint8Array,
  icmpAt: number,
  end: number,
  oldAddress: IpAddress,
  newAddress: IpAddress,
  identifier: number,
): boolean {
  if (end - icmpAt < 8) return false;
  let checksum = adjustChecksumForAddress(readU16(bytes, icmpAt + 2), oldAddress, newAddress);
  const type = bytes[icmpAt]!;
  if (type === Icmpv6Type.echoRequest || type === Icmpv6Type.echoReply) {
    checksum = adjustChecksum16(checksum, readU16(bytes, icmpAt + 4), identifier);
    writeU16(bytes, icmpAt + 4, identifier);
  }
  writeU16(bytes, icmpAt + 2, checksum);
  return true;
}

/** The identifier of an echo, timestamp, information or mask message; other types have none. */
function rewriteIdentifier(bytes: Uint8Array, icmpAt: number, end: number, next: number): boolean {
  if (end - icmpAt < 8) return false;
  const type = bytes[icmpAt]!;
  const isEcho = type === IcmpType.echoReply || type === IcmpType.echoRequest;
  if (!isEcho && (type < 13 || type > 18)) return true;
  const old = readU16(bytes, icmpAt + 4);
  if (old === next) return true;
  writeU16(bytes, icmpAt + 4, next);
  writeU16(bytes, icmpAt + 2, adjustChecksum16(readU16(bytes, icmpAt + 2), old, next));
  return true;
}

function rewritePort(
  bytes: Uint8Array,
  protocol: number,
  at: number,
  transportAt: number,
  end: number,
  isSource: boolean,
  oldAddress: IpAddress,
  newAddress: IpAddress,
  newPort: number,
): boolean {
  const isTcp = protocol === IpProtocol.tcp;
  const isUdp = protocol === IpProtocol.udp;
  if (protocol === IpProtocol.sctp) {
    return rewriteSctpPort(bytes, at, transportAt, end, isSource, newPort);
  }
  if (!isTcp && !isUdp) return true;
  if (end - transportAt < 8) return false;
  const portAt = transportAt + (isSource ? 0 : 2);
  const oldPort = readU16(bytes, portAt);
  writeU16(bytes, portAt, newPort);
  if (isTcp && end - transportAt < 20) return true;
  const checksumAt = transportAt + (isTcp ? 16 : 6);
  const old = readU16(bytes, checksumAt);
  if (isUdp && old === 0) return true;
  let checksum = adjustChecksumForAddress(old, oldAddress, newAddress);
  checksum = adjustChecksum16(checksum, oldPort, newPort);
  writeU16(bytes, checksumAt, isUdp && checksum === 0 ? 0xffff : checksum);
  return true;
}

/** A quotation that is cut short keeps its checksum, which nobody can compute. */
function rewriteSctpPort(
  bytes: Uint8Array,
  at: number,
  transportAt: number,
  end: number,
  isSource: boolean,
  newPort: number,
): boolean {
  if (end - transportAt < 8) return false;
  const portAt = transportAt + (isSource ? 0 : 2);
  if (readU16(bytes, portAt) === newPort) return true;
  writeU16(bytes, portAt, newPort);
  const whole = at + totalLengthOf(bytes, at);
  if (whole > end || whole - transportAt < SCTP_HEADER_BYTES) return true;
  finishSctpChecksum(bytes, transportAt, whole);
  return true;
}
