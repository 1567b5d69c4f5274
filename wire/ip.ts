/**
 * The IP header of either version: what conntrack, netfilter, sockets and listings read of a packet
 * without caring which it is. `at` is the offset of the header; the version is its first four bits.
 */

import { writeU16 } from './bytes.ts';
import { type IpAddress, isIpv6Address } from './ip-address.ts';
import * as ipv4 from './ipv4.ts';
import { IPV4_HEADER_BYTES, type Ipv4Header, writeIpv4Header } from './ipv4.ts';
import * as ipv6 from './ipv6/header.ts';
import { IPV6_HEADER_BYTES, NextHeader, writeIpv6Header } from './ipv6/header.ts';

/** True for a packet of version 6. */
export function isIpv6(bytes: Uint8Array, at: number): boolean {
  return bytes[at]! >> 4 === 6;
}

/** The header with its options or extension headers, in bytes: where the protocol's own begins. */
export function headerBytesOf(bytes: Uint8Array, at: number): number {
  return isIpv6(bytes, at) ? ipv6.ipv6HeaderBytesOf(bytes, at) : ipv4.headerBytesOf(bytes, at);
}

/** The protocol of the payload. */
export function protocolOf(bytes: Uint8Array, at: number): number {
  return isIpv6(bytes, at) ? ipv6.ipv6ProtocolOf(bytes, at) : ipv4.protocolOf(bytes, at);
}

/** The source address. */
export function sourceOf(bytes: Uint8Array, at: number): IpAddress {
  return isIpv6(bytes, at) ? ipv6.ipv6SourceOf(bytes, at) : ipv4.sourceOf(bytes, at);
}

/** The destination address. */
export function destinationOf(bytes: Uint8Array, at: number): IpAddress {
  return isIpv6(bytes, at) ? ipv6.ipv6DestinationOf(bytes, at) : ipv4.destinationOf(bytes, at);
}

/** Header and payload, in bytes. */
export function totalLengthOf(bytes: Uint8Array, at: number): number {
  if (!isIpv6(bytes, at)) return ipv4.totalLengthOf(bytes, at);
  return IPV6_HEADER_BYTES + ipv6.payloadBytesOf(bytes, at);
}

/** TTL or hop limit. */
export function hopsOf(bytes: Uint8Array, at: number): number {
  return isIpv6(bytes, at) ? ipv6.hopLimitOf(bytes, at) : ipv4.ttlOf(bytes, at);
}

/** Where this fragment's payload belongs in the whole, in bytes; 0 for what is no later fragment. */
export function fragmentOffsetBytesOf(bytes: Uint8Array, at: number): number {
  if (!isIpv6(bytes, at)) return ipv4.fragmentOffsetBytesOf(bytes, at);
  return ipv6.ipv6FragmentOffsetBytesOf(bytes, at);
}

/** True for any fragment, the first included. */
export function isFragment(bytes: Uint8Array, at: number): boolean {
  if (!isIpv6(bytes, at)) return ipv4.isFragment(bytes, at);
  return ipv6.fragmentHeaderAtOf(bytes, at) >= 0;
}

/** True for ICMP in IPv4 and ICMPv6 in IPv6. */
export function isIcmp(bytes: Uint8Array, at: number): boolean {
  if (!isIpv6(bytes, at)) return ipv4.protocolOf(bytes, at) === ipv4.IpProtocol.icmp;
  return ipv6.ipv6ProtocolOf(bytes, at) === NextHeader.icmpv6;
}

/** Writes the protocol of the payload, into a header without extensions. */
export function setProtocol(bytes: Uint8Array, at: number, protocol: number): void {
  if (isIpv6(bytes, at)) bytes[at + 6] = protocol;
  else ipv4.setProtocol(bytes, at, protocol);
}

/** Writes the length of header and payload. */
export function setTotalLength(bytes: Uint8Array, at: number, lengthBytes: number): void {
  if (isIpv6(bytes, at)) writeU16(bytes, at + 4, lengthBytes - IPV6_HEADER_BYTES);
  else ipv4.setTotalLength(bytes, at, lengthBytes);
}

/** Length of a plain header of the family of an address. */
export function plainHeaderBytes(address: IpAddress): number {
  return isIpv6Address(address) ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
}

/** Writes a plain header of the family of the destination; IPv6 has no use for identification. */
export function writeIpHeader(bytes: Uint8Array, at: number, header: Ipv4Header): void {
  if (!isIpv6Address(header.destination)) {
    writeIpv4Header(bytes, at, header);
    return;
  }
  writeIpv6Header(bytes, at, {
    payloadBytes: header.totalLengthBytes - IPV6_HEADER_BYTES,
    nextHeader: header.protocol,
    hopLimit: header.ttl,
    source: header.source,
    destination: header.destination,
    trafficClass: header.tos ?? 0,
  });
}
