/**
 * Rewrites one endpoint of a packet, with its checksums adjusted incrementally.
 *
 * Mirrors nf_nat_proto.c (`l4proto_manip_pkt`, `nf_nat_ipv4_manip_pkt`,
 * `nf_nat_icmp_reply_translation`): a packet with a wrong checksum stays just as wrong.
 */
import { readU16, readU32, writeU16, writeU32 } from '../../wire/bytes.ts';
import { adjustChecksum16, adjustChecksum32 } from '../../wire/checksum.ts';
import { fragmentOffsetBytesOf, headerBytesOf, IpProtocol } from '../../wire/ipv4.ts';
import type { TupleFields } from './tuple.ts';

/**
 * Makes the source (or destination) of the packet at `at` that of `target`; its transport header
 * may be cut short behind the ports, as in an ICMP quotation. False when even those are missing.
 */
export function rewriteHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  target: TupleFields,
  isSource: boolean,
): boolean {
  if (end - at < 20) return false;
  const addressAt = at + (isSource ? 12 : 16);
  const oldAddress = readU32(bytes, addressAt);
  const newAddress = isSource ? target.source : target.destination;
  if (fragmentOffsetBytesOf(bytes, at) === 0) {
    const transportAt = at + headerBytesOf(bytes, at);
    if (!rewriteTransport(bytes, at, transportAt, end, target, isSource, oldAddress, newAddress)) {
      return false;
    }
  }
  if (oldAddress === newAddress) return true;
  writeU32(bytes, addressAt, newAddress);
  const checksum = adjustChecksum32(readU16(bytes, at + 10), oldAddress, newAddress);
  writeU16(bytes, at + 10, checksum);
  return true;
}

function rewriteTransport(
  bytes: Uint8Array,
  at: number,
  transportAt: number,
  end: number,
  target: TupleFields,
  isSource: boolean,
  oldAddress: number,
  newAddress: number,
): boolean {
  const protocol = bytes[at + 9]!;
  switch (protocol) {
    case IpProtocol.icmp: {
      if (end - transportAt < 8) return false;
      const type = bytes[transportAt]!;
      if (type !== 0 && type !== 8 && (type < 13 || type > 18)) return true;
      const oldId = readU16(bytes, transportAt + 4);
      if (oldId === target.sourcePort) return true;
      writeU16(bytes, transportAt + 4, target.sourcePort);
      const checksum = readU16(bytes, transportAt + 2);
      writeU16(bytes, transportAt + 2, adjustChecksum16(checksum, oldId, target.sourcePort));
      return true;
    }
    case IpProtocol.tcp:
    case IpProtocol.udp:
    case IpProtocol.sctp:
      break;
    default:
      return true;
  }
  if (end - transportAt < 8) return false;
  const portAt = transportAt + (isSource ? 0 : 2);
  const oldPort = readU16(bytes, portAt);
  const newPort = isSource ? target.sourcePort : target.destinationPort;
  writeU16(bytes, portAt, newPort);
  if (protocol === IpProtocol.sctp) return true;
  const isTcp = protocol === IpProtocol.tcp;
  const checksumAt = transportAt + (isTcp ? 16 : 6);
  if (isTcp && end - transportAt < 20) return true;
  const old = readU16(bytes, checksumAt);
  if (!isTcp && old === 0) return true;
  const checksum = adjustChecksum16(
    adjustChecksum32(old, oldAddress, newAddress),
    oldPort,
    newPort,
  );
  writeU16(bytes, checksumAt, !isTcp && checksum === 0 ? 0xffff : checksum);
  return true;
}

/**
 * Rewrites an ICMP error at `at`: the quoted packet's opposite endpoint becomes that of
 * `quotedTarget`, the error's own address that of `target`. The ICMP checksum is adjusted by what
 * changed in the quotation. False when the quotation is cut short.
 */
export function rewriteIcmpError(
  bytes: Uint8Array,
  at: number,
  end: number,
  quotedTarget: TupleFields,
  target: TupleFields,
  isSource: boolean,
): boolean {
  const icmpAt = at + headerBytesOf(bytes, at);
  const innerAt = icmpAt + 8;
  if (end - innerAt < 28) return false;
  const before = quotedSum(bytes, innerAt, end);
  if (!rewriteHeader(bytes, innerAt, end, quotedTarget, !isSource)) return false;
  const after = quotedSum(bytes, innerAt, end);
  const checksum = readU16(bytes, icmpAt + 2);
  writeU16(bytes, icmpAt + 2, adjustChecksum16(checksum, before, after));
  const addressAt = at + (isSource ? 12 : 16);
  const oldAddress = readU32(bytes, addressAt);
  const newAddress = isSource ? target.source : target.destination;
  writeU32(bytes, addressAt, newAddress);
  writeU16(bytes, at + 10, adjustChecksum32(readU16(bytes, at + 10), oldAddress, newAddress));
  return true;
}

/** The folded sum of the words that a rewrite of the quotation may change. */
function quotedSum(bytes: Uint8Array, innerAt: number, end: number): number {
  const transportAt = innerAt + headerBytesOf(bytes, innerAt);
  const stop = Math.min(end, transportAt + 20);
  let sum = 0;
  for (let at = innerAt; at + 1 < stop; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}
