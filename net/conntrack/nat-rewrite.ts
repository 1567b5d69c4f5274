/**
 * Rewrites a packet of a connection, and what an ICMP error quotes of one.
 *
 * Mirrors nf_nat_proto.c (`nf_nat_manip_pkt`, `nf_nat_icmp_reply_translation`): a packet with a
 * wrong checksum stays just as wrong.
 */
import { readU16, readU32, writeU16, writeU32 } from '../../wire/bytes.ts';
import {
  adjustChecksum16,
  adjustChecksum32,
  adjustChecksumForAddress,
} from '../../wire/checksum.ts';
import { headerBytesOf, isIcmp, isIpv6 } from '../../wire/ip.ts';
import { readIpv6, writeIpv6 } from '../../wire/ip-address.ts';
import { rewriteEndpoint } from '../../wire/rewrite.ts';
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
  const address = isSource ? target.source : target.destination;
  // a tuple has an ICMP query's identifier as its source port, whichever way it goes
  const port = isSource || isIcmp(bytes, at) ? target.sourcePort : target.destinationPort;
  return rewriteEndpoint(bytes, at, end, isSource, address, port);
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
  const newAddress = isSource ? target.source : target.destination;
  if (isIpv6(bytes, at)) {
    // ICMPv6's checksum covers the error's own addresses, too
    const at6 = at + (isSource ? 8 : 24);
    const before6 = readIpv6(bytes, at6);
    const quoted = readU16(bytes, icmpAt + 2);
    writeU16(bytes, icmpAt + 2, adjustChecksumForAddress(quoted, before6, newAddress));
    writeIpv6(bytes, at6, newAddress);
    return true;
  }
  const addressAt = at + (isSource ? 12 : 16);
  const oldAddress = readU32(bytes, addressAt);
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
