/**
 * Type of service and congestion across a tunnel: what the outer header says of the inner packet, and
 * what congestion on the underlay does to it (RFC 6040).
 * Mirrors `ip_tunnel_ecn_encap` (net/ip_tunnels.h) and `INET_ECN_decapsulate` (net/inet_ecn.h).
 */
import type { Packet } from '../net/packet.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherTypeOf } from '../wire/ethernet.ts';
import { setTos, tosOf } from '../wire/ipv4.ts';
import { setTrafficClass, trafficClassOf } from '../wire/ipv6/header.ts';

/** ECN's two bits of the type-of-service octet, and their values (RFC 3168). */
const ECN_MASK = 3;
const ECN_CAPABLE = 2;
const ECN_CONGESTED = 3;

/** The type of service of the packet in a frame (`packet.start`); 0 for what is not IP. */
function innerTosOf({ bytes, start }: Packet): number {
  const at = start + ETHERNET_HEADER_BYTES;
  switch (etherTypeOf(bytes, start)) {
    case EtherType.ipv4:
      return tosOf(bytes, at);
    case EtherType.ipv6:
      return trafficClassOf(bytes, at);
    default:
      return 0;
  }
}

/** The outer type of service: the device's own, and ECN, where congestion is not told twice. */
export function outerTosOf(frame: Packet, own: number | 'inherit'): number {
  const inner = innerTosOf(frame);
  const tos = own === 'inherit' ? inner : own;
  const ecn = inner & ECN_MASK;
  return (tos & ~ECN_MASK) | (ecn === ECN_CONGESTED ? ECN_CAPABLE : ecn);
}

/**
 * Tells the packet in a frame what the outer header says of congestion; false when it is one that
 * cannot be told and must be dropped.
 */
export function takesCongestion(frame: Packet, outerTos: number): boolean {
  if ((outerTos & ECN_MASK) !== ECN_CONGESTED) return true;
  const { bytes, start } = frame;
  const type = etherTypeOf(bytes, start);
  if (type !== EtherType.ipv4 && type !== EtherType.ipv6) return true;
  const tos = innerTosOf(frame);
  if ((tos & ECN_MASK) === 0) return false;
  const at = start + ETHERNET_HEADER_BYTES;
  if (type === EtherType.ipv4) setTos(bytes, at, tos | ECN_CONGESTED);
  else setTrafficClass(bytes, at, tos | ECN_CONGESTED);
  return true;
}
